/**
 * Sets of MySQL's global transaction ids, such as `3e11fa47-…:1-5:11,…`: which transactions a server has. Tells without asking a server what one has
 * that another lacks. Tagged ids (`uuid:tag:1-3`) are known too.
 */

/** First and last number of a run of transactions, both in it. */
type Interval = readonly [first: number, last: number];

/** Runs by source (`uuid` or `uuid:tag`), each list in order with gaps between its runs. */
type GtidSet = ReadonlyMap<string, readonly Interval[]>;

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const tag = /^[a-z_][a-z0-9_]{0,31}$/;
const interval = /^(\d{1,19})(?:-(\d{1,19}))?$/;

function merged(intervals: readonly Interval[]): Interval[] {
  const result: Interval[] = [];
  for (const [first, last] of intervals.toSorted((a, b) => a[0] - b[0])) {
    const before = result.at(-1);
    if (before !== undefined && first <= before[1] + 1) {
      result[result.length - 1] = [before[0], Math.max(before[1], last)];
    } else if (first <= last) {
      result.push([first, last]);
    }
  }
  return result;
}

function parse(text: string): GtidSet {
  const found = new Map<string, Interval[]>();
  for (const part of text.toLowerCase().replace(/\s/g, "").split(",").filter(Boolean)) {
    const [server = "", ...rest] = part.split(":");
    let source = server;
    const wrong = new Error(`"${part}" is no set of global transaction ids, such as ${"0".repeat(8)}-…:1-5`);
    if (!uuid.test(server) || rest.length === 0) {
      throw wrong;
    }
    for (const one of rest) {
      const numbers = interval.exec(one);
      if (numbers) {
        const first = Number(numbers[1]);
        found.set(source, [...(found.get(source) ?? []), [first, Number(numbers[2] ?? first)]]);
      } else if (tag.test(one)) {
        source = `${server}:${one}`;
      } else {
        throw wrong;
      }
    }
  }
  return new Map([...found].map(([source, intervals]) => [source, merged(intervals)]));
}

function without(intervals: readonly Interval[], taken: readonly Interval[]): Interval[] {
  let left = [...intervals];
  for (const [first, last] of taken) {
    left = left.flatMap(([from, to]): Interval[] =>
      last < from || first > to
        ? [[from, to]]
        : [...(from < first ? [[from, first - 1] as const] : []), ...(to > last ? [[last + 1, to] as const] : [])],
    );
  }
  return left;
}

/**
 * The transactions of `mine` that are not in `theirs`, as MySQL's GTID_SUBTRACT; empty when `theirs` holds all of them.
 * @throws Error when one is no such set
 */
export function gtidSubtract(mine: string, theirs: string): string {
  const taken = parse(theirs);
  return [...parse(mine)]
    .map(([source, intervals]) => ({ source, left: without(intervals, taken.get(source) ?? []) }))
    .filter(({ left }) => left.length > 0)
    .map(({ source, left }) =>
      [source, ...left.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`))].join(":"),
    )
    .join(",");
}

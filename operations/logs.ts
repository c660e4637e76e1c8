/** What hosts logged: the command that shows it on one, and the lines of several as one. */

/** What is asked for of hosts' logs. */
export interface LogSelection {
  /** The last lines; undefined: 100, or all since {@link since}. */
  readonly lines?: number | undefined;
  /** Goes on with what comes. */
  readonly follow?: boolean | undefined;
  /** Not older than this, in seconds since 1970. */
  readonly since?: number | undefined;
  /** A regular expression of Python's; without a capital letter it finds either case. */
  readonly grep?: string | undefined;
  /** The application's log alone. */
  readonly app?: boolean | undefined;
}

/**
 * A host that is being made has no such program yet, and one with an older package never gets it: there the journal is all. One that knows no parts of it says
 * so, rather than show what was not asked for.
 */
const SHOW_LOGS = `package=/usr/local/lib/webinfra/current
times=--times
grep -q -e --times $package/webinfra/logs.py 2>/dev/null || times=
case "$times $*" in
  " "*--since=*|" "*--grep=*|" "*--app*)
    echo "this host has no host package yet, or an older one, which shows its whole log alone: \\\`webinfra up\\\` renews it" >&2
    exit 1 ;;
esac
[ ! -e $package/webinfra/logs.py ] || exec $package/webinfra-host logs $times "$@"
exec journalctl --no-pager "$@"`;

/** The command that shows what a host logged: its journal, and a line a request of its visitors. Each line begins with its time in seconds since 1970 where the host knows how. */
export function logsCommand({ lines, follow, since, grep, app }: LogSelection): string[] {
  return [
    ...["sh", "-c", SHOW_LOGS, "logs"],
    ...(lines === undefined ? (since === undefined ? ["--lines=100"] : []) : [`--lines=${String(lines)}`]),
    ...(since === undefined ? [] : [`--since=${String(since)}`]),
    ...(grep === undefined ? [] : [`--grep=${grep}`]),
    ...(app === true ? ["--app"] : []),
    ...(follow === true ? ["--follow"] : []),
  ];
}

/** A line of a host's log. */
export interface LogLine {
  /** Seconds since 1970. */
  readonly time: number;
  /** What follows the time, such as `web-1 nginx: …`; of an older host package all of it, with its own time. */
  readonly text: string;
  /** Whether the text begins with a time of its own. */
  readonly dated: boolean;
}

/** Reads the lines that a host showed. One without a time belongs to the one before it. @param before the last line of that host until now */
export function readLogLines(texts: readonly string[], before?: LogLine): LogLine[] {
  const found: LogLine[] = [];
  for (const text of texts) {
    const [, time, rest] = /^(\d+\.\d+) (.*)$/s.exec(text) ?? [];
    const last = found.at(-1) ?? before;
    found.push(
      time === undefined || rest === undefined
        ? { time: last?.time ?? 0, text, dated: true }
        : { time: Number(time), text: rest, dated: false },
    );
  }
  return found;
}

/** Lines of several hosts in the order of time; those of one host stay in theirs. */
export const inOrder = (groups: readonly (readonly LogLine[])[]): LogLine[] =>
  groups.flat().sort((a, b) => a.time - b.time);

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/**
 * Reads a time of the past: how long ago (`30s`, `10m`, `2h`, `3d`), or a date and time of this machine's clock.
 * @param now milliseconds since 1970
 * @returns seconds since 1970; undefined when it is neither
 */
export function parseSince(text: string, now: number): number | undefined {
  const [, count, unit = ""] = /^(\d+)([smhd])$/.exec(text) ?? [];
  if (count !== undefined) {
    const since = Math.floor(now / 1000) - Number(count) * (units[unit] ?? 0);
    return since < 0 ? undefined : since;
  }
  const [, date, hour = "T00:00"] = /^(\d{4}-\d{2}-\d{2})([T ]\d{2}:\d{2}(?::\d{2})?)?$/.exec(text) ?? [];
  const time = date === undefined ? NaN : new Date(`${date}${hour.replace(" ", "T")}`).getTime();
  // There is no 30th of February, whatever Date makes of it.
  const real = date !== undefined && new Date(time).getDate() === Number(date.slice(-2));
  return Number.isNaN(time) || !real ? undefined : time / 1000;
}

import assert from "node:assert/strict";
import fc from "fast-check";
import { gtidSubtract } from "../../core/gtid";

const server = (digit: string) => `${digit.repeat(8)}-1111-1111-1111-111111111111`;
const [a, b] = [server("a"), server("b")];

/** Transactions as a set of "source:number", and as MySQL writes them, in any order and with overlaps. */
const transactions = fc
  .array(
    fc.record({
      source: fc.constantFrom(a, b, `${b}:backup`),
      first: fc.integer({ min: 1, max: 30 }),
      length: fc.integer({ min: 0, max: 9 }),
    }),
    { maxLength: 8 },
  )
  .map((runs) => ({
    members: new Set(
      runs.flatMap(({ source, first, length }) =>
        Array.from({ length: length + 1 }, (_, index) => `${source}:${String(first + index)}`),
      ),
    ),
    text: runs
      .map(
        ({ source, first, length }) => `${source}:${String(first)}${length === 0 ? "" : `-${String(first + length)}`}`,
      )
      .join(",\n"),
  }));

function members(text: string): Set<string> {
  return new Set(
    text
      .split(",")
      .filter(Boolean)
      .flatMap((part) => {
        const [, source = "", runs = ""] = /^(.{36}(?::[a-z]+)?):(.*)$/.exec(part) ?? [];
        return runs.split(":").flatMap((run) => {
          const [first = 0, last = first] = run.split("-").map(Number);
          return Array.from({ length: last - first + 1 }, (_, index) => `${source}:${String(first + index)}`);
        });
      }),
  );
}

describe("gtid sets", () => {
  it("say what one server has that another lacks", () => {
    assert.equal(gtidSubtract("", ""), "");
    assert.equal(gtidSubtract(`${a}:1-5`, `${a}:1-5`), "");
    assert.equal(gtidSubtract(`${a}:1-5`, `${a}:2-3,${b}:1-9`), `${a}:1:4-5`);
    assert.equal(gtidSubtract(`${a}:1-5:7:9-10,\n${b}:1`, `${a}:1-9`), `${a}:10,${b}:1`);
    assert.equal(gtidSubtract(`${a}:1-3:backup:1-4`, `${a}:1-3:backup:2`), `${a}:backup:1:3-4`);
    assert.equal(gtidSubtract(`${a.toUpperCase()}:1-5`, `${a}:1-4`), `${a}:5`);
  });

  it("refuse what is none", () => {
    for (const text of ["x", a, `${a}:`, `${a}:1-`, `${a}:1-2-3`, `${a}:-1`, "aaaa:1"]) {
      assert.throws(() => gtidSubtract(text, ""), /is no set of global transaction ids, such as 00000000-…:1-5/, text);
    }
  });

  it("are subtracted as sets are", () => {
    fc.assert(
      fc.property(transactions, transactions, (mine, theirs) => {
        const left = new Set([...mine.members].filter((one) => !theirs.members.has(one)));
        assert.deepEqual(members(gtidSubtract(mine.text, theirs.text)), left);
      }),
    );
  });

  it("lack nothing of themselves, nor of a set that was added to them", () => {
    fc.assert(
      fc.property(transactions, transactions, (mine, more) => {
        const both = [mine.text, more.text].filter(Boolean).join(",");
        assert.equal(gtidSubtract(mine.text, both), "");
      }),
    );
  });
});

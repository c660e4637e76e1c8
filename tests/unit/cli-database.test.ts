import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isPromotionResult, promotionLine } from "../../cli/terminal/promotion";
import { UserError } from "../../core/errors";
import {
  type DatabaseState,
  type Epoch,
  type NewPrimaryPointer,
  type PrimaryPointer,
  sameEpoch,
  writeFirstPrimaryPointer,
} from "../../core/protocol";
import { readPointer } from "../../operations/access/directory";
import { type DatabaseHost, promoteHost, type PromotionSite } from "../../operations/promote";
import { PointerMovedError } from "../../provider/channel/move";
import { databaseState, memberState } from "../support/state";

const uuid = "aaaaaaaa-1111-1111-1111-111111111111";
type Said = DatabaseState;
const primary = (more: Partial<Said> = {}): Said =>
  databaseState({ role: "primary", writable: true, executed: `${uuid}:1-9`, ...more });
const replica = (more: Partial<Said> = {}): Said =>
  databaseState({ role: "replica", replica: true, stale: true, lagSeconds: 0, executed: `${uuid}:1-9`, ...more });

const pointerOf = (epoch: number, primary: string, more: Partial<PrimaryPointer> = {}): PrimaryPointer => ({
  version: 2,
  epoch,
  nonce: `old${String(epoch)}`,
  primary,
  previous: null,
  previousKnown: true,
  force: false,
  ...more,
});
/** What a promotion writes. */
const after = (pointer: PrimaryPointer, primary: string, more: Partial<NewPrimaryPointer> = {}): NewPrimaryPointer => ({
  epoch: pointer.epoch + 1,
  nonce: "n1",
  primary,
  previous: { epoch: pointer.epoch, nonce: pointer.nonce, primary: pointer.primary },
  force: false,
  ...more,
});
const old = pointerOf(4, "db-1");

/** Hosts that act on the pointer: each look is a step, and a clock that goes on only when somebody sleeps. */
class Stage implements PromotionSite {
  readonly stack = "trial";
  readonly hosts = [
    { name: "lb-1", roles: ["loadBalancer"] },
    { name: "db-1", roles: ["database"] },
    { name: "db-2", roles: ["database"] },
    { name: "db-3", roles: ["database"] },
  ];
  readonly said: Record<string, Said | null> = { "db-1": primary(), "db-2": replica(), "db-3": replica() };
  readonly written: NewPrimaryPointer[] = [];
  /** Progress as it is, results after a "=". */
  readonly seen: string[] = [];
  hints = 0;
  current = old;
  private milliseconds = 0;
  private pending = false;
  /** How the hosts act on a new pointer. */
  act: (pointer: PrimaryPointer) => void = ({ epoch, nonce, primary: name }) => {
    for (const [host, said] of Object.entries(this.said)) {
      if (said !== null) {
        this.said[host] = host === name ? primary({ epoch, nonce }) : replica({ epoch, nonce });
      }
    }
  };

  look(): Promise<DatabaseHost[]> {
    const look = Object.entries(this.said).map(([name, said]) => ({
      name,
      said,
      silent: said === null ? "does not run" : null,
    }));
    // What hosts do about a pointer is seen at the look after.
    if (this.pending) {
      this.pending = false;
      this.act(this.current);
    }
    return Promise.resolve(look);
  }

  pointer(): Promise<PrimaryPointer> {
    return Promise.resolve(this.current);
  }

  point(expected: Epoch, next: NewPrimaryPointer): Promise<void> {
    if (!sameEpoch(expected, this.current)) {
      return Promise.reject(new PointerMovedError(this.current));
    }
    this.written.push(next);
    this.current = { version: 2, previousKnown: true, ...next };
    this.pending = true;
    return Promise.resolve();
  }

  hint(): Promise<void> {
    this.hints++;
    this.pending = true;
    return Promise.resolve();
  }

  nonce(): string {
    return `n${String(this.written.length + 1)}`;
  }

  now(): number {
    return this.milliseconds;
  }

  sleep(milliseconds: number): Promise<void> {
    this.milliseconds += milliseconds;
    return Promise.resolve();
  }

  promote(host: string, force = false) {
    return promoteHost(this, host, force, (event) => {
      this.seen.push(`${isPromotionResult(event) ? "= " : ""}${promotionLine(event)}`);
    });
  }
}

/** Holds a refusal's words, and that nothing was changed. */
async function refused(stage: Stage, host: string, force: boolean, words: string): Promise<void> {
  await assert.rejects(stage.promote(host, force), (error) => {
    assert.ok(error instanceof UserError);
    assert.equal(error.message, words);
    return true;
  });
  assert.deepEqual(stage.written, []);
}

describe("cli: database promote", () => {
  let stage: Stage;
  beforeEach(() => {
    stage = new Stage();
  });

  it("moves the pointer, and waits until the hosts have acted on it", async () => {
    const promotion = await stage.promote("db-2");
    assert.deepEqual(stage.written, [after(old, "db-2")]);
    assert.deepEqual(promotion, {
      stack: "trial",
      primary: "db-2",
      from: "db-1",
      epoch: 5,
      nonce: "n1",
      forced: false,
      changed: true,
      seconds: 0.1,
      closedSeconds: 0,
      followSeconds: 0,
      following: ["db-1", "db-3"],
      notFollowing: [],
    });
    assert.deepEqual(stage.seen, [
      '"db-1" closes for writes, "db-2" takes over',
      "no writes were taken for about 0.0 s, as the hosts say",
      '= "db-2" is the primary',
      '"db-1" follows',
      '"db-3" follows',
    ]);
  });

  it("has nothing to do for the primary itself", async () => {
    const promotion = await stage.promote("db-1");
    assert.deepEqual([promotion.changed, promotion.epoch, stage.written], [false, 4, []]);
    assert.deepEqual(stage.seen, ['= "db-1" is the primary already']);
  });

  it("refuses a host that there is not, and one without a database", async () => {
    await refused(
      stage,
      "bd-2",
      false,
      'there is no host "bd-2" in the stack "trial" (did you mean "db-2"?); hosts with a database: db-1, db-2, db-3',
    );
    await refused(
      stage,
      "lb-1",
      false,
      '"lb-1" has no database (its roles: loadBalancer); hosts with a database: db-1, db-2, db-3',
    );
    stage.hosts.length = 0;
    await refused(
      stage,
      "db-2",
      false,
      'there is no host "db-2" in the stack "trial"; it has no hosts: `webinfra up --stack trial` makes them',
    );
  });

  it("refuses a replica that is not healthy, and says what it lacks", async () => {
    const cannot = '"db-2" cannot be promoted, as it is no healthy replica: it ';
    const cases: [Said | null, string][] = [
      [{ ...replica(), role: "fenced", replica: false, fenced: "has more than db-1" }, "is fenced: has more than db-1"],
      [{ ...replica(), replica: false, lagSeconds: 12.5 }, "is 12.5 s behind or has lost the primary"],
      [{ ...replica(), replica: false, stale: false, role: "none" }, "is neither primary nor replica now"],
      [{ ...replica(), replica: false, error: "Lost connection" }, "says: Lost connection"],
    ];
    for (const [said, words] of cases) {
      stage.said["db-2"] = said;
      await refused(stage, "db-2", false, `${cannot}${words}. Nothing was changed.`);
    }
    stage.said["db-2"] = null;
    await refused(stage, "db-2", false, '"db-2" cannot be promoted: does not run. Nothing was changed.');
  });

  it("refuses the planned way when the primary is gone or closed", async () => {
    const use = "use --force, which may lose acknowledged writes that only it holds. Nothing was changed.";
    stage.said["db-1"] = null;
    await refused(stage, "db-2", false, `the primary "db-1" is gone (it does not run): ${use}`);
    stage.said["db-1"] = { ...primary(), writable: false, role: "none" };
    await refused(
      stage,
      "db-2",
      false,
      `the primary "db-1" takes no writes (it is neither primary nor replica now): bring it back, or ${use}`,
    );
  });

  it("refuses --force while the primary takes writes", async () => {
    await refused(
      stage,
      "db-2",
      true,
      '"db-1" still takes writes, and --force is for a primary that is gone: `webinfra database promote db-2 --stack trial` moves them without a loss. ' +
        "Nothing was changed.",
    );
  });

  it("refuses --force for a replica that lacks what another one has", async () => {
    stage.said["db-1"] = null;
    stage.said["db-3"] = { ...replica(), executed: `${uuid}:1-12` };
    await refused(
      stage,
      "db-2",
      true,
      `"db-3" holds transactions that "db-2" lacks (${uuid}:10-12): promote "db-3", or wait until "db-2" has them. Nothing was changed.`,
    );
  });

  it("--force: counts what a replica has received and not applied yet", async () => {
    stage.said["db-1"] = null;
    stage.said["db-3"] = { ...replica(), received: `${uuid}:5-11` };
    await refused(
      stage,
      "db-2",
      true,
      `"db-3" holds transactions that "db-2" lacks (${uuid}:10-11): promote "db-3", or wait until "db-2" has them. Nothing was changed.`,
    );
    stage.said["db-2"] = { ...replica(), received: `${uuid}:7-12` };
    await stage.promote("db-2", true);
  });

  it("--force: does without a primary that is gone, from a replica that has lost it", async () => {
    stage.said["db-1"] = null;
    stage.said["db-2"] = { ...replica(), replica: false };
    const promotion = await stage.promote("db-2", true);
    assert.deepEqual(stage.written, [after(old, "db-2", { force: true })]);
    assert.deepEqual([promotion.closedSeconds, promotion.followSeconds], [null, null]);
    assert.deepEqual(stage.seen, [
      '"db-2" takes over without "db-1"',
      '= "db-2" is the primary',
      '"db-3" follows',
      '= "db-1" does not follow yet: it does not run',
      '= should "db-1" return, it follows, or fences itself and says what it holds that "db-2" lacks',
    ]);
  });

  it("--force: says what a closed primary holds alone", async () => {
    stage.said["db-1"] = databaseState({ executed: `${uuid}:1-11` });
    await stage.promote("db-2", true);
    assert.equal(stage.seen[0], `"db-1" holds what "db-2" lacks: ${uuid}:10-11; it stays there alone`);
  });

  it("--force: never promotes a fenced host", async () => {
    stage.said["db-1"] = null;
    stage.said["db-2"] = replica({ role: "fenced", fenced: "has more than db-1" });
    const words =
      '"db-2" cannot be promoted, as it is no healthy replica: it is fenced: has more than db-1. Nothing was changed.';
    await refused(stage, "db-2", true, words);
    // Nor goes on with one.
    stage.current = pointerOf(5, "db-2", { force: true });
    await refused(stage, "db-2", true, words);
  });

  it("goes on with a promotion that an earlier run did not see end, and moves nothing", async () => {
    for (const force of [false, true]) {
      stage = new Stage();
      stage.current = pointerOf(5, "db-2", { force, previous: { epoch: 4, nonce: "old4", primary: "db-1" } });
      stage.said["db-1"] = force ? null : databaseState({ epoch: 5, nonce: "old5" });
      const promotion = await stage.promote("db-2", force);
      assert.deepEqual([stage.written, stage.hints], [[], 1]);
      assert.deepEqual(
        [promotion.changed, promotion.from, promotion.epoch, promotion.nonce],
        [true, "db-1", 5, "old5"],
      );
      assert.equal(stage.seen[0], 'the primary pointer names "db-2" already (number 5): waiting until it takes over');
    }
  });

  it("forces what was planned, when the pointer names the host and is not forced", async () => {
    stage.said["db-1"] = null;
    stage.current = pointerOf(5, "db-2");
    await stage.promote("db-2", true);
    assert.deepEqual(stage.written, [after(pointerOf(5, "db-2"), "db-2", { force: true })]);
  });

  it("recovers from a promotion that was killed before hosts saw its pointer", async () => {
    const killed = pointerOf(5, "db-2", { previous: { epoch: 4, nonce: "old4", primary: "db-1" } });
    stage.current = killed;
    const promotion = await stage.promote("db-3");
    assert.deepEqual(stage.written, [after(killed, "db-3")]);
    assert.equal(promotion.from, "db-1");
    assert.equal(stage.seen[0], '"db-1" closes for writes, "db-3" takes over');
    // Back to the one that is still open.
    stage = new Stage();
    stage.current = killed;
    await stage.promote("db-1");
    assert.deepEqual(stage.written, [after(killed, "db-1")]);
  });

  it("takes a number above all that hosts have heard of", async () => {
    stage.said["db-3"] = replica({ epoch: 9, nonce: "x" });
    stage.said["db-2"] = replica({ member: memberState({ opened: 11 }) });
    await stage.promote("db-2");
    assert.deepEqual(
      stage.written.map(({ epoch, previous }) => [epoch, previous?.epoch]),
      [[12, 4]],
    );
  });

  it("ends a conflict with a higher number, and says what a conflict is", async () => {
    const conflict = memberState({ conflict: true });
    const closed = databaseState({ epoch: 5, nonce: "x", executed: `${uuid}:1-9`, member: conflict });
    stage.current = pointerOf(5, "db-2", { nonce: "y" });
    for (const host of ["db-1", "db-2", "db-3"]) {
      stage.said[host] = closed;
    }
    await refused(
      stage,
      "db-2",
      true,
      '"db-2" cannot be promoted, as it is no healthy replica: it sees a conflict: two promotions used the number 5 at once: run promote again. ' +
        "Nothing was changed.",
    );
    await stage.promote("db-2");
    assert.deepEqual(stage.written, [after(pointerOf(5, "db-2", { nonce: "y" }), "db-2")]);
  });

  it("takes back the primary before, when the pointer names a fenced host and everybody is closed", async () => {
    stage.current = pointerOf(5, "db-1");
    stage.said["db-1"] = { ...replica(), role: "fenced", fenced: "has transactions that db-2 lacks: x", stale: false };
    stage.said["db-2"] = { ...replica(), role: "none", replica: false, stale: false };
    const promotion = await stage.promote("db-2", true);
    assert.deepEqual(stage.written, [{ ...after(pointerOf(5, "db-1"), "db-2"), force: true }]);
    assert.equal(promotion.primary, "db-2");
  });

  it("gives the old primary its role back when the new one does not take over in time", async () => {
    const act = stage.act;
    stage.act = (pointer) => {
      if (pointer.primary === "db-2") {
        stage.said["db-1"] = { ...replica(), role: "none", replica: false, stale: false };
        stage.said["db-2"] = { ...replica(), error: "cannot write" };
      } else {
        act(pointer);
      }
    };
    await assert.rejects(stage.promote("db-2"), {
      name: "UserError",
      message:
        '"db-2" did not take over within 30 s (it says: cannot write): "db-1" was made the primary again, and takes writes; no write was lost',
    });
    const given = after(old, "db-2");
    assert.deepEqual(stage.written, [
      given,
      { epoch: 6, nonce: "n2", primary: "db-1", previous: { epoch: 5, nonce: "n1", primary: "db-2" }, force: false },
    ]);
  });

  it("takes nothing back when another promotion moved the pointer meanwhile", async () => {
    stage.act = () => {
      stage.said["db-1"] = databaseState();
      stage.current = pointerOf(6, "db-3");
    };
    await assert.rejects(stage.promote("db-2"), {
      name: "UserError",
      message:
        '"db-2" did not take over within 30 s (it is 0 s behind or has lost the primary), and meanwhile another promotion made "db-3" the primary ' +
        "(number 6): `webinfra status --stack trial` shows what becomes of it",
    });
    assert.deepEqual(stage.written, [after(old, "db-2")]);
  });

  it("takes nothing back when the new one takes writes, or the old one is gone", async () => {
    stage.act = () => {
      stage.said["db-2"] = primary();
    };
    await assert.rejects(stage.promote("db-2"), {
      name: "UserError",
      message:
        '"db-2" was not seen as the only host that takes writes within 30 s: it is a primary; the primary pointer names it, and ' +
        "`webinfra status --stack trial` shows what becomes of it",
    });
    stage = new Stage();
    stage.said["db-1"] = null;
    stage.act = () => undefined;
    await assert.rejects(stage.promote("db-2", true), /was not seen as the only host that takes writes within 60 s/);
    assert.equal(stage.written.length, 1);
  });

  it("does not undo another promotion that came meanwhile", async () => {
    const look = stage.look.bind(stage);
    stage.look = () => {
      stage.current = pointerOf(5, "db-3");
      return look();
    };
    await refused(
      stage,
      "db-2",
      false,
      'another promotion has just made "db-3" the primary (number 5): look at `webinfra status --stack trial`. Nothing was changed.',
    );
  });

  it("says what keeps the others from following, while it waits and at the end", async () => {
    stage.act = ({ epoch, nonce }) => {
      stage.said["db-1"] = replica({ epoch, nonce });
      stage.said["db-2"] = primary({ epoch, nonce });
      stage.said["db-3"] = databaseState({ epoch, nonce, member: memberState({ waiting: "cannot log in to db-2" }) });
    };
    const promotion = await stage.promote("db-2");
    const waits = '"db-3" does not follow yet: it says: cannot log in to db-2';
    assert.deepEqual(stage.seen.slice(2, 6), ['= "db-2" is the primary', '"db-1" follows', waits, waits]);
    assert.equal(stage.seen.at(-1), `= ${waits}`);
    assert.deepEqual(
      [promotion.following, promotion.notFollowing, promotion.followSeconds],
      [["db-1"], [{ name: "db-3", why: "says: cannot log in to db-2" }], null],
    );
  });
});

describe("cli: the primary pointer", () => {
  let channel: string;
  beforeEach(() => {
    channel = mkdtempSync(join(tmpdir(), "webinfra-pointer-"));
  });
  afterEach(() => rmSync(channel, { recursive: true, force: true }));

  it("is read", async () => {
    mkdirSync(join(channel, "pointers"));
    writeFileSync(join(channel, "pointers", "primary.json"), writeFirstPrimaryPointer("db-1"));
    assert.equal((await readPointer(channel, "trial")).primary, "db-1");
  });

  it("that is broken says where, what is wrong, and what to do", async () => {
    mkdirSync(join(channel, "pointers"));
    writeFileSync(join(channel, "pointers", "primary.json"), '{"version":2,"epoch":0,"nonce":"a","primary":"db-1"}');
    await assert.rejects(readPointer(channel, "trial"), {
      name: "UserError",
      message:
        `the primary pointer ${channel}/pointers/primary.json cannot be used: epoch is 0: should be a whole number from 1 to 9007199254740991. ` +
        "Hosts go on with the last good one. Write there which host takes writes, with an epoch above all that `webinfra status --stack trial --json` shows, " +
        'such as {"version":2,"epoch":7,"nonce":"mended","primary":"db-1"}, and promote again',
    });
  });

  it("that is missing says what makes it", async () => {
    await assert.rejects(readPointer(channel, "trial"), {
      name: "UserError",
      message: `the stack "trial" has no primary pointer (${channel}/pointers/primary.json); \`webinfra up --stack trial --refresh\` makes it`,
    });
  });
});

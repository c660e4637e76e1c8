import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type DatabaseHost,
  type Pointer,
  promoteHost,
  promotionLines,
  type PromotionSite,
  readPointer,
  writePointer,
} from "../../cli/commands/database";
import { UserError } from "../../cli/errors";
import type { DatabaseState } from "../../core/protocol";
import { databaseState } from "../support/state";

const uuid = "aaaaaaaa-1111-1111-1111-111111111111";
type Said = DatabaseState;
const primary = (more: Partial<Said> = {}): Said =>
  databaseState({ role: "primary", writable: true, executed: `${uuid}:1-9`, ...more });
const replica = (more: Partial<Said> = {}): Said =>
  databaseState({ role: "replica", replica: true, stale: true, lagSeconds: 0, executed: `${uuid}:1-9`, ...more });

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
  readonly written: Pointer[] = [];
  readonly seen: string[] = [];
  private milliseconds = 0;
  /** How the hosts act on a new pointer. */
  act: (pointer: Pointer) => void = ({ epoch, primary: name }) => {
    for (const [host, said] of Object.entries(this.said)) {
      if (said !== null) {
        this.said[host] = { ...(host === name ? primary() : replica()), epoch };
      }
    }
  };
  private current: Pointer = { epoch: 4, primary: "db-1" };

  look(): Promise<DatabaseHost[]> {
    const look = Object.entries(this.said).map(([name, said]) => ({
      name,
      said,
      silent: said === null ? "does not run" : null,
    }));
    const last = this.written.at(-1);
    // The old one closes at once, everything else happens by the next look.
    if (last !== undefined && last.epoch !== this.current.epoch) {
      this.current = last;
      this.act(last);
    }
    return Promise.resolve(look);
  }

  pointer(): Promise<Pointer> {
    return Promise.resolve(this.current);
  }

  point(pointer: Pointer): Promise<void> {
    this.written.push(pointer);
    return Promise.resolve();
  }

  now(): number {
    return this.milliseconds;
  }

  sleep(milliseconds: number): Promise<void> {
    this.milliseconds += milliseconds;
    return Promise.resolve();
  }

  promote(host: string, force = false) {
    return promoteHost(this, host, force, (line) => this.seen.push(line));
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
    assert.deepEqual(stage.written, [{ epoch: 5, primary: "db-2" }]);
    assert.deepEqual(promotion, {
      stack: "trial",
      primary: "db-2",
      from: "db-1",
      epoch: 5,
      forced: false,
      changed: true,
      closedSeconds: 0,
      following: ["db-1", "db-3"],
      notFollowing: [],
    });
    assert.deepEqual(stage.seen, [
      '"db-1" closes for writes, "db-2" takes over',
      '"db-2" takes writes; none were taken for about 0.0 s, as the hosts say',
    ]);
    assert.deepEqual(promotionLines(promotion), ['"db-2" is the primary; db-1, db-3 follow it']);
  });

  it("has nothing to do for the primary itself", async () => {
    const promotion = await stage.promote("db-1");
    assert.deepEqual([promotion.changed, promotion.epoch, stage.written], [false, 4, []]);
    assert.deepEqual(promotionLines(promotion), ['"db-1" is the primary already']);
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
      'there is no host "db-2" in the stack "trial"; it has no hosts: `webinfra up trial` makes them',
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
    assert.deepEqual(stage.written, [{ epoch: 5, primary: "db-2", force: true }]);
    assert.equal(promotion.closedSeconds, null);
    assert.deepEqual(promotionLines(promotion), [
      '"db-2" is the primary; db-3 follows it',
      '"db-1" does not follow it yet: it does not run',
      'should "db-1" return, it follows, or fences itself and says what it holds that "db-2" lacks',
    ]);
  });

  it("--force: says what a closed primary holds alone", async () => {
    stage.said["db-1"] = databaseState({ executed: `${uuid}:1-11` });
    await stage.promote("db-2", true);
    assert.equal(stage.seen[0], `"db-1" holds what "db-2" lacks: ${uuid}:10-11; it stays there alone`);
  });

  it("finishes a forced promotion that an earlier run did not see end", async () => {
    stage.said["db-1"] = null;
    stage.pointer = () => Promise.resolve({ epoch: 5, primary: "db-2", force: true });
    await stage.promote("db-2", true);
    assert.deepEqual(stage.written, [{ epoch: 6, primary: "db-2", force: true }]);
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
    assert.deepEqual(stage.written, [
      { epoch: 5, primary: "db-2" },
      { epoch: 6, primary: "db-1" },
    ]);
  });

  it("takes nothing back when the new one takes writes, or the old one is gone", async () => {
    stage.act = () => {
      stage.said["db-2"] = primary();
    };
    await assert.rejects(stage.promote("db-2"), {
      name: "UserError",
      message:
        '"db-2" was not seen as the only host that takes writes within 30 s: it is a primary; the primary pointer names it, and ' +
        "`webinfra status trial` shows what becomes of it",
    });
    stage = new Stage();
    stage.said["db-1"] = null;
    stage.act = () => undefined;
    await assert.rejects(stage.promote("db-2", true), /was not seen as the only host that takes writes within 60 s/);
    assert.equal(stage.written.length, 1);
  });

  it("does not undo another promotion that began at the same time", async () => {
    let epoch = 4;
    stage.pointer = () => Promise.resolve({ epoch: epoch++, primary: "db-1" });
    await refused(
      stage,
      "db-2",
      false,
      "another promotion has just begun: look at `webinfra status`. Nothing was changed.",
    );
  });

  it("names the replicas that do not follow", async () => {
    stage.act = ({ epoch }) => {
      stage.said["db-1"] = { ...replica(), epoch };
      stage.said["db-2"] = { ...primary(), epoch };
      stage.said["db-3"] = { ...replica(), replica: false, lagSeconds: 30, epoch };
    };
    const promotion = await stage.promote("db-2");
    assert.deepEqual(promotionLines(promotion), [
      '"db-2" is the primary; db-1 follows it',
      '"db-3" does not follow it yet: it is 30 s behind or has lost the primary',
    ]);
  });
});

describe("cli: the primary pointer", () => {
  let channel: string;
  beforeEach(() => {
    channel = mkdtempSync(join(tmpdir(), "webinfra-pointer-"));
  });
  afterEach(() => rmSync(channel, { recursive: true, force: true }));

  it("is written for every host to read, and the channel's version changes", async () => {
    await writePointer(channel, { epoch: 2, primary: "db-2" });
    const version = readFileSync(join(channel, "version"), "utf8");
    await writePointer(channel, { epoch: 3, primary: "db-1", force: true });
    assert.notEqual(readFileSync(join(channel, "version"), "utf8"), version);
    assert.deepEqual(await readPointer(channel, "trial"), { epoch: 3, primary: "db-1", force: true });
    assert.equal(statSync(join(channel, "pointers", "primary.json")).mode & 0o777, 0o644);
  });

  it("that is missing says what makes it", async () => {
    await assert.rejects(readPointer(channel, "trial"), {
      name: "UserError",
      message: `the stack "trial" has no primary pointer (${channel}/pointers/primary.json); \`webinfra up trial\` makes it`,
    });
  });
});

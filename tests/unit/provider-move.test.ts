import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import {
  type NewPrimaryPointer,
  type PrimaryPointer,
  writeFirstPrimaryPointer,
  writePrimaryPointer,
} from "../../core/protocol";
import { ChannelBusyError, withChannelLock } from "../../provider/channel/lock";
import { movePointer, PointerMovedError, readPrimaryPointer } from "../../provider/channel/move";

const root = resolve(__dirname, "../..");
const first = { epoch: 1, nonce: "first" };
const second = (nonce: string, primary = "db-2"): NewPrimaryPointer => ({
  epoch: 2,
  nonce,
  primary,
  previous: { ...first, primary: "db-1" },
  force: false,
});

describe("provider: moving the primary pointer", () => {
  let home: string;
  let directory: string;
  let child: ChildProcess | undefined;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), "webinfra-move-"));
    directory = join(home, "channels", "dev");
    await mkdir(join(directory, "pointers"), { recursive: true });
    await writeFile(join(directory, "pointers/primary.json"), writeFirstPrimaryPointer("db-1"));
    await writeFile(join(directory, "version"), "before");
  });
  afterEach(async () => {
    child?.kill("SIGKILL");
    child = undefined;
    await rm(home, { recursive: true });
  });

  const text = (key: string): Promise<string> => readFile(join(directory, key), "utf8");

  /** Another process that holds the lock, does `work` with it, says so, and never ends by itself. */
  async function holder(work = ""): Promise<ChildProcess> {
    const program = `
      const { withChannelLock } = require("./provider/channel/lock.ts");
      const { place } = require("./provider/channel/store.ts");
      const { writeFile } = require("node:fs/promises");
      withChannelLock(${JSON.stringify(directory)}, async () => {
        ${work}
        process.stdout.write("held");
        await new Promise((resolve) => setTimeout(resolve, 60_000));
      });`;
    child = spawn(process.execPath, ["--import", "tsx", "--eval", program], {
      cwd: root,
      stdio: ["ignore", "pipe", "inherit"],
    });
    assert.ok(child.stdout);
    const [said] = (await once(child.stdout, "data")) as [Buffer];
    assert.equal(said.toString(), "held");
    return child;
  }

  it("replaces the pointer that was seen, readable by all hosts, and tells them", async () => {
    await movePointer(directory, first, second("3f"));
    assert.equal(await text("pointers/primary.json"), writePrimaryPointer(second("3f")));
    assert.notEqual(await text("version"), "before");
    assert.equal((await stat(join(directory, "pointers/primary.json"))).mode & 0o777, 0o644);
    assert.deepEqual(await readdir(join(home, "channels")), ["dev"]);
  });

  it("replaces a pointer of version 1", async () => {
    await writeFile(join(directory, "pointers/primary.json"), '{"epoch":1,"primary":"db-1"}');
    await movePointer(directory, { epoch: 1, nonce: "" }, second("3f"));
    assert.equal((await readPrimaryPointer(directory)).primary, "db-2");
  });

  it("refuses another number, and another nonce of the same number", async () => {
    for (const expected of [
      { epoch: 2, nonce: "first" },
      { epoch: 1, nonce: "other" },
    ]) {
      await assert.rejects(movePointer(directory, expected, second("3f")), {
        name: "PointerMovedError",
        message: 'the primary pointer was moved meanwhile: number 1 names "db-1"',
      });
    }
    assert.equal(await text("pointers/primary.json"), writeFirstPrimaryPointer("db-1"));
    assert.equal(await text("version"), "before");
  });

  it("refuses to replace what is no pointer", async () => {
    await writeFile(join(directory, "pointers/primary.json"), '{"epoch":');
    await assert.rejects(movePointer(directory, first, second("3f")), {
      name: "BrokenPointerError",
      message: `the primary pointer ${directory}/pointers/primary.json cannot be used: it is no JSON, or was cut off: it is "{\\"epoch\\":"`,
    });
  });

  it("has exactly one winner when several move it at once", async () => {
    const link = join(home, "link");
    await symlink(directory, link);
    const nonces = Array.from({ length: 6 }, (_, index) => `n${String(index)}`);
    const ended = await Promise.allSettled(
      // By two ways to the one directory.
      nonces.map((nonce, index) => movePointer(index % 2 === 0 ? directory : link, first, second(nonce))),
    );
    const winners = nonces.filter((_, index) => ended[index]?.status === "fulfilled");
    const losers = ended.flatMap((one): unknown[] => (one.status === "rejected" ? [one.reason] : []));
    assert.deepEqual([(await readPrimaryPointer(directory)).nonce], winners);
    assert.ok(
      losers.every((error) => error instanceof PointerMovedError),
      losers.join("; "),
    );
  });

  it("waits for whoever holds the lock, and says so when that does not end", async () => {
    await holder();
    await assert.rejects(
      withChannelLock(directory, () => Promise.resolve(), 0.3),
      (error) => {
        assert.ok(error instanceof ChannelBusyError);
        assert.equal(
          error.message,
          `another process on this machine has been moving a pointer in ${directory} for more than 0.3 s: ` +
            "wait for it to end, or end it, and try again",
        );
        return true;
      },
    );
  });

  it("gets the lock of a process that was killed", async () => {
    const held = await holder();
    const moved = movePointer(directory, first, second("3f"));
    held.kill("SIGKILL");
    await moved;
    assert.equal((await readPrimaryPointer(directory)).nonce, "3f");
  });

  it("goes on from a move that was killed before hosts were told", async () => {
    const pointer = JSON.stringify(writePrimaryPointer(second("3f")));
    const held = await holder(
      `await place(${JSON.stringify(directory)}, "pointers/primary.json", (path) => writeFile(path, ${pointer}));`,
    );
    held.kill("SIGKILL");
    await once(held, "exit");
    assert.equal(await text("version"), "before");
    await assert.rejects(movePointer(directory, first, second("other")), PointerMovedError);
    const found: PrimaryPointer = await readPrimaryPointer(directory);
    await movePointer(directory, found, {
      epoch: 3,
      nonce: "4f",
      primary: "db-1",
      previous: { epoch: found.epoch, nonce: found.nonce, primary: found.primary },
      force: false,
    });
    assert.equal((await readPrimaryPointer(directory)).nonce, "4f");
    assert.notEqual(await text("version"), "before");
  });

  it("has happened even if hosts cannot be told", async () => {
    await rm(join(directory, "version"));
    await mkdir(join(directory, "version"));
    await movePointer(directory, first, second("3f"));
    assert.equal((await readPrimaryPointer(directory)).nonce, "3f");
  });
});

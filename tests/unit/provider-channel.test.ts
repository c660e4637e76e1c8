import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeHostPointer, writeReleasePointer } from "../../core/protocol";
import { file } from "../../provider/channel/file";
import { object } from "../../provider/channel/object";
import { pointer } from "../../provider/channel/pointer";
import {
  addPackage,
  moveRelease,
  packagesIn,
  readReleasePointer,
  releaseKey,
  removePackage,
} from "../../provider/channel/release";
import { quietContext } from "../support/context";

const context = quietContext();

describe("provider: channel", () => {
  let home: string;
  let directory: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), "webinfra-channel-"));
    directory = join(home, "channels", "dev");
  });
  afterEach(() => rm(home, { recursive: true }));

  const version = (): Promise<string> => readFile(join(directory, "version"), "utf8");
  const read = (key: string): Promise<string> => readFile(join(directory, key), "utf8");
  const mode = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

  describe("object", () => {
    it("is written with its folders, readable by everyone whatever the umask, and nothing is left beside it", async () => {
      const before = process.umask(0o077);
      try {
        const { id } = await object.create({ directory, key: "pointers/primary.json", content: "{}" }, context);
        assert.equal(id, join(directory, "pointers/primary.json"));
      } finally {
        process.umask(before);
      }
      assert.equal(await read("pointers/primary.json"), "{}");
      assert.equal(await mode(join(directory, "pointers/primary.json")), 0o644);
      assert.equal(await mode(join(directory, "version")), 0o644);
      assert.equal(await mode(join(directory, "pointers")), 0o755);
      assert.equal(await mode(directory), 0o755);
      assert.deepEqual(await readdir(join(home, "channels")), ["dev"]);
      assert.deepEqual((await readdir(directory)).sort(), ["pointers", "version"]);
    });

    it("changes the version at every change, and only then", async () => {
      const inputs = { directory, key: "a.json", content: "1" };
      const seen = new Set<string>();
      const { id, outs } = await object.create(inputs, context);
      seen.add(await version());
      const updated = await object.update(id, outs, { ...inputs, content: "2" }, context);
      seen.add(await version());
      await object.read(id, updated.outs, context);
      seen.add(await version());
      await object.delete(id, updated.outs, context);
      seen.add(await version());
      assert.equal(seen.size, 3);
      await assert.rejects(read("a.json"), { code: "ENOENT" });
    });

    it("that operations moved is left alone until its input changes", async () => {
      const inputs = { directory, key: "pointers/host.json", content: writeHostPointer("1".repeat(64)) };
      const { id, outs } = await object.create(inputs, context);
      const moved = writeHostPointer("2".repeat(64));
      await writeFile(join(directory, inputs.key), moved);
      assert.equal((await object.diff(outs, inputs, context)).changes, false);
      assert.equal(await read(inputs.key), moved);
      const next = { ...inputs, content: writeHostPointer("3".repeat(64)) };
      assert.equal((await object.diff(outs, next, context)).changes, true);
      await object.update(id, outs, next, context);
      assert.equal(await read(inputs.key), next.content);
    });

    it("that operations moved is left alone by a refresh, too, and is missed when it is gone", async () => {
      const inputs = { directory, key: "pointers/release.json", content: "1" };
      const { id, outs } = await object.create(inputs, context);
      await writeFile(join(directory, inputs.key), "2");
      const seen = await object.read(id, outs, context);
      assert.deepEqual(seen.props, outs);
      assert.equal((await object.diff(seen.props, inputs, context)).changes, false);
      assert.equal(await read(inputs.key), "2");
      await rm(join(directory, inputs.key));
      assert.equal((await object.read(id, outs, context)).id, "");
    });

    describe("that is the release pointer", () => {
      const [a, b, c] = ["a", "b", "c"].map((letter) => letter.repeat(64)) as [string, string, string];
      const inputs = (release: string) => ({
        ...{ directory, key: releaseKey, content: writeReleasePointer(release) },
      });
      const differs = async (outs: object, release: string): Promise<boolean> =>
        (await object.diff(outs, inputs(release), context)).changes;

      it("remembers what it named before, and nothing at first", async () => {
        const { id, outs } = await object.create(inputs(a), context);
        assert.equal(await read(releaseKey), writeReleasePointer(a));
        const second = await object.update(id, outs, inputs(b), context);
        assert.equal(await read(releaseKey), writeReleasePointer(b, { previous: [a] }));
        assert.equal(second.outs["content"], writeReleasePointer(b));
        await object.update(id, second.outs, inputs(b), context);
        assert.equal(await read(releaseKey), writeReleasePointer(b, { previous: [a] }));
      });

      it("is moved on by the next update when operations moved it, and a refresh sees nothing", async () => {
        const { id, outs } = await object.create(inputs(a), context);
        const second = (await object.update(id, outs, inputs(b), context)).outs;
        assert.equal(await differs(second, b), false);
        await moveRelease(directory, { release: a, quick: false });
        assert.deepEqual((await object.read(id, second, context)).props, second);
        assert.equal(await differs(second, b), true);
        await object.update(id, second, inputs(b), context);
        assert.equal(await differs(second, b), false);
        assert.equal(await read(releaseKey), writeReleasePointer(b, { previous: [a, b] }));
      });

      it("is no quick one any more after an update, and does not remember quick ones", async () => {
        const { id, outs } = await object.create(inputs(a), context);
        await moveRelease(directory, { release: b, quick: true });
        await moveRelease(directory, { release: c, quick: true });
        assert.equal(await read(releaseKey), writeReleasePointer(c, { previous: [a], quick: true }));
        const third = (await object.update(id, outs, inputs(c), context)).outs;
        assert.equal(await read(releaseKey), writeReleasePointer(c, { previous: [a] }));
        await moveRelease(directory, { release: c, quick: true });
        assert.equal(await differs(third, c), true);
      });

      it("that cannot be read, or is gone, is left to a refresh and to the next release", async () => {
        const { id, outs } = await object.create(inputs(a), context);
        await writeFile(join(directory, releaseKey), "{");
        assert.equal(await differs(outs, a), false);
        assert.equal(await readReleasePointer(directory), undefined);
        await object.update(id, outs, inputs(b), context);
        assert.equal(await read(releaseKey), writeReleasePointer(b));
        await rm(join(directory, releaseKey));
        assert.equal(await differs(outs, a), false);
        assert.equal((await object.read(id, outs, context)).id, "");
      });

      it("has packages beside it", async () => {
        await mkdir(directory, { recursive: true });
        assert.deepEqual(await packagesIn(directory), []);
        const path = join(home, "package");
        await writeFile(path, "package");
        await addPackage(directory, { sha256: a, path });
        await addPackage(directory, { sha256: b, path });
        assert.deepEqual([...(await packagesIn(directory))].sort(), [a, b]);
        assert.equal(await read(`releases/${a}.tar.gz`), "package");
        assert.equal(await mode(join(directory, `releases/${a}.tar.gz`)), 0o644);
        await removePackage(directory, a);
        await removePackage(directory, a);
        assert.deepEqual(await packagesIn(directory), [b]);
      });
    });

    it("is whole at every moment for those who read", async () => {
      const inputs = { directory, key: "big", content: "a".repeat(1_000_000) };
      const { id, outs } = await object.create(inputs, context);
      let writing = true;
      const reader = (async () => {
        while (writing) {
          const text = await read("big");
          assert.ok(text.length === 1_000_000 && new Set(text).size === 1);
        }
      })();
      for (const letter of "bcdefgh") {
        await object.update(id, outs, { ...inputs, content: letter.repeat(1_000_000) }, context);
      }
      writing = false;
      await reader;
    });

    it("that somebody changed or deleted is seen by a refresh", async () => {
      const inputs = { directory, key: "a.json", content: "1" };
      const { id, outs } = await object.create(inputs, context);
      await writeFile(join(directory, "a.json"), "other");
      const found = await object.read(id, outs, context);
      assert.equal(found.props["content"], "other");
      assert.deepEqual(await object.diff(found.props, inputs, context), { changes: true, replaces: [] });
      await rm(join(directory, "a.json"));
      assert.deepEqual(await object.read(id, outs, context), { id: "", props: {} });
    });

    it("goes quietly when the whole channel is gone", async () => {
      const { id, outs } = await object.create({ directory, key: "a", content: "" }, context);
      await rm(directory, { recursive: true });
      await object.delete(id, outs, context);
      await assert.rejects(stat(directory), { code: "ENOENT" });
    });

    it("stays inside the channel", () => {
      for (const key of ["../a", "/a", "a/../../b", "version", "", "a//b", ".hidden"]) {
        const [failure] = object.check({}, { directory, key, content: "" }).failures;
        assert.equal(
          failure?.reason,
          'must be a relative path of letters, digits, ".", "_" and "-", such as pointers/primary.json, and not "version" ' +
            `(it is ${JSON.stringify(key)})`,
        );
      }
    });
  });

  describe("pointer", () => {
    const inputs = () => ({ directory, key: "pointers/primary.json", content: "db-1" });

    it("is made when nothing is there, readable by everyone, and tells hosts", async () => {
      const before = process.umask(0o077);
      try {
        const { id, outs } = await pointer.create(inputs(), context);
        assert.equal(id, join(directory, "pointers/primary.json"));
        assert.deepEqual(outs, inputs());
      } finally {
        process.umask(before);
      }
      assert.equal(await read("pointers/primary.json"), "db-1");
      assert.equal(await mode(join(directory, "pointers/primary.json")), 0o644);
      assert.notEqual(await version(), "");
      assert.deepEqual(await readdir(join(home, "channels")), ["dev"]);
    });

    it("leaves what is there, on creation and later, and knows it", async () => {
      await mkdir(join(directory, "pointers"), { recursive: true });
      await writeFile(join(directory, "pointers/primary.json"), "db-2");
      const { id, outs } = await pointer.create(inputs(), context);
      assert.deepEqual(outs, { ...inputs(), content: "db-2" });
      assert.deepEqual(await pointer.diff(outs, inputs(), context), { changes: false, replaces: [] });
      assert.deepEqual((await pointer.update(id, outs, { ...inputs(), content: "db-3" }, context)).outs, outs);
      assert.equal(await read("pointers/primary.json"), "db-2");
      await writeFile(join(directory, "pointers/primary.json"), "db-3");
      assert.deepEqual((await pointer.read(id, outs, context)).props, { ...inputs(), content: "db-3" });
      await pointer.delete(id, outs, context);
      assert.equal(await read("pointers/primary.json"), "db-3");
      assert.deepEqual(await readdir(directory), ["pointers"]);
    });

    it("that somebody deleted is missed by a refresh", async () => {
      const { id, outs } = await pointer.create(inputs(), context);
      await rm(join(directory, "pointers/primary.json"));
      assert.deepEqual(await pointer.read(id, outs, context), { id: "", props: {} });
    });

    it("has one winner when several make it at once, and all succeed", async () => {
      const names = Array.from({ length: 8 }, (_, index) => `db-${String(index)}`);
      const made = await Promise.all(names.map((content) => pointer.create({ ...inputs(), content }, context)));
      const winner = await read("pointers/primary.json");
      assert.ok(names.includes(winner));
      assert.deepEqual(
        made.map(({ outs }) => outs["content"]),
        names.map(() => winner),
      );
    });

    it("goes on from the state of the version before, with no change", async () => {
      const old = { ...inputs(), content: '{"epoch":1,"primary":"db-1"}', keepExisting: true };
      await mkdir(join(directory, "pointers"), { recursive: true });
      await writeFile(join(directory, "pointers/primary.json"), '{"epoch":4,"primary":"db-2"}');
      assert.deepEqual(await pointer.diff(old, inputs(), context), { changes: false, replaces: [] });
      assert.deepEqual((await pointer.read("id", old, context)).props, {
        ...inputs(),
        content: '{"epoch":4,"primary":"db-2"}',
      });
    });
  });

  describe("file", () => {
    const sha256 = createHash("sha256").update("release").digest("hex");
    const inputs = (): { directory: string; key: string; source: string; sha256: string } => ({
      directory,
      key: `releases/${sha256}.tar.gz`,
      source: join(home, "release.tar.gz"),
      sha256,
    });

    it("is copied and verified", async () => {
      await writeFile(inputs().source, "release");
      const { outs } = await file.create(inputs(), context);
      assert.equal(await read(inputs().key), "release");
      assert.equal(await mode(join(directory, inputs().key)), 0o644);
      assert.deepEqual(await file.diff(outs, { ...inputs(), source: "/elsewhere" }, context), {
        changes: false,
        replaces: [],
      });
    });

    it("says that its source is missing", async () => {
      await assert.rejects(file.create(inputs(), context), {
        message: `the file ${inputs().source} for ${inputs().key} in the channel does not exist: build the release again`,
      });
    });

    it("says that its source is another, and leaves nothing", async () => {
      await writeFile(inputs().source, "other");
      const found = createHash("sha256").update("other").digest("hex");
      await assert.rejects(file.create(inputs(), context), {
        message:
          `the file ${inputs().source} for ${inputs().key} in the channel has SHA-256 ${found}, ` +
          `not ${sha256}: it changed after it was built; build the release again`,
      });
      assert.deepEqual(await readdir(join(directory, "releases")), []);
      assert.deepEqual(await readdir(join(home, "channels")), ["dev"]);
    });

    it("that was damaged is seen by a refresh and mended", async () => {
      await writeFile(inputs().source, "release");
      const { id, outs } = await file.create(inputs(), context);
      await writeFile(join(directory, inputs().key), "damaged");
      const found = await file.read(id, outs, context);
      assert.deepEqual(await file.diff(found.props, inputs(), context), { changes: true, replaces: [] });
      await file.update(id, found.props, inputs(), context);
      assert.equal(await read(inputs().key), "release");
    });
  });
});

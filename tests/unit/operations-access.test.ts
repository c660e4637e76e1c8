import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { platformNames } from "../../platforms/schema";
import { writeFirstPrimaryPointer } from "../../core/protocol";
import { siteAccess } from "../../operations/access";
import type { HostMachine } from "../../operations/machines";
import { isCloud, isLocal } from "../../operations/platforms";

const machine: HostMachine = { host: "db-1", machine: "m", roles: ["database"], running: true, address: null };

describe("operations: access to a site", () => {
  it("is through this machine, or to a cloud", () => {
    assert.deepEqual(
      platformNames.map((name) => [name, isLocal(name), isCloud(name)]),
      [
        ["incus", true, false],
        ["aws", false, true],
        ["digitalocean", false, true],
      ],
    );
    assert.deepEqual([isLocal("none"), isCloud("none")], [false, false]);
  });

  for (const platform of ["aws", "digitalocean"]) {
    it(`says on ${platform} what it cannot do yet, whatever is asked`, async () => {
      const access = siteAccess({ stack: "prod", platform, channelDirectory: "/none" }, "promote");
      const unsupported = {
        message: `promote knows the hosts of platform incus only; the stack "prod" is on ${platform}: docs/platforms.md says what to do there`,
      };
      const epoch = { epoch: 1, nonce: "a" };
      await assert.rejects(access.machines(), unsupported);
      await assert.rejects(access.state(machine), unsupported);
      assert.throws(() => access.command(machine, ["true"]), unsupported);
      assert.throws(() => access.connect(machine, 3306), unsupported);
      await assert.rejects(access.channel.primary(), unsupported);
      await assert.rejects(
        access.channel.movePrimary(epoch, { ...epoch, primary: "db-1", previous: null, force: false }),
        unsupported,
      );
      await assert.rejects(access.channel.hint(), unsupported);
      const release = "a".repeat(64);
      await assert.rejects(access.releases.pointer(), unsupported);
      await assert.rejects(access.releases.move({ release, quick: false }), unsupported);
      await assert.rejects(access.releases.packages(), unsupported);
      await assert.rejects(access.releases.add({ sha256: release, path: "/none" }), unsupported);
      await assert.rejects(access.releases.remove(release), unsupported);
    });
  }

  it("enters a host of Incus by its client, and moves the pointer in the channel's directory", async () => {
    const directory = mkdtempSync(join(tmpdir(), "webinfra-access-"));
    try {
      const access = siteAccess({ stack: "dev", platform: "incus", channelDirectory: directory }, "promote");
      assert.deepEqual(access.command(machine, ["id", "-u"]), {
        program: "incus",
        arguments: ["exec", "--project", "webinfra", "m", "--", "id", "-u"],
        missing: "the incus client is not installed; run `npm run setup`",
      });
      assert.deepEqual(await access.state(machine), { silent: "has no address" });
      await mkdir(join(directory, "pointers"));
      await writeFile(join(directory, "pointers/primary.json"), writeFirstPrimaryPointer("db-1"));
      const { epoch, nonce } = await access.channel.primary();
      const previous = { epoch, nonce, primary: "db-1" };
      await access.channel.movePrimary(
        { epoch, nonce },
        { epoch: epoch + 1, nonce: "next", primary: "db-2", previous, force: false },
      );
      assert.equal((await access.channel.primary()).primary, "db-2");
      await assert.rejects(access.releases.pointer(), {
        name: "UserError",
        message: `the stack "dev" has no release pointer (${directory}/pointers/release.json); \`webinfra up --stack dev --refresh\` makes it`,
      });
      const path = join(directory, "package");
      await writeFile(path, "package");
      await access.releases.add({ sha256: "a".repeat(64), path });
      await access.releases.move({ release: "a".repeat(64), quick: true });
      assert.deepEqual(await access.releases.pointer(), {
        ...{ version: 2, release: "a".repeat(64), previous: [], quick: true },
      });
      assert.deepEqual(await access.releases.packages(), ["a".repeat(64)]);
      await access.releases.remove("a".repeat(64));
      assert.deepEqual(await access.releases.packages(), []);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

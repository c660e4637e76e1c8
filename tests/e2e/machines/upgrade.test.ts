/** A site that an earlier webinfra made is taken over by this one: data kept, and no request lost while the old machines serve. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { eventually } from "../../support/eventually";
import { assertNothingFailed, figure, manage, mysql, repository, Site } from "../../support/site";

/** The earlier version: before hosts fetched their definition, and before provider states had versions. */
const earlier = "c9c25fa71b56a0db233b2c434b3e55aefc68b107";

const run = promisify(execFile);

/** The earlier version in a folder of its own, with its own dependencies. */
async function checkOut(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await run("bash", [
    "-euo",
    "pipefail",
    "-c",
    'git -C "$1" archive "$2" | tar -x -C "$3"',
    "-",
    repository,
    earlier,
    folder,
  ]);
  const own = { cwd: folder, timeout: 300_000 };
  await run("npm", ["ci", "--no-progress", "--loglevel", "error"], own);
  await run("npm", ["rebuild", "node", "esbuild", "protobufjs"], own);
  await run("npm", ["run", "-s", "build:app"], own);
}

describe("a site that an earlier webinfra made", function () {
  // Above what a command may take, so that the command says what it waited for.
  this.timeout(600_000);

  const site = new Site();
  manage(site);
  const was: { machines: Record<string, string>; entry: string } = { machines: {}, entry: "" };

  before("up by the earlier version", async function () {
    const known = await run("git", ["-C", repository, "cat-file", "-e", `${earlier}^{commit}`]).catch(() => undefined);
    // A clone without history has nothing to make such a site with.
    if (known === undefined) {
      return this.skip();
    }
    const folder = join(site.directory, "earlier");
    await checkOut(folder);
    await site.upBy(folder);
    was.machines = await site.machineIds();
    was.entry = await site.write("written before the upgrade");
  });

  it("is updated by `up`: stateless hosts are made anew, databases stay, and no request fails while the old balancer is there", async () => {
    const load = await site.load();
    const going = site.start(site.upArguments());
    const old = site.document(`inventory/${was.machines["lb-1"] ?? ""}.json`);
    assert.ok(existsSync(old), old);
    // Its entry goes before the machine does.
    const takenOff = async (): Promise<void> => {
      assert.ok(!existsSync(old));
      return Promise.resolve();
    };
    await eventually("the old balancer to be taken off the inventory", takenOff, 400);
    const report = await load.stop();
    assertNothingFailed(report);
    const { code, stdout, stderr, seconds } = await going.ended;
    assert.equal(code, 0, stdout + stderr);
    figure("up that takes over a site of the version before", seconds, "s");
    const machines = await site.machineIds();
    const changed = Object.keys(machines).filter((host) => machines[host] !== was.machines[host]);
    assert.deepEqual(changed.sort(), ["lb-1", "web-1", "web-2"]);
    for (const host of ["db-1", "db-2"]) {
      const how = `\`webinfra replace ${host} --stack ${site.stack}\` makes it anew from this one`;
      assert.ok(stdout.includes(`\n${host} was made from an older definition: ${how}\n`), stdout);
    }
  });

  it("has its data, and takes more", async () => {
    const later = await site.write("written after the upgrade");
    for (const database of ["db-1", "db-2"]) {
      await eventually(`${database} to have both entries`, async () =>
        assert.deepEqual(await site.missing(database, [was.entry, later]), []),
      );
    }
  });

  it("has nothing left to change", async () => {
    const { stdout } = await site.succeed("preview", site.stack, "--config-file", site.configFile);
    assert.match(stdout, /^no changes$/m);
  });

  it("makes a database anew on its data when it is asked to, which takes settings from then on", async () => {
    const settings = { mysql: mysql({ settings: { max_connections: 99 } }) };
    const connections = (host: string) => site.sql(host, "select @@global.max_connections");
    site.configure(settings);
    await site.up();
    assert.equal((await site.state("db-2")).settings, undefined);
    assert.notEqual(await connections("db-2"), "99");
    await site.succeed("replace", "db-2", "--stack", site.stack, "--config-file", site.configFile, "--yes");
    assert.equal(await connections("db-2"), "99");
    await eventually("db-2 to have what was written before", async () =>
      assert.deepEqual(await site.missing("db-2", [was.entry]), []),
    );
    site.configure({ mysql: mysql({ settings: { max_connections: 98 } }) });
    await site.up();
    assert.equal(await connections("db-2"), "98");
  });
});

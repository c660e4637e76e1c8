/** `webinfra replace`: one host is made anew on purpose, on its data or on a copy of the primary's, while the site goes on. Databases are protected. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { z } from "zod";
import { readStateFile, urnName } from "../../../cli/engine/state";
import { eventually } from "../../support/eventually";
import { assertNothingFailed, type Ended, figure, incus, manage, mysql, Site } from "../../support/site";
import { POOL } from "../../../provider/incus/client";
import { volumeName } from "../../../provider/incus";

const replaceResult = z.object({
  host: z.string(),
  before: z.string(),
  machine: z.string(),
  volumes: z.array(z.string()),
  discardedData: z.boolean(),
});
const host = (name: string, ...roles: string[]) => ({ name, roles });
const hosts = (...rolesOfLast: string[]) => [
  host("lb-1", "loadBalancer"),
  host("web-1", "webServer", "appServer"),
  host("db-1", "database"),
  host("db-2", "database"),
  host("db-3", "database", ...rolesOfLast),
];

describe("webinfra replace", function () {
  // Above what a command may take, so that the command says what it waited for.
  this.timeout(600_000);

  const databases = (settings: object = {}) => mysql({ protect: true, ...settings });
  const site = new Site({ topology: "custom", hosts: hosts(), mysql: databases({ volumeGiB: 5 }) });
  manage(site);
  before("up", () => site.up());

  const asked = (name: string, ...args: readonly string[]) => [
    ...["replace", name, "--stack", site.stack, "--config-file", site.configFile],
    ...args,
  ];
  /** Replaces a host, and sees that it is another machine now, on a volume of the same name. */
  async function replace(name: string, ...args: readonly string[]): Promise<Ended> {
    const before = (await site.machine(name)).machine;
    const ended = await site.succeed(...asked(name, "--yes", "--json", ...args));
    const result = replaceResult.parse(JSON.parse(ended.stdout));
    const { machine } = await site.machine(name);
    assert.notEqual(machine, before);
    const volumes = name.startsWith("db") ? [volumeName(site.stack, name, "data")] : [];
    const discardedData = args.includes("--discard-data");
    assert.deepEqual(result, { host: name, before, machine, volumes, discardedData });
    return ended;
  }
  /** MySQL draws it for a data folder that has none: another one means other data. */
  const serverOf = (name: string): Promise<string> => site.sql(name, "select @@server_uuid");
  const has = (name: string, entries: readonly string[]): Promise<void> =>
    eventually(`${name} to have every acknowledged write`, async () =>
      assert.deepEqual(await site.missing(name, entries), []),
    );
  const refused = async (args: readonly string[], words: string): Promise<void> => {
    const before = await site.machineIds();
    const { code, stdout, stderr } = await site.run(args);
    assert.deepEqual([code, stdout, stderr], [1, "", `webinfra: ${words}\n`]);
    assert.deepEqual(await site.machineIds(), before);
  };
  const clean = async (): Promise<void> => {
    await site.succeed("preview", site.stack, "--config-file", site.configFile, "--expect-no-changes");
  };
  const sizeOf = async (name: string): Promise<string> =>
    (await incus("storage", "volume", "get", POOL, volumeName(site.stack, name, "data"), "size")).stdout.trim();

  it("is what `up` and `status` name for hosts with data that it leaves as they were made", async () => {
    const { source } = z.object({ source: z.looseObject({}) }).parse(mysql());
    const packages = ["mysql-server", "mysql-client"];
    // What packages there are is for the definition, which a host with data keeps.
    site.configure({ mysql: databases({ volumeGiB: 6, source: { ...source, packages } }) });
    const before = await site.machineIds();
    const words = (name: string): string =>
      `${name} was made from an older definition: \`webinfra replace ${name} --stack ${site.stack}\` makes it anew from this one\n`;
    const all = ["db-1", "db-2", "db-3"].map(words).join("");
    const { stdout } = await site.up();
    assert.ok(stdout.includes(`\n${all}next: `), stdout);
    assert.deepEqual(await site.machineIds(), before);
    assert.ok((await site.succeed("status", site.stack)).stdout.endsWith(`\n${all}`));
    assert.equal(await sizeOf("db-2"), "5120MiB");
  });

  it("makes a replica anew on its data, on a larger volume, and no request fails meanwhile", async () => {
    const server = await serverOf("db-2");
    const load = await site.load();
    const { seconds } = await replace("db-2");
    const report = await load.stop(30);
    assertNothingFailed(report);
    figure("replace of a replica on its data", seconds, "s");
    assert.equal(await serverOf("db-2"), server);
    await has("db-2", report.acknowledged);
    await site.shell("db-2", "grep -x mysql-client /etc/webinfra/packages");
    assert.equal(await sizeOf("db-2"), "6144MiB");
    assert.equal(await sizeOf("db-3"), "5120MiB");
    await clean();
  });

  it("refuses the primary, and makes it anew once another host takes the writes", async () => {
    await refused(
      asked("db-1", "--yes"),
      `"db-1" takes writes: run \`webinfra database promote db-2 --stack ${site.stack}\` first. Nothing was changed.`,
    );
    await site.succeed("database", "promote", "db-2", "--stack", site.stack);
    const load = await site.load();
    await replace("db-1");
    const report = await load.stop(30);
    assertNothingFailed(report);
    await has("db-1", report.acknowledged);
    assert.equal((await site.database("db-2")).writable, true);
  });

  it("refuses a volume that is to be smaller, and asks before a host with data is made anew", async () => {
    await refused(
      asked("db-1", "--yes", "--config", "mysql.volumeGiB=4"),
      `db-1 has a data volume of 6 GiB, and 4 are wanted (webinfra:mysql.volumeGiB): a volume never gets smaller. Set 6 or more, or have it made anew, ` +
        `with its data copied from the primary: \`webinfra replace db-1 --stack ${site.stack} --discard-data\`. Nothing was changed.`,
    );
    await refused(
      asked("db-3", "--yes", "--topology", "dedicated-databases"),
      'the configuration has no host "db-3" any more (it has lb-1, web-1, web-2, db-1, db-2): ' +
        `\`webinfra up --stack ${site.stack}\` takes it away. Nothing was changed.`,
    );
    await refused(
      asked("db-1"),
      'Make "db-1" anew? Its machine is deleted before the new one starts; its data volume stays. ' +
        "There is no terminal to ask at: give --yes to go ahead",
    );
  });

  it("makes a replica anew that fell behind the primary's binary log: on a copy of the primary's data", async () => {
    const server = await serverOf("db-3");
    await site.shell("db-3", "systemctl stop webinfra-database mysql");
    const missed = await site.write("written while db-3 was away");
    await has("db-1", [missed]);
    await site.sql("db-2", "flush binary logs");
    const [log = ""] = (await site.sql("db-2", "show binary log status")).split("\t");
    await eventually("the primary to have no older binary log", async () => {
      // One that another replica still reads stays.
      await site.sql("db-2", `purge binary logs to '${log}'`);
      assert.match(await site.sql("db-2", "show binary logs"), new RegExp(`^${log}`));
    });
    await site.shell("db-3", "systemctl start mysql webinfra-database");
    await eventually("db-3 to be refused by the primary", async () => {
      const error = await site.sql(
        "db-3",
        "select last_error_number from performance_schema.replication_connection_status",
      );
      assert.equal(error.split("\n")[0], "13114");
    });
    const { seconds } = await replace("db-3", "--discard-data");
    figure("replace of a replica with a copy of the primary's data", seconds, "s");
    assert.notEqual(await serverOf("db-3"), server);
    await has("db-3", [missed, await site.write("written afterwards")]);
  });

  it("makes a replica anew whose data are destroyed", async () => {
    const entry = await site.write("written before db-1 lost its data");
    const { machine } = await site.machine("db-1");
    await site.shell("db-1", "systemctl stop webinfra-database mysql; find /var/lib/mysql -mindepth 1 -delete");
    // And then its machine, too.
    await incus("delete", "--force", machine);
    await site.succeed(...asked("db-1", "--yes", "--discard-data"));
    await has("db-1", [entry]);
  });

  it("gives a host with data other roles, which `up` refuses to", async () => {
    const mysqlSettings = databases({ volumeGiB: 6, settings: { max_connections: 120 } });
    site.configure({ hosts: hosts("appServer"), mysql: mysqlSettings });
    await refused(
      site.upArguments(),
      "nothing was changed:\n  - db-3 holds data, and an update leaves such a host as it is: it has the roles database, and database, appServer are " +
        `wanted: \`webinfra replace db-3 --stack ${site.stack}\` makes it anew with them`,
    );
    await replace("db-3");
    assert.deepEqual((await site.state("db-3")).roles, ["database", "appServer"]);
    await site.settled();
  });

  it("makes a host without data anew beside the old one, and no request fails meanwhile", async () => {
    const load = await site.load();
    const { seconds } = await replace("web-1");
    const report = await load.stop(30);
    assertNothingFailed(report);
    assert.equal(Object.keys(report.machines).length, 2);
    figure("replace of a web server", seconds, "s");
  });

  it("that was killed is finished by the next `up`, which keeps the data and protects them again", async () => {
    const server = await serverOf("db-3");
    const going = site.start(asked("db-3", "--yes", "--discard-data"));
    await eventually("the machine to go", () => {
      assert.match(going.output(), /db-3: stopping /);
      return Promise.resolve();
    });
    site.killAll(going.child);
    await going.ended;
    await site.up();
    await site.settled();
    assert.equal(await serverOf("db-3"), server);
    const state = readStateFile(join(site.home, "state"), "webinfra", site.stack);
    const kept = (state?.resources ?? []).filter(({ protect }) => protect === true).map(({ urn }) => urnName(urn));
    assert.deepEqual(
      kept.sort(),
      ["db-1", "db-2", "db-3"].flatMap((name) => [name, `${name}-data`]),
    );
    await clean();
  });
});

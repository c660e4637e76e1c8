/** What may change while a host lives, on hosts that hold data and run the application: changed in place under load, refused without harm, and never in the plain. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { eventually } from "../../support/eventually";
import { assertNothingFailed, figure, manage, mysql, Site } from "../../support/site";

describe("settings of a running site", function () {
  // Above what a command may take, so that the command says what it waited for.
  this.timeout(600_000);

  const databases = ["db-1", "web-1", "web-2"] as const;
  const webs = ["web-1", "web-2"] as const;
  const hosts = ["lb-1", ...databases] as const;

  const app = (environment: Readonly<Record<string, string>>) => ({ environment, secrets: ["API_TOKEN"] });
  const first = {
    app: app({ COLOUR: "blue", SHAPE: "round" }),
    secrets: { API_TOKEN: "first-token-of-the-application" },
    mysql: mysql({ settings: { wait_timeout: 1000, sort_buffer_size: "1M" } }),
  };
  const second = {
    app: app({ COLOUR: "green" }),
    secrets: { API_TOKEN: "second-token-of-the-application" },
    mysql: mysql({ durability: "require", maxLagSeconds: 9, settings: { wait_timeout: 2000, long_query_time: "0.5" } }),
    domain: "shop.example.com",
  };

  const site = new Site({ topology: "replica-per-web", ...first });
  manage(site);
  before("up", () => site.up());

  /** Each variable on a database host, as MySQL has it now. */
  const variables = async (host: string, ...names: readonly string[]): Promise<string[]> =>
    (await site.sql(host, `select ${names.map((name) => `@@global.${name}`).join(", ")}`)).split("\t");

  /** The variables of the application that serves. */
  async function environment(host: string): Promise<ReadonlyMap<string, string>> {
    const text = await site.shell(
      host,
      'read -r colour _ </var/lib/webinfra/active; cat "/proc/$(systemctl show --property MainPID --value "webinfra-app@$colour")/environ"',
    );
    return new Map(
      text
        .split("\0")
        .filter(Boolean)
        .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)] as const),
    );
  }

  /** Waits for nothing: what `up` has seen is so. */
  async function areInForce(domain: string): Promise<void> {
    for (const host of hosts) {
      const text = readFileSync(site.document(`settings/${host}.json`), "utf8");
      const { settings } = await site.state(host);
      const applied = createHash("sha256").update(text).digest("hex");
      assert.deepEqual(settings, { applied, refused: null, waiting: null, pending: [] }, host);
      assert.equal((JSON.parse(text) as { domain: string }).domain, domain);
    }
  }

  it("are in force when up ends", async () => {
    await areInForce("www.foobar.com");
    for (const host of databases) {
      assert.deepEqual(await variables(host, "wait_timeout", "sort_buffer_size", "rpl_semi_sync_source_timeout"), [
        "1000",
        "1048576",
        "1000",
      ]);
    }
    for (const host of webs) {
      const found = await environment(host);
      assert.deepEqual(
        ["COLOUR", "SHAPE", "API_TOKEN", "SERVER_NAME"].map((name) => found.get(name)),
        ["blue", "round", "first-token-of-the-application", host],
      );
    }
  });

  it("are no secret to the host that they are of, and one to every other: the whole channel holds none", async () => {
    const script =
      "cd /etc/webinfra/secrets; for name in *; do case $name in server.key | web.key) sed -n 2p $name ;; app-environment*) ;; *) cat $name; echo ;; esac; done";
    const texts = await Promise.all(hosts.map((host) => site.shell(host, script)));
    const secrets = [...new Set(texts.join("\n").split("\n").filter(Boolean)), ...Object.values(first.secrets)];
    // Each host's identity, the databases' passwords and key, and the application's token.
    assert.ok(secrets.length > hosts.length + 3, String(secrets.length));
    const found = await site.shell(
      "lb-1",
      `pattern=$(mktemp) && echo ${Buffer.from(secrets.join("\n")).toString("base64")} | base64 -d >"$pattern"
       test "$(find /var/lib/webinfra-channel -type f | wc -l)" -ge ${String(2 * hosts.length)}
       find /var/lib/webinfra-channel -type f ! -readable
       grep -rlFf "$pattern" /var/lib/webinfra-channel || true; rm "$pattern"`,
    );
    assert.equal(found, "");
    const { sealed } = JSON.parse(readFileSync(site.document("settings/web-1.json"), "utf8")) as { sealed: string };
    const open = `echo ${Buffer.from(sealed).toString("base64")} | base64 -d | age --decrypt --identity /etc/webinfra/secrets/sealing-key 2>&1 || true`;
    assert.match(await site.shell("web-1", open), /first-token-of-the-application/);
    assert.match(await site.shell("web-2", open), /no identity matched any of the recipients/);
  });

  it("change in place, all of them at once and on hosts that hold data, with no failed request", async () => {
    const machines = await site.machineIds();
    site.configure(second);
    const load = await site.load();
    const { seconds } = await site.up();
    await areInForce("shop.example.com");
    const report = await load.stop();
    figure("up that changes the environment, MySQL and the domain", seconds, "s");
    figure("longest time without a write while settings changed", report.writeGap, "s");
    assertNothingFailed(report);
    assert.deepEqual(await site.machineIds(), machines);
    for (const host of databases) {
      const names = ["wait_timeout", "sort_buffer_size", "long_query_time", "rpl_semi_sync_source_timeout"];
      assert.deepEqual(await variables(host, ...names), ["2000", "262144", "0.500000", "4294967295"]);
    }
    for (const host of webs) {
      const found = await environment(host);
      assert.deepEqual(
        ["COLOUR", "SHAPE", "API_TOKEN"].map((name) => found.get(name)),
        ["green", undefined, "second-token-of-the-application"],
      );
    }
    assert.deepEqual(await site.missing("web-2", report.acknowledged), []);
    await site.succeed("preview", site.stack, "--config-file", site.configFile, "--expect-no-changes");
  });

  it("keep their word: with durability require a write waits for a replica from then on", async () => {
    await Promise.all(webs.map((host) => site.shell(host, "systemctl stop webinfra-database")));
    await Promise.all(webs.map((host) => site.sql(host, "stop replica io_thread")));
    const { status, body } = await site.post("only the primary has this");
    assert.equal(status, 503, body);
    await Promise.all(webs.map((host) => site.sql(host, "start replica io_thread")));
    await Promise.all(webs.map((host) => site.shell(host, "systemctl start webinfra-database")));
    await eventually("a write", async () => {
      await site.write("acknowledged again");
    });
  });

  for (const { what, change, reason } of [
    {
      what: "a value that MySQL does not take",
      change: { mysql: mysql({ durability: "require", settings: { wait_timeout: 3000, sql_mode: "ANSI_AND_MORE" } }) },
      reason: /(db|web)-\d \(machine \S+ at \S+\): refused its settings: MySQL [^\n]*(sql_mode|ANSI_AND_MORE)/,
    },
    {
      what: "a variable that MySQL does not know",
      change: { mysql: mysql({ durability: "require", settings: { wait_tmeout: 3000 } }) },
      reason:
        /(db|web)-\d \(machine \S+ at \S+\): refused its settings: MySQL refuses its configuration: [^\n]*wait_tmeout/,
    },
    {
      what: "an environment with which the application does not start",
      change: { app: app({ COLOUR: "red", DRAIN_SECONDS: "nine" }) },
      reason:
        /web-\d \(machine \S+ at \S+\): refused its settings: the application does not become healthy with its environment, and goes on with the one before: release [0-9a-f]{12} did not become healthy: the application ended after \d+ s with exit code 1, \d+ times in a row/,
    },
  ]) {
    it(`refuse ${what}: up says so soon, nothing changes, and no request fails`, async () => {
      const good = { ...second, mysql: mysql({ durability: "require" }) };
      site.configure(good);
      await site.up();
      site.configure({ ...good, ...change });
      const load = await site.load();
      const { code, stderr, seconds } = await site.run(site.upArguments());
      assert.equal(code, 1, stderr);
      assert.match(stderr, reason);
      figure(`up that is refused for ${what}`, seconds, "s");
      for (const host of databases) {
        assert.deepEqual(await variables(host, "wait_timeout"), ["28800"]);
      }
      for (const host of webs) {
        assert.equal((await environment(host)).get("COLOUR"), "green");
      }
      site.configure(good);
      await site.up();
      assertNothingFailed(await load.stop());
      await areInForce("shop.example.com");
    });
  }

  it("survive a boot of the host and a start of MySQL, and say until then what waits for it", async () => {
    site.configure({ ...second, mysql: mysql({ durability: "require", settings: { innodb_read_io_threads: 2 } }) });
    await site.up();
    const pending = async (host: string) => (await site.state(host)).settings?.pending;
    const words = ["innodb_read_io_threads takes effect when MySQL starts next"];
    for (const host of databases) {
      assert.deepEqual(await pending(host), words);
    }
    await site.shell("web-1", "systemctl restart mysql.service");
    await eventually("MySQL to have read it", async () => {
      assert.deepEqual(await variables("web-1", "innodb_read_io_threads"), ["2"]);
      assert.deepEqual(await pending("web-1"), []);
    });
    assert.deepEqual(await pending("db-1"), words);
    const { machine } = await site.machine("web-2");
    const boot = "stat --format %Y /proc/1";
    const before = await site.shell("web-2", boot);
    await site.shell("web-2", "systemctl reboot --no-block");
    await eventually("web-2 to be back with its settings", async () => {
      assert.equal((await site.machine("web-2")).machine, machine);
      assert.notEqual(await site.shell("web-2", boot), before);
      const { healthy, settings } = await site.state("web-2");
      assert.ok(healthy);
      assert.deepEqual(settings?.pending, []);
      assert.deepEqual(await variables("web-2", "innodb_read_io_threads", "wait_timeout"), ["2", "28800"]);
      assert.equal((await environment("web-2")).get("COLOUR"), "green");
    });
    await site.settled();
  });

  it("are one document a host, whatever came before", () => {
    assert.deepEqual(readdirSync(site.document("settings")).sort(), hosts.map((host) => `${host}.json`).sort());
  });
});

/**
 * A whole site in Incus containers: real requests, real replication, real faults. The tests share one site; each leaves it as it was, or better
 * said, the site gets back by itself.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { appendFileSync, cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { eventually } from "../../support/eventually";
import { pageTests } from "../../support/page";
import { assertNothingFailed, figure, incus, manage, repository, Site } from "../../support/site";

const run = promisify(execFile);

/** The web servers that answered a number of pages, without repetition. */
const serversOf = async (site: Site, times: number): Promise<string[]> =>
  [...new Set((await site.sightings(times)).map((answer) => answer.headers["x-served-by"] ?? ""))].sort();

describe("site on Incus", function () {
  // Above what a command may take, so that the command says what it waited for.
  this.timeout(600_000);

  const site = new Site();
  const application = join(site.directory, "app");
  manage(site);

  before("up from nothing", async () => {
    cpSync(join(repository, "app", "dist"), application, { recursive: true });
    site.configure({ app: { directory: application } });
    const { seconds } = await site.up();
    assert.equal((await site.fetch("/")).status, 200);
    figure("up from nothing to the first page", seconds, "s");
  });

  /** What the command shows of a host's logs. */
  const logged = async (host: string, lines = 1000): Promise<string[]> =>
    (await site.succeed("logs", host, "--stack", site.stack, "--lines", String(lines))).stdout.split("\n");

  describe("serves", () => {
    it("pages from both web servers in turn", async () => {
      // A server that has just come gets fewer requests for two seconds.
      await eventually("turns", async () => {
        const seen = (await site.sightings(8)).map(({ headers }) => headers["x-served-by"]);
        assert.deepEqual([...seen].sort(), [...Array<string>(4).fill("web-1"), ...Array<string>(4).fill("web-2")]);
        for (let i = 1; i < seen.length; i++) {
          assert.notEqual(seen[i], seen[i - 1]);
        }
      });
    });

    it("answers that say which machine and which release", async () => {
      const ids = await site.machineIds();
      const pointer = JSON.parse(
        readFileSync(join(site.home, "channels", site.stack, "pointers", "release.json"), "utf8"),
      ) as object;
      for (const { headers } of await site.sightings(2)) {
        assert.equal(headers["x-machine"], ids[headers["x-served-by"] ?? ""]);
        assert.deepEqual({ version: 2, release: headers["x-release"] }, pointer);
      }
    });

    it("the visitor's real address to the log, whatever a header says", async () => {
      const mark = randomBytes(6).toString("hex");
      const { headers } = await site.fetch(`/?${mark}`, {
        headers: { "x-forwarded-for": "192.0.2.66", forwarded: "for=192.0.2.66" },
      });
      const line = await eventually("the request in Nginx's log", async () => {
        const found = (await logged(headers["x-served-by"]!)).find((one) => one.includes(mark));
        assert.ok(found !== undefined);
        return found;
      });
      const gateway = (await site.address("lb-1")).replace(/\d+$/, "1");
      assert.match(line, new RegExp(` nginx: ${gateway.replaceAll(".", "\\.")} \\S+ "GET /\\?${mark} `));
      assert.ok(!line.includes("192.0.2.66"));
    });

    it("a line for each request to the logs, also while they are rotated", async () => {
      const requests = 20_000;
      const mark = randomBytes(6).toString("hex");
      const webs = ["web-1", "web-2"];
      const logs = { "lb-1": "haproxy", "web-1": "nginx", "web-2": "nginx" };
      const counts = await site.burst(`/static/style.css?${mark}-`, requests, async () => {
        for (let turn = 0; turn < 3; turn++) {
          await Promise.all(
            Object.entries(logs).map(([host, server]) =>
              site.shell(host, `logrotate --force /etc/logrotate.d/*${server}`),
            ),
          );
        }
      });
      assert.deepEqual(counts, { 200: requests });
      const numbersOf = async (hosts: readonly string[]): Promise<number[]> => {
        const lines = (await Promise.all(hosts.map((host) => logged(host, 2 * requests)))).flat();
        const seen = lines.flatMap((line) => new RegExp(`"GET \\S+${mark}-(\\d+) `).exec(line)?.[1] ?? []);
        return seen.map(Number).sort((a, b) => a - b);
      };
      const all = Array.from({ length: requests }, (_, number) => number);
      for (const hosts of [["lb-1"], webs]) {
        await eventually(`a line for each request at ${hosts.join(" and ")}`, async () => {
          const numbers = await numbersOf(hosts);
          assert.ok(numbers.length >= requests, `${String(requests - numbers.length)} lines are not there`);
          assert.deepEqual(numbers, all);
        });
      }
      for (const [host, server] of Object.entries(logs)) {
        const files = `$(grep -l ${mark} /var/log/${server}/access.log*)`;
        assert.match(
          await site.shell(host, `stat -c %a:%G ${files}`),
          /^(640:adm\n){2,}$/,
          "was rotated, for few to read",
        );
      }
    });

    it("static files by Nginx itself, compressed and with a time to keep them", async () => {
      const { status, headers } = await site.fetch("/static/style.css", { headers: { "accept-encoding": "gzip" } });
      assert.equal(status, 200);
      assert.equal(headers["content-type"], "text/css");
      assert.equal(headers["content-encoding"], "gzip");
      assert.match(headers["cache-control"] ?? "", /max-age=3600/);
      assert.equal(headers["x-database"], undefined);
    });

    it("a visitor's own entry at once, from whichever database", async () => {
      for (let i = 0; i < 10; i++) {
        const message = `mine-${randomBytes(6).toString("hex")}`;
        const form = new URLSearchParams({ name: "Ada", message }).toString();
        const sent = await site.fetch("/", {
          method: "POST",
          body: form,
          headers: { "content-type": "application/x-www-form-urlencoded" },
        });
        assert.equal(sent.status, 303);
        const cookie = sent.headers["set-cookie"]!.split(";")[0]!;
        const page = await site.fetch("/", { headers: { cookie } });
        assert.ok(page.body.includes(message), `the page of ${String(page.headers["x-database"])} lacks the entry`);
      }
    });

    it("nothing of its inner answers to the outside", async () => {
      for (const path of ["/-/app", "/-/web", "/-/balancer/x", "/-/x"]) {
        assert.equal((await site.fetch(path)).status, 404, path);
      }
    });

    it("metrics to the private network", async () => {
      const address = await site.address("lb-1");
      const metrics = await site.shell("web-1", `curl -sf http://${address}:8405/metrics`);
      assert.match(metrics, /^haproxy_server_status\{proxy="web",server="s1",state="UP"\} 1$/m);
    });
  });

  pageTests(async () => `http://${await site.address("lb-1")}`);

  describe("keeps its data", () => {
    it("on the replica as well, which answers reads", async () => {
      const id = await site.write("for the replica");
      await eventually("the entry on the replica", async () => {
        const { headers, body } = await site.fetch("/api/entries");
        assert.equal(headers["x-database"], "db-2");
        assert.ok(body.includes(id));
      });
      assert.deepEqual(await site.missing("db-2", [id]), []);
      assert.equal(await site.sql("db-2", "select @@global.super_read_only"), "1");
    });

    it("from writes to the replica and from clients without TLS", async () => {
      const client = (host: string, statement: string, tls: string) =>
        site.shell(
          "db-1",
          `export MYSQL_PWD=$(cat /etc/webinfra/secrets/app-password); mysql -h ${host}.webinfra.internal -u app ${tls} -e "${statement}" site 2>&1 || true`,
        );
      const verified = "--ssl-mode=VERIFY_IDENTITY --ssl-ca=/etc/webinfra/tls/ca.pem";
      assert.match(await client("db-2", "delete from entries", verified), /^ERROR 1290 \(HY000\)/m);
      assert.equal(await client("db-1", "delete from entries where id = 'none'", verified), "");
      assert.match(await client("db-1", "select 1", "--ssl-mode=DISABLED"), /^ERROR (3159|1045|2061) /m);
      assert.match(await client("db-1", "drop database mysql", verified), /^ERROR 1044 \(42000\)/m);
    });

    it("and its secrets to itself: no other user of a host can read them", async () => {
      const secrets = await site.shell(
        "db-1",
        "cd /etc/webinfra/secrets; for name in app-password replication-password; do cat $name; echo; done; sed -n 2p server.key",
      );
      const patterns = secrets.trim().split("\n");
      assert.equal(patterns.length, 3);
      const hosts = Object.keys(await site.machineIds());
      for (const host of hosts) {
        const found = await site.shell(
          host,
          // Never as an argument: `grep` would find itself, when its own process is there before the list of processes is made.
          `pattern=$(mktemp) && echo ${Buffer.from(secrets.trim()).toString("base64")} | base64 -d >"$pattern"
           exec 3<"$pattern" 4<"$pattern" && rm "$pattern"
           cat <&3 | runuser -u nobody -- grep -rlsIFf - --exclude-dir=proc --exclude-dir=sys --exclude-dir=share /etc /run /tmp /var /srv /opt /home /root /usr/local || true
           cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -Ff /dev/fd/4 || true`,
        );
        assert.equal(found, "", `${host} shows secrets`);
      }
      assert.match(await site.shell("web-1", "stat -c %a:%U /etc/webinfra/app.env"), /^600:root$/m);
      for (const pattern of patterns) {
        assert.ok(!site.transcript.includes(pattern), "the command printed a secret");
      }
      const state = readFileSync(
        join(site.home, "state", ".pulumi", "stacks", "webinfra", `${site.stack}.json`),
        "utf8",
      );
      for (const pattern of patterns) {
        assert.ok(!state.includes(pattern), "the state shows a secret");
      }
    });

    it("and the metadata address to root: other users are refused by the kernel", async () => {
      const connect =
        "import socket\ntry: socket.create_connection(('169.254.169.254', 80), 1).close()\nexcept OSError as error: print(error.errno)";
      for (const host of Object.keys(await site.machineIds())) {
        const as = (user: string) => site.shell(host, `runuser -u ${user} -- python3 -c "${connect}"`);
        assert.equal((await as("nobody")).trim(), "13", host);
        assert.notEqual((await as("root")).trim(), "13", host);
      }
    });
  });

  describe("is run by a command", () => {
    it("status, for machines", async () => {
      await site.settled();
      const { stdout } = await site.succeed("status", site.stack, "--json");
      const status = JSON.parse(stdout) as { database: { replicas: { lagSeconds: unknown }[] } };
      const lag = status.database.replicas[0]?.lagSeconds;
      assert.equal(typeof lag, "number");
      const host = async (name: string, ...roles: string[]) => ({
        name,
        roles,
        address: await site.address(name),
        healthy: true,
        outdated: false,
        refused: [],
        settings: {
          applied: createHash("sha256")
            .update(readFileSync(site.document(`settings/${name}.json`)))
            .digest("hex"),
          refused: null,
          waiting: null,
          pending: [],
        },
        database:
          name === "db-1" || name === "db-2"
            ? {
                role: name === "db-1" ? "primary" : "replica",
                epoch: 1,
                nonce: "first",
                waiting: null,
                conflict: false,
              }
            : null,
      });
      assert.deepEqual(status, {
        stack: site.stack,
        platform: "incus",
        topology: "dedicated-databases",
        url: `http://${await site.address("lb-1")}`,
        hosts: [
          await host("db-1", "database"),
          await host("db-2", "database"),
          await host("lb-1", "loadBalancer"),
          await host("web-1", "webServer", "appServer"),
          await host("web-2", "webServer", "appServer"),
        ],
        database: { primary: "db-1", replicas: [{ name: "db-2", lagSeconds: lag }] },
      });
    });

    it("exec with the command's exit code, and logs", async () => {
      const ended = await site.run(["exec", "web-2", "--stack", site.stack, "--", "sh", "-c", "hostname; exit 7"]);
      assert.equal(ended.stdout, "web-2\n");
      assert.equal(ended.code, 7);
      assert.match(
        (await site.succeed("logs", "db-1", "--stack", site.stack, "--lines", "500")).stdout,
        /open for writes/,
      );
      const unknown = await site.run(["logs", "web-9", "--stack", site.stack]);
      assert.equal(unknown.code, 1);
      assert.match(
        unknown.stderr,
        /there is no host "web-9" in the stack "\w+" \(did you mean "web-1"\?\); hosts: db-1, db-2, lb-1, web-1, web-2/,
      );
    });

    it("preview and up, which see no change when there is none", async () => {
      const preview = await site.succeed(
        "preview",
        site.stack,
        "--config-file",
        site.configFile,
        "--diff",
        "--expect-no-changes",
      );
      assert.match(preview.stdout, /^no changes$/m);
      figure("preview", preview.seconds, "s");
      const up = await site.up("--json");
      assert.deepEqual(Object.keys((JSON.parse(up.stdout) as { changes: object }).changes), ["same"]);
      figure("up without a change", up.seconds, "s");
    });

    describe("plain pulumi in a shell with the variables of `env`", () => {
      /** Types commands into a bash of its own that has evaluated them, in a folder. */
      const typed = async (folder: string, commands: string): Promise<string> => {
        const { PULUMI_BACKEND_URL: _url, ...own } = process.env;
        const script = `eval "$('${repository}/webinfra' env ${site.stack})"\n${commands}`;
        const { stdout } = await run("bash", ["-euo", "pipefail", "-c", script], {
          cwd: folder,
          // As the command itself has it; nothing in this PATH is of the repository.
          env: {
            ...own,
            PATH: (own["PATH"] ?? "")
              .split(delimiter)
              .filter((entry) => !entry.startsWith(repository))
              .join(delimiter),
            WEBINFRA_HOME: site.home,
            PULUMI_CREDENTIALS_PATH: site.directory,
            COLUMNS: "80",
          },
        });
        return stdout;
      };

      it("previews no change, in the repository and in the stack's work folder", async () => {
        // `env` has no --config-file: the work copy that the last `up` left is what holds.
        for (const folder of [repository, join(site.home, "stacks", site.stack)]) {
          assert.match(await typed(folder, "pulumi preview --expect-no-changes"), /^ {4}\d+ unchanged$/m);
        }
      });

      it("updates, with no change", async () => {
        const shown = await typed(repository, "pulumi up --yes --skip-preview --expect-no-changes");
        assert.match(shown, /^ {4}\d+ unchanged$/m);
      });

      it("holds a preview to the policy pack", async () => {
        const shown = await typed(repository, "pulumi preview --expect-no-changes --policy-pack policy");
        assert.match(shown, /webinfra@v\d/);
      });

      it("prints outputs that fit a screen", async () => {
        const url = (await typed(repository, "pulumi stack output url")).trim();
        assert.equal(url, `http://${await site.address("lb-1")}`);
        const rows = (await typed(repository, "pulumi stack output"))
          .trimEnd()
          .split("\n")
          .map((line) => Math.ceil(line.length / 80));
        assert.ok(Math.max(...rows) < 12, JSON.stringify(rows));
        assert.ok(rows.reduce((sum, count) => sum + count, 0) <= 24, JSON.stringify(rows));
      });

      it("sets and reads configuration, and cancels", async () => {
        const read = "pulumi config get webinfra:domain";
        const domain = (await typed(repository, read)).trim();
        assert.equal((await typed(repository, `pulumi config set webinfra:domain x.test && ${read}`)).trim(), "x.test");
        await typed(repository, `pulumi config set webinfra:domain ${domain}`);
        await typed(repository, "pulumi cancel --yes");
      });

      it("and webinfra itself there, as in any other shell", async () => {
        assert.match(
          await typed(repository, `'${repository}/webinfra' preview ${site.stack} --config-file '${site.configFile}'`),
          /^no changes$/m,
        );
      });
    });

    it("in little memory", async () => {
      let total = 0;
      for (const host of Object.keys(await site.machineIds())) {
        const sum = await site.shell(
          host,
          "cat /proc/[0-9]*/smaps_rollup 2>/dev/null | awk '/^Pss:/ { sum += $2 } END { print sum }'",
        );
        figure(`memory of ${host} (sum of PSS)`, Number(sum) / 1024, "MiB");
        total += Number(sum) / 1024;
      }
      figure("memory of all hosts (sum of PSS)", total, "MiB");
      assert.ok(total > 0);
    });
  });

  describe("goes on serving", () => {
    afterEach(() => site.settled());

    it("static files when every app is stopped, and a clean 503 for the page", async () => {
      const webs = ["web-1", "web-2"];
      const colours = await Promise.all(
        webs.map(async (host) => (await site.shell(host, "cut -d' ' -f1 /var/lib/webinfra/active")).trim()),
      );
      await Promise.all(webs.map((host) => site.shell(host, "systemctl stop 'webinfra-app@*.service'")));
      await eventually("the page to be a clean 503", async () => {
        const page = await site.fetch("/");
        assert.equal(page.status, 503);
        assert.equal(page.headers["content-type"], "text/html; charset=utf-8");
        assert.equal(page.headers["retry-after"], "5");
        assert.match(page.body, /<h1>Back soon<\/h1>/);
      });
      for (let i = 0; i < 6; i++) {
        assert.equal((await site.fetch("/static/style.css")).status, 200);
      }
      await Promise.all(webs.map((host, index) => site.shell(host, `systemctl start webinfra-app@${colours[index]!}`)));
    });

    it("from the other web server when one is killed, and from both when it is back", async () => {
      const { machine } = await site.machine("web-1");
      await incus("stop", "--force", machine);
      await eventually("web-1 to leave the rotation", async () =>
        assert.deepEqual(await serversOf(site, 6), ["web-2"]),
      );
      await incus("start", machine);
      await eventually("web-1 to come back", async () =>
        assert.deepEqual(await serversOf(site, 6), ["web-1", "web-2"]),
      );
    });

    it("every request while a web host is stopped in order and started again", async () => {
      const { machine } = await site.machine("web-2");
      const load = await site.load();
      const started = Date.now();
      await incus("stop", machine, "--timeout", "60");
      figure("stop of a web host in order", (Date.now() - started) / 1000, "s");
      assert.deepEqual(await serversOf(site, 4), ["web-1"]);
      await incus("start", machine);
      await eventually("web-2 to come back", async () =>
        assert.deepEqual(await serversOf(site, 4), ["web-1", "web-2"]),
      );
      const report = await load.stop();
      assertNothingFailed(report);
      figure("slowest request while a web host was stopped", report.slowest, "s");
    });

    it("reads from the primary while the replica is stopped, and writes as well", async () => {
      await site.shell("db-2", "systemctl stop mysql");
      await eventually("reads from the primary", async () => {
        const seen = (await site.sightings(4)).map(({ headers }) => headers["x-database"]);
        assert.deepEqual([...new Set(seen)], ["db-1"]);
      });
      const id = await site.write("while the replica is away");
      await site.shell("db-2", "systemctl start mysql");
      await eventually("reads from the replica", async () => {
        const { headers, body } = await site.fetch("/api/entries");
        assert.equal(headers["x-database"], "db-2");
        assert.ok(body.includes(id));
      });
    });

    it("after the primary's MySQL was killed, with every acknowledged write", async () => {
      const load = await site.load({ requests: [["POST", "/api/entries"]] });
      await eventually("some writes", async () =>
        assert.ok(Number(await site.sql("db-1", "select count(*) from site.entries where name = 'load'")) > 20),
      );
      await site.shell("db-1", "systemctl kill --signal KILL mysql");
      const started = Date.now();
      await eventually("the next write", () => site.write("after the kill"));
      figure("no writes after a kill of the primary's MySQL", (Date.now() - started) / 1000, "s");
      const before = Number(await site.sql("db-1", "select count(*) from site.entries"));
      await eventually("the load to write again", async () =>
        assert.ok(Number(await site.sql("db-1", "select count(*) from site.entries")) > before + 20),
      );
      const { acknowledged } = await load.stop(41);
      assert.deepEqual(await site.missing("db-1", acknowledged), []);
      await eventually("the replica to have them all", async () =>
        assert.deepEqual(await site.missing("db-2", acknowledged), []),
      );
    });

    it("after all hosts were restarted at once, with every acknowledged write", async () => {
      const written = async () => Number(await site.sql("db-1", "select count(*) from site.entries"));
      const earlier = await written();
      const load = await site.load({ requests: [["POST", "/api/entries"]] });
      await eventually("some writes", async () => assert.ok((await written()) > earlier + 20));
      const ids = await site.machineIds();
      const started = Date.now();
      await incus("restart", "--force", ...Object.values(ids));
      const { acknowledged } = await load.stop(11);
      await site.settled(150);
      figure("all hosts restarted at once: until all are healthy", (Date.now() - started) / 1000, "s");
      assert.deepEqual(await site.machineIds(), ids);
      assert.deepEqual(await site.missing("db-1", acknowledged), []);
      await site.write("after the restart");
      await eventually("the replica to have them all", async () =>
        assert.deepEqual(await site.missing("db-2", acknowledged), []),
      );
    });
  });

  describe("is changed under way", () => {
    afterEach(() => site.settled());

    it("to another release of the application with no failed request, on the same machines", async () => {
      const ids = await site.machineIds();
      const before = (await site.fetch("/")).headers["x-release"];
      appendFileSync(join(application, "server.js"), "\n// another release\n");
      const load = await site.load();
      const { seconds } = await site.up();
      const after = (await site.fetch("/")).headers["x-release"];
      const report = await load.stop();
      figure("up with another release", seconds, "s");
      figure("slowest request while the release was switched", report.slowest, "s");
      assert.notEqual(after, before);
      assertNothingFailed(report);
      assert.deepEqual(Object.keys(report.releases).sort(), [before, after].sort());
      assert.deepEqual(await site.machineIds(), ids);
    });

    it("not to a release that never serves: up names the hosts, and the old one serves on", async () => {
      const server = join(application, "server.js");
      const good = readFileSync(server, "utf8");
      const before = (await site.fetch("/")).headers["x-release"];
      writeFileSync(server, "process.exit(1);\n");
      site.configure({ app: { directory: application } });
      const load = await site.load();
      const { code, stderr } = await site.run(site.upArguments());
      writeFileSync(server, good);
      assert.equal(code, 1, stderr);
      // Not at the end of its patience, which is six minutes.
      const [, waited] = /ready: the site \S+ is not ready after (\d+) s:/.exec(stderr) ?? [];
      assert.ok(Number(waited) < 150, stderr);
      for (const host of ["web-1", "web-2"]) {
        assert.match(
          stderr,
          new RegExp(
            `${host} \\(machine webinfra-\\S+ at \\S+\\): release [0-9a-f]{12}: the application ended after \\d+ s with exit code 1(, \\d+ times in a row)? ` +
              `\\(app\\.start is "/usr/bin/node server\\.js"\\), and release ${String(before).slice(0, 12)} goes on serving\n`,
          ),
        );
      }
      site.configure({ app: { directory: application } });
      await site.up();
      const report = await load.stop();
      assertNothingFailed(report);
      assert.deepEqual(Object.keys(report.releases), [before]);
    });

    it("back to what it was, when somebody deleted a machine by hand", async () => {
      const { machine } = await site.machine("web-2");
      await incus("delete", "--force", machine);
      const status = await site.run(["status", site.stack]);
      assert.equal(status.code, 3);
      assert.match(status.stdout, /web-2 .*its machine is gone/);
      assert.match(status.stdout, new RegExp(`^\`webinfra up --stack ${site.stack}\` brings web-2 back$`, "m"));
      await site.up("--refresh");
      assert.notEqual((await site.machine("web-2")).machine, machine);
      // HAProxy gives a server that has just come some requests in a row: the rest of a round that the others have had their part of.
      await eventually("both web servers", async () => assert.deepEqual(await serversOf(site, 4), ["web-1", "web-2"]));
    });
  });

  describe("survives a change that fails", () => {
    it("to machines that never serve: up shows the failing host's log, and the old ones serve on", async () => {
      const before = await site.machineIds();
      site.configure({
        app: { directory: application, packages: ["nodejs", "no-such-package"] },
        image: { bake: false },
        // A host needs half of it to boot and to look at its package mirror.
        readyTimeoutSeconds: 60,
      });
      const load = await site.load();
      const { code, stderr, seconds } = await site.run(site.upArguments());
      const report = await load.stop();
      assert.equal(code, 1, stderr);
      assert.ok(seconds < 200, `it took ${String(seconds)} s`);
      assert.match(stderr, /web-1 \(machine webinfra-\S+ at \S+\): /);
      assert.match(stderr, /Unable to locate package no-such-package/);
      assertNothingFailed(report);
      assert.deepEqual(Object.keys(report.machines).sort(), [before["web-1"], before["web-2"]].sort());
    });

    it("and is changed to new machines after that, with no failed request", async () => {
      const before = new Set((await site.machines()).map(({ machine }) => machine));
      site.configure({ app: { directory: application, concurrency: 63 } });
      const load = await site.load();
      const { seconds } = await site.up();
      const report = await load.stop();
      figure("up that replaces both web machines", seconds, "s");
      figure("slowest request while the web machines were replaced", report.slowest, "s");
      assertNothingFailed(report);
      const after = await site.machines();
      assert.equal(after.length, 5);
      for (const { host, machine } of after) {
        assert.equal(before.has(machine), !host.startsWith("web-"), `${machine} of ${host}`);
      }
      await site.settled();
    });
  });

  describe("is taken down", () => {
    let id: string;

    it("with its data kept, which the next up takes up again", async () => {
      id = await site.write("before down");
      const { stdout } = await site.down();
      assert.match(
        stdout,
        new RegExp(
          `kept: the databases' data \\(webinfra-${site.stack}-db-1-data, webinfra-${site.stack}-db-2-data\\)`,
        ),
      );
      assert.deepEqual(await site.remains(), [`webinfra-${site.stack}-db-1-data`, `webinfra-${site.stack}-db-2-data`]);
      await site.up();
      assert.ok((await site.fetch("/api/entries")).body.includes(id));
      await eventually("the replica to have the entry", async () =>
        assert.deepEqual(await site.missing("db-2", [id]), []),
      );
      await site.write("after up");
    });

    it("with nothing left when its data is deleted as well", async () => {
      await site.down("--delete-data", "--yes");
      assert.deepEqual(await site.remains(), []);
      assert.deepEqual(readdirSync(join(site.home, "channels")), []);
      assert.deepEqual(readdirSync(join(site.home, "stacks")), []);
      const left = readdirSync(join(site.home, "state"), { recursive: true }).map(String);
      assert.deepEqual(
        left.filter((path) => path.includes(site.stack)),
        [],
      );
    });
  });
});

/**
 * Each topology as a running site in Incus containers: what its document says of it, and what its settings change. One site a topology, brought up once;
 * each test leaves it as it was.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { Agent, request } from "undici";
import { parse } from "yaml";
import { PROJECT } from "../../provider/incus";
import { eventually } from "../support/eventually";
import { type Answer, figure, type LoadReport, manage, repository, Site } from "../support/site";

const run = promisify(execFile);
const incus = (...args: string[]) => run("incus", ["--project", PROJECT, ...args]);

const dev = parse(readFileSync(join(repository, "Pulumi.dev.yaml"), "utf8")) as { config: Record<string, object> };
/** The databases' settings of the committed stack, with others on top. */
const mysql = (settings: object) => ({ ...dev.config["webinfra:mysql"], ...settings });

const header = (answers: readonly Answer[], name: string): string[] =>
  [...new Set(answers.map(({ headers }) => headers[name] ?? "none"))].sort();

/** Requests that are under way at the same time, so that connections to several databases are in use. */
const together = (site: Site, path: string, times = 16): Promise<Answer[]> =>
  Promise.all(Array.from({ length: times }, () => site.fetch(path)));

/** How many servers of the page the balancer knows to be well. */
const pageServers = async (site: Site): Promise<string> =>
  (await site.fetch("/-/balancer")).headers["x-page-servers"] ?? "none";

async function kill(site: Site, ...hosts: string[]): Promise<void> {
  await Promise.all(hosts.map(async (host) => incus("stop", "--force", (await site.machine(host)).machine)));
}

async function start(site: Site, ...hosts: string[]): Promise<void> {
  await Promise.all(hosts.map(async (host) => incus("start", (await site.machine(host)).machine)));
}

/** The hosts whose applications answer when one web server is asked directly. */
async function applicationsBehind(site: Site, web: string): Promise<string[]> {
  const seen = await site.shell(
    "lb-1",
    `for i in $(seq 8); do curl -sS -H 'Host: www.foobar.com' http://${web}.webinfra.internal:8080/api/entries; echo; done`,
  );
  const servers = seen
    .trim()
    .split("\n")
    .filter(Boolean)
    .map((line) => /"servedBy":"([^"]+)"/.exec(line)?.[1] ?? line);
  return [...new Set(servers)].sort();
}

interface Standing {
  /** Hosts with Nginx. */
  readonly webs: readonly string[];
  readonly primary: string;
  readonly replicas: readonly string[];
}

function bringUp(site: Site, name: string): void {
  before("up", async () => {
    const { seconds } = await site.up();
    figure(`up of ${name}`, seconds, "s");
  });
}

/** What holds in every topology. */
function serves(site: Site, { webs, primary, replicas }: Standing): void {
  it("sends requests to each web server in turn", async () => {
    // A server that has just come gets fewer requests for two seconds.
    await eventually("turns", async () => {
      assert.equal(await pageServers(site), String(webs.length));
      const seen = (await site.sightings(3 * webs.length)).map(({ headers }) => headers["x-served-by"]);
      assert.deepEqual([...new Set(seen)].sort(), [...webs].sort());
      seen.forEach((one, index) => assert.equal(one, seen[index % webs.length], seen.join(" ")));
    });
  });

  it("serves static files from Nginx and the page from the application", async () => {
    const style = await site.fetch("/static/style.css");
    assert.deepEqual([style.status, style.headers["content-type"]], [200, "text/css"]);
    assert.equal(style.headers["x-database"], undefined);
    const page = await site.fetch("/");
    assert.equal(page.status, 200);
    assert.match(page.headers["x-release"] ?? "", /^[0-9a-f]{64}$/);
    assert.ok([primary, ...replicas].includes(page.headers["x-database"] ?? "none"), page.headers["x-database"]);
  });

  it("stores what a visitor writes on the primary and shows it from a replica", async () => {
    const id = await site.write("for all");
    assert.deepEqual(await site.missing(primary, [id]), []);
    await eventually("the entry from a replica", async () => {
      const { headers, body } = await site.fetch("/api/entries");
      assert.ok(replicas.includes(headers["x-database"] ?? "none"), `answered by ${String(headers["x-database"])}`);
      assert.ok(body.includes(id));
    });
  });

  it("has replicas that follow the primary and refuse writes", async () => {
    await site.settled();
    assert.equal((await site.database(primary)).writable, true);
    for (const replica of replicas) {
      const { role, writable, lagSeconds } = await site.database(replica);
      assert.deepEqual([role, writable, typeof lagSeconds], ["replica", false, "number"]);
      const source = "select host from performance_schema.replication_connection_configuration where channel_name = ''";
      assert.equal(await site.sql(replica, source), `${primary}.webinfra.internal`);
      await assert.rejects(site.sql(replica, "delete from site.entries"), /ERROR 1290 /);
    }
  });
}

/** Kills a web server under requests. Every answer that comes is a good one once the health check has seen it. */
function survivesWebServer(site: Site, { webs }: Standing, victim: string): void {
  it("goes on when a web server is killed and takes it back", async () => {
    const rest = webs.filter((web) => web !== victim).sort();
    const killed = Date.now();
    await kill(site, victim);
    await eventually(`${victim} to leave the rotation`, async () => {
      assert.deepEqual(header(await site.sightings(2 * webs.length), "x-served-by"), rest);
      assert.equal(await pageServers(site), String(rest.length));
    });
    figure("a killed web server out of the rotation", (Date.now() - killed) / 1000, "s");
    await site.write("without a web server");
    await start(site, victim);
    await eventually(`${victim} to come back`, async () => {
      assert.deepEqual(header(await site.sightings(2 * webs.length), "x-served-by"), [...webs].sort());
    });
    figure("a killed web server back in the rotation", (Date.now() - killed) / 1000, "s");
    await site.settled();
  });
}

/** Kills the primary's machine, and asks for each of the four things that may stop what the review says of it. */
function losesAsReviewed(site: Site, { primary, replicas }: Standing): void {
  it("loses what the review says when the primary is lost, and no more", async () => {
    const { stdout } = await site.succeed("review", site.stack, "--config-file", site.configFile, "--json");
    const { losses } = JSON.parse(stdout) as {
      losses: { host: string; role: string | null; stops: string[] }[];
    };
    const loss = losses.find(({ host, role }) => host === primary && role === null);
    assert.deepEqual(loss?.stops, ["writes"]);
    await kill(site, primary);
    await eventually("reads from the replicas alone", async () => {
      const pages = await site.sightings(6);
      assert.ok(header(pages, "x-database").every((one) => replicas.includes(one)));
    });
    for (let i = 0; i < 4; i++) assert.equal((await site.fetch("/static/style.css")).status, 200);
    const written = await site.post("nobody takes it");
    assert.equal(written.status, 503, written.body);
    await start(site, primary);
    await eventually("writes to come back", () => site.write("it is back"));
    await site.settled();
  });
}

/** Looks at every database host all the while; two must never take writes at one time. */
async function neverTwoPrimaries(addresses: readonly string[], work: () => Promise<void>): Promise<void> {
  let going = true;
  let [most, looks] = [0, 0];
  const writable = async (address: string): Promise<boolean> => {
    try {
      const { statusCode, body } = await request(`http://${address}:9000/primary`, {
        signal: AbortSignal.timeout(1000),
      });
      await body.dump();
      return statusCode === 200;
    } catch {
      return false;
    }
  };
  const watching = (async () => {
    while (going) {
      const answers = await Promise.all(addresses.map(writable));
      most = Math.max(most, answers.filter(Boolean).length);
      looks += 1;
      await sleep(50);
    }
  })();
  try {
    await work();
  } finally {
    going = false;
    await watching;
  }
  assert.ok(looks > 10, String(looks));
  assert.equal(most, 1, "two databases took writes at one time");
}

/** Workers that write, most of them on connections that they keep. */
const writers = {
  keep: 4,
  new: 1,
  rate: 6,
  requests: [
    ["POST", "/api/entries"],
    ["POST", "/"],
  ],
} as const;

const failed = ({ counts, failures }: LoadReport): string => JSON.stringify({ counts, failures });

describe("topologies on Incus", function () {
  // Above what a command may take, so that the command says what it waited for.
  this.timeout(600_000);

  describe("dedicated-databases", () => {
    const databases = ["db-1", "db-2", "db-3"];
    const standing: Standing = { webs: ["web-1", "web-2", "web-3"], primary: "db-1", replicas: ["db-2", "db-3"] };
    const site = new Site({ web: 3, replicas: 2, mysql: mysql({ maxLagSeconds: 3 }) });
    manage(site);
    bringUp(site, "dedicated-databases with 3 web servers and 2 replicas");

    serves(site, standing);

    it("spreads reads over two replicas with three web servers", async () => {
      await eventually("reads from both replicas", async () => {
        const seen = await together(site, "/api/entries", 24);
        assert.deepEqual(header(seen, "x-database"), standing.replicas);
      });
    });

    it("each web server serves alone with application files of its own", async () => {
      const releases = new Set<string>();
      for (const web of standing.webs) {
        const others = standing.webs.filter((one) => one !== web);
        await Promise.all(others.map((other) => site.shell(other, "systemctl stop nginx")));
        try {
          await eventually(`${web} to serve alone`, async () => {
            assert.deepEqual(header(await site.sightings(4), "x-served-by"), [web]);
          });
          assert.deepEqual(await applicationsBehind(site, web), [web]);
          releases.add(await site.shell(web, "cd /srv/app/current && test ! -L server.js && sha256sum server.js"));
        } finally {
          await Promise.all(others.map((other) => site.shell(other, "systemctl start nginx")));
        }
      }
      assert.equal(releases.size, 1);
      await site.settled();
    });

    survivesWebServer(site, standing, "web-2");

    it("takes a replica that is behind its lag bound out of the read pool and back", async () => {
      // Applying waits for the lock, reading does not.
      const hold = `mysql -e 'lock tables site.entries read; select sleep(120)'`;
      await site.shell("db-2", `systemd-run --unit=e2e-hold ${hold}`);
      await eventually("the lock", async () => {
        const held = "select count(*) from performance_schema.processlist where state = 'User sleep'";
        assert.equal(await site.sql("db-2", held), "1");
      });
      await site.write("db-2 cannot apply this");
      await eventually("db-2 to be behind", async () => {
        const { role, replica, lagSeconds } = await site.database("db-2");
        assert.deepEqual([role, replica], ["replica", false]);
        assert.ok((lagSeconds ?? 0) > 3, String(lagSeconds));
      });
      await eventually("reads from db-3 alone", async () =>
        assert.deepEqual(header(await together(site, "/api/entries"), "x-database"), ["db-3"]),
      );
      const { code, stdout } = await site.run(["status", site.stack]);
      assert.equal(code, 3);
      assert.match(stdout, /db-2 +database .* NOT HEALTHY +MySQL is replica/);
      await site.shell("db-2", "systemctl stop e2e-hold");
      await eventually("reads from both again", async () =>
        assert.deepEqual(header(await together(site, "/api/entries"), "x-database"), ["db-2", "db-3"]),
      );
    });

    it("goes on serving static files and reads when the replica is lost", async () => {
      await kill(site, "db-2", "db-3");
      await eventually("reads from the primary", async () =>
        assert.deepEqual(header(await site.sightings(6), "x-database"), ["db-1"]),
      );
      assert.equal((await site.fetch("/static/style.css")).status, 200);
      const id = await site.write("one machine has this");
      await start(site, "db-2", "db-3");
      await site.settled();
      await eventually("the entry on both replicas", async () => {
        for (const replica of standing.replicas) assert.deepEqual(await site.missing(replica, [id]), []);
      });
    });

    it("promote: the replica takes over under writes and no acknowledged write is lost", async () => {
      const load = await site.load(writers);
      const addresses = await Promise.all(databases.map((host) => site.address(host)));
      await neverTwoPrimaries(addresses, async () => {
        await sleep(2000);
        await switchover("db-2", "db-1", "db-3");
        await switchover("db-1", "db-2", "db-3");
      });
      const report = await load.stop();
      figure("planned switchover: longest time without a write", report.writeGap, "s");
      assert.ok(report.acknowledged.length > 50, failed(report));
      await eventually("every acknowledged write on every database", async () => {
        for (const host of databases) assert.deepEqual(await site.missing(host, report.acknowledged), []);
      });
      assert.deepEqual(report.failures, [], failed(report));
      await site.succeed("preview", site.stack, "--config-file", site.configFile, "--expect-no-changes");
      const again = await site.succeed("database", "promote", "db-1", "--stack", site.stack);
      assert.equal(again.stdout, '"db-1" is the primary already\n');

      async function switchover(to: string, ...rest: string[]): Promise<void> {
        const ended = await site.succeed("database", "promote", to, "--stack", site.stack, "--json");
        const promotion = JSON.parse(ended.stdout) as {
          primary: string;
          following: string[];
          closedSeconds: number;
          seconds: number;
        };
        assert.deepEqual([promotion.primary, promotion.following], [to, rest]);
        figure("planned switchover: closed, as the hosts say", promotion.closedSeconds, "s");
        figure("planned switchover: until the new primary takes writes", promotion.seconds, "s");
        figure("planned switchover: the command, until all follow", ended.seconds, "s");
        const status = JSON.parse((await site.run(["status", site.stack, "--json"])).stdout) as {
          database: { primary: string };
        };
        assert.equal(status.database.primary, to);
        await sleep(2000);
      }
    });

    it("promote --force: takes over from a primary that is gone, which finds itself fenced when it returns", async () => {
      const promote = (...args: string[]) => site.run(["database", "promote", ...args, "--stack", site.stack]);
      const early = await promote("db-2", "--force");
      assert.equal(early.code, 1);
      assert.match(early.stderr, /"db-1" still takes writes, and --force is for a primary that is gone/);

      // A write that only db-1 gets: both replicas are cut off first.
      for (const replica of standing.replicas) {
        const caughtUp = `select wait_for_executed_gtid_set('${(await site.database("db-1")).executed}', 30)`;
        assert.equal(await site.sql(replica, caughtUp), "0");
        await site.shell(replica, "systemctl stop webinfra-database && mysql -e 'stop replica io_thread'");
      }
      const addresses = await Promise.all(databases.map((host) => site.address(host)));
      const lost = await site.write("only db-1 has this");
      await kill(site, "db-1");
      for (const replica of standing.replicas) await site.shell(replica, "systemctl start webinfra-database");
      await eventually("db-2 and db-3 to be ready to read", async () => {
        for (const replica of standing.replicas) assert.equal((await site.database(replica)).stale, true);
      });
      const planned = await promote("db-2");
      assert.equal(planned.code, 1);
      assert.match(planned.stderr, /the primary "db-1" is gone \(it does not run\): use --force, which may lose/);

      await neverTwoPrimaries(addresses, forcedAndFenced);

      // This one has nothing that the new one lacks.
      await kill(site, "db-2");
      const second = await promote("db-3", "--force");
      assert.equal(second.code, 0, second.stderr);
      await start(site, "db-2");
      await eventually("db-2 to follow db-3", async () => {
        const { role, replica } = await site.database("db-2");
        assert.deepEqual([role, replica], ["replica", true]);
      });
      await eventually("writes", () => site.write("to db-3"));
      assert.equal((await site.database("db-1")).role, "fenced");

      async function forcedAndFenced(): Promise<void> {
        const load = await site.load(writers);
        const forced = await promote("db-2", "--force");
        assert.equal(forced.code, 0, forced.stderr);
        assert.match(forced.stdout, /^"db-2" is the primary$/m);
        figure("forced promotion", forced.seconds, "s");
        await sleep(2000);
        await start(site, "db-1");
        await eventually("db-1 to fence itself", async () => {
          const { role, writable, fenced } = await site.database("db-1");
          assert.deepEqual([role, writable], ["fenced", false]);
          assert.match(fenced ?? "", /^has transactions that db-2 lacks: [0-9a-f-]{36}:\d+/);
        });
        const report = await load.stop();
        assert.ok(report.acknowledged.length > 20, failed(report));
        await eventually("the writes on both", async () => {
          for (const host of standing.replicas) assert.deepEqual(await site.missing(host, report.acknowledged), []);
        });
        assert.deepEqual(await site.missing("db-1", [lost]), []);
        assert.deepEqual(await site.missing("db-2", [lost]), [lost]);
        const { stdout } = await site.run(["status", site.stack]);
        assert.match(stdout, /db-1 .*NOT HEALTHY +MySQL is fenced: has transactions that db-2 lacks/);
        const back = await promote("db-1");
        assert.equal(back.code, 1);
        assert.match(
          back.stderr,
          /"db-1" cannot be promoted, as it is no healthy replica: it is fenced: has transactions/,
        );
      }
    });
  });

  describe("primary-replica-pair", () => {
    const standing: Standing = { webs: ["server-1", "server-2"], primary: "server-1", replicas: ["server-2"] };
    const site = new Site({ topology: "primary-replica-pair" });
    manage(site);
    bringUp(site, "primary-replica-pair");

    serves(site, standing);

    it("every Nginx spreads over the application servers of both servers", async () => {
      for (const web of standing.webs) assert.deepEqual(await applicationsBehind(site, web), standing.webs);
    });

    it("Nginx ends TLS behind the balancer, which passes it on", async () => {
      const ca = await site.shell("server-1", "cat /etc/webinfra/tls/ca.pem");
      const address = await site.address("lb-1");
      const servers: string[] = [];
      for (let i = 0; i < 4; i++) {
        const agent = new Agent({ connect: { ca, servername: "www.foobar.com" } });
        const { statusCode, headers, body } = await request(`https://${address}/`, {
          dispatcher: agent,
          headers: { host: "www.foobar.com" },
        });
        assert.equal(statusCode, 200);
        assert.match(await body.text(), /<title>/);
        servers.push(String(headers["x-served-by"]));
        await agent.close();
      }
      assert.deepEqual([...new Set(servers)].sort(), standing.webs);
      const other = new Agent({ connect: { ca, servername: "www.other.com" } });
      await assert.rejects(
        request(`https://${address}/`, { dispatcher: other }),
        /ERR_TLS_CERT_ALTNAME_INVALID|altnames/,
      );
      await other.close();
    });

    it("keeps the local database proxy and MySQL side by side on one server", async () => {
      for (const server of standing.webs) {
        const listeners = await site.shell(server, "ss -Hltnp 'sport = :3306 or sport = :3307'");
        const own = (await site.address(server)).replaceAll(".", "\\.");
        assert.match(listeners, /127\.0\.0\.1:3306 .*"haproxy"/);
        assert.match(listeners, /127\.0\.0\.1:3307 .*"haproxy"/);
        assert.match(listeners, new RegExp(`${own}:3306 .*"mysqld"`));
      }
    });

    survivesWebServer(site, standing, "server-2");
    losesAsReviewed(site, standing);

    it("goes on reading from server-2 when server-1 is lost", async () => {
      const id = await site.write("both have this");
      await eventually("the entry on server-2", async () => assert.deepEqual(await site.missing("server-2", [id]), []));
      await kill(site, "server-1");
      await eventually("server-2 to answer all", async () => {
        const seen = await site.sightings(4, "/api/entries");
        assert.deepEqual([header(seen, "x-served-by"), header(seen, "x-database")], [["server-2"], ["server-2"]]);
        assert.ok(seen.every(({ body }) => body.includes(id)));
      });
      await start(site, "server-1");
      await site.settled();
    });
  });

  describe("split-tiers", () => {
    const apps = ["app-1", "app-2"];
    const standing: Standing = { webs: ["web-1", "web-2"], primary: "db-1", replicas: ["db-2"] };
    // With as many connections everywhere, leastconn sends in turn as well.
    const config = { topology: "split-tiers", algorithm: "leastconn", sticky: true };
    const site = new Site(config);
    manage(site);
    bringUp(site, "split-tiers");

    serves(site, standing);

    it("keeps Nginx and the application on separate servers", async () => {
      for (const web of standing.webs) {
        assert.equal(await site.shell(web, "systemctl is-active nginx; pgrep -cx node || true"), "active\n0\n");
      }
      for (const app of apps) {
        assert.equal(await site.shell(app, "pgrep -cx nginx || true; pgrep -cx node"), "0\n1\n");
      }
    });

    it("every Nginx spreads over the application tier", async () => {
      for (const web of standing.webs) assert.deepEqual(await applicationsBehind(site, web), apps);
    });

    it("brings a visitor back to the same web server by a cookie", async () => {
      const first = await site.fetch("/");
      const cookie = /WEBINFRA=[^;]+/.exec(first.headers["set-cookie"] ?? "")?.[0];
      assert.ok(cookie, "no cookie");
      for (let i = 0; i < 6; i++) {
        const { headers } = await site.fetch("/", { headers: { cookie } });
        assert.equal(headers["x-served-by"], first.headers["x-served-by"]);
      }
    });

    it("goes on with no failed request when an application server stops, and takes it back", async () => {
      const load = await site.load();
      const { machine } = await site.machine("app-1");
      await incus("stop", machine, "--timeout", "60");
      assert.deepEqual(await applicationsBehind(site, "web-1"), ["app-2"]);
      await incus("start", machine);
      await eventually("app-1 to come back", async () =>
        assert.deepEqual(await applicationsBehind(site, "web-1"), apps),
      );
      const report = await load.stop();
      assert.deepEqual(report.failures, [], failed(report));
      await site.settled();
    });

    it("serves static files when the whole application tier is away", async () => {
      const colours = await Promise.all(apps.map((app) => site.shell(app, "cut -d' ' -f1 /var/lib/webinfra/active")));
      await Promise.all(apps.map((app) => site.shell(app, "systemctl stop 'webinfra-app@*.service'")));
      await eventually("the page to be a clean 503", async () => {
        const { status, body } = await site.fetch("/");
        assert.equal(status, 503);
        assert.match(body, /<h1>Back soon<\/h1>/);
      });
      for (let i = 0; i < 6; i++) assert.equal((await site.fetch("/static/style.css")).status, 200);
      await Promise.all(
        apps.map((app, index) => site.shell(app, `systemctl start webinfra-app@${colours[index]!.trim()}`)),
      );
      await site.settled();
    });

    survivesWebServer(site, standing, "web-1");
    losesAsReviewed(site, standing);

    it("changes the application tier and leaves the web servers alone", async () => {
      const before = await site.machineIds();
      site.configure({ ...config, app: { environment: { COLOUR: "blue" } } });
      const load = await site.load();
      await site.up();
      const report = await load.stop();
      assert.deepEqual(report.failures, [], failed(report));
      const after = await site.machineIds();
      const changed = Object.keys(after).filter((host) => after[host] !== before[host]);
      assert.deepEqual(changed.sort(), apps);
    });
  });

  describe("replica-per-web", () => {
    const standing: Standing = { webs: ["web-1", "web-2"], primary: "db-1", replicas: ["web-1", "web-2"] };
    const site = new Site({ topology: "replica-per-web", mysql: mysql({ durability: "require" }) });
    manage(site);
    bringUp(site, "replica-per-web");

    serves(site, standing);

    it("has a replica on each web server that follows the primary on a host of its own", async () => {
      assert.deepEqual((await site.machine("db-1")).roles, ["database"]);
      await eventually("each to read its own", async () => {
        for (const { headers } of await site.sightings(8)) {
          assert.equal(headers["x-database"], headers["x-served-by"]);
        }
      });
    });

    it("goes on reading when one web server and its replica are lost", async () => {
      const id = await site.write("both replicas have this");
      await eventually("the entry on web-2", async () => assert.deepEqual(await site.missing("web-2", [id]), []));
      await kill(site, "web-1");
      await eventually("web-2 to answer all", async () => {
        const seen = await site.sightings(4, "/api/entries");
        assert.deepEqual([header(seen, "x-served-by"), header(seen, "x-database")], [["web-2"], ["web-2"]]);
        assert.ok(seen.every(({ body }) => body.includes(id)));
      });
      await start(site, "web-1");
      await site.settled();
    });

    it("reads from another host when the replica beside the application is away", async () => {
      await site.shell("web-1", "systemctl stop webinfra-database && mysql -e 'stop replica'");
      await eventually("the page of web-1 from web-2's replica", async () => {
        const seen = await site.sightings(6);
        assert.deepEqual([header(seen, "x-served-by"), header(seen, "x-database")], [["web-1", "web-2"], ["web-2"]]);
      });
      await site.shell("web-1", "systemctl start webinfra-database");
      await eventually("each to read its own again", async () => {
        for (const { headers } of await site.sightings(6)) {
          assert.equal(headers["x-database"], headers["x-served-by"]);
        }
      });
    });

    it("durability require: no write is acknowledged while no replica has it", async () => {
      const both = (statement: string) => Promise.all(standing.replicas.map((replica) => site.sql(replica, statement)));
      // Or it would start them again.
      await Promise.all(standing.replicas.map((replica) => site.shell(replica, "systemctl stop webinfra-database")));
      await both("stop replica io_thread");
      const { status, body } = await site.post("only the primary has this");
      assert.equal(status, 503, body);
      await both("start replica io_thread");
      await eventually("writes", () => site.write("a replica has this"));
      await Promise.all(standing.replicas.map((replica) => site.shell(replica, "systemctl start webinfra-database")));
      await site.settled();
    });

    it("durability require: a planned switchover loses no write", async () => {
      const load = await site.load(writers);
      for (const to of ["web-1", standing.primary]) {
        await sleep(2000);
        await site.succeed("database", "promote", to, "--stack", site.stack);
      }
      await eventually("writes", () => site.write("to the first one"));
      const report = await load.stop();
      figure("planned switchover with durability require: longest time without a write", report.writeGap, "s");
      assert.ok(report.acknowledged.length > 20, failed(report));
      await eventually("every acknowledged write on every database", async () => {
        for (const host of [standing.primary, ...standing.replicas]) {
          assert.deepEqual(await site.missing(host, report.acknowledged), []);
        }
      });
      assert.deepEqual(report.failures, [], failed(report));
      await site.settled();
    });

    losesAsReviewed(site, standing);
  });

  describe("settings", () => {
    const config = {
      topology: "custom",
      primary: "web-2",
      algorithm: "source",
      hosts: [
        { name: "lb-1", roles: ["loadBalancer"] },
        { name: "web-1", roles: ["webServer", "appServer", "database"] },
        { name: "web-2", roles: ["webServer", "appServer", "database"] },
      ],
    };
    const site = new Site(config);
    manage(site);
    bringUp(site, "a stack's own hosts");

    it("builds a stack's own hosts", async () => {
      assert.equal(await pageServers(site), "2");
      const id = await site.write("on three hosts");
      assert.deepEqual(await site.missing("web-2", [id]), []);
      await eventually("the entry from the replica", async () => {
        const { headers, body } = await site.fetch("/api/entries");
        assert.equal(headers["x-database"], "web-1");
        assert.ok(body.includes(id));
      });
      const machines = await site.machines();
      assert.deepEqual(
        machines.map(({ host, roles }) => ({ name: host, roles })),
        config.hosts,
      );
    });

    it("algorithm source: the visitor's address chooses the web server", async () => {
      const [mine] = header(await site.sightings(8), "x-served-by");
      assert.deepEqual(header(await site.sightings(8), "x-served-by"), [mine]);
      // Else `up` would wait for ever for a machine that it is never sent to.
      const webs = (await site.machines()).filter(({ roles }) => roles.includes("webServer"));
      await eventually("both machines", async () =>
        assert.deepEqual(
          header(await site.sightings(4, "/-/host"), "x-machine"),
          webs.map(({ machine }) => machine).sort(),
        ),
      );
      await site.shell(mine!, "systemctl stop nginx");
      await eventually("the other to take over", async () =>
        assert.notDeepEqual(header(await site.sightings(4), "x-served-by"), [mine]),
      );
      await site.shell(mine!, "systemctl start nginx");
      await eventually("the first to be chosen again", async () =>
        assert.deepEqual(header(await site.sightings(4), "x-served-by"), [mine]),
      );
    });

    it("active-passive: the passive server takes over within the health check's time and hands back", async () => {
      site.configure({ ...config, balancing: "active-passive", algorithm: "roundrobin" });
      await site.up();
      assert.deepEqual(header(await site.sightings(8), "x-served-by"), ["web-1"]);
      await kill(site, "web-1");
      const killed = Date.now();
      await eventually("web-2 to take over", async () =>
        assert.deepEqual(header(await site.sightings(2), "x-served-by"), ["web-2"]),
      );
      const seconds = (Date.now() - killed) / 1000;
      figure("active-passive: the passive server takes over", seconds, "s");
      assert.ok(seconds < 20, `it took ${String(seconds)} s`);
      await start(site, "web-1");
      await eventually("web-1 to get all requests back", async () =>
        assert.deepEqual(header(await site.sightings(6), "x-served-by"), ["web-1"]),
      );
    });
  });
});

/** dedicated-databases with three web servers and two replicas: turns, read pools, and every promotion. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "../../support/eventually";
import { assertNothingFailed, figure, manage, mysql, Site } from "../../support/site";
import {
  header,
  together,
  kill,
  start,
  applicationsBehind,
  type Standing,
  bringUp,
  serves,
  survivesWebServer,
  neverTwoPrimaries,
  writers,
} from "../../support/standing";

describe("topology dedicated-databases", function () {
  // Above what a command may take, so that the command says what it waited for.
  this.timeout(600_000);

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
      for (const replica of standing.replicas) {
        assert.deepEqual(await site.missing(replica, [id]), []);
      }
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
    const report = await load.stop(51);
    figure("planned switchover: longest time without a write", report.writeGap, "s");
    await eventually("every acknowledged write on every database", async () => {
      for (const host of databases) {
        assert.deepEqual(await site.missing(host, report.acknowledged), []);
      }
    });
    assertNothingFailed(report);
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
    for (const replica of standing.replicas) {
      await site.shell(replica, "systemctl start webinfra-database");
    }
    await eventually("db-2 and db-3 to be ready to read", async () => {
      for (const replica of standing.replicas) {
        assert.equal((await site.database(replica)).stale, true);
      }
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
      const report = await load.stop(21);
      await eventually("the writes on both", async () => {
        for (const host of standing.replicas) {
          assert.deepEqual(await site.missing(host, report.acknowledged), []);
        }
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

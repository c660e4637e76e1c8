/** replica-per-web, with durability require: a replica beside each application. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "../../support/eventually";
import { assertNothingFailed, figure, manage, mysql, Site } from "../../support/site";
import {
  header,
  type Standing,
  bringUp,
  goesOnReading,
  serves,
  losesAsReviewed,
  writers,
} from "../../support/standing";

describe("topology replica-per-web", function () {
  // Above what a command may take, so that the command says what it waited for.
  this.timeout(600_000);

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

  it("goes on reading when one web server and its replica are lost", () =>
    goesOnReading(site, { lost: "web-1", left: "web-2" }));

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
    const report = await load.stop(21);
    figure("planned switchover with durability require: longest time without a write", report.writeGap, "s");
    await eventually("every acknowledged write on every database", async () => {
      for (const host of [standing.primary, ...standing.replicas]) {
        assert.deepEqual(await site.missing(host, report.acknowledged), []);
      }
    });
    assertNothingFailed(report);
    await site.settled();
  });

  losesAsReviewed(site, standing);
});

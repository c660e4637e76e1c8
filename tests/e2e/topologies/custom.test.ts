/** A stack's own hosts, and the settings of the balancer. */
import assert from "node:assert/strict";
import { eventually } from "../../support/eventually";
import { figure, manage, Site } from "../../support/site";
import { header, pageServers, kill, start, bringUp } from "../../support/standing";

describe("topology custom", function () {
  // Above what a command may take, so that the command says what it waited for.
  this.timeout(600_000);

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

/** primary-replica-pair: all on two servers, TLS behind the balancer. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { Agent, request } from "undici";
import { manage, Site } from "../../support/site";
import {
  applicationsBehind,
  type Standing,
  bringUp,
  goesOnReading,
  serves,
  survivesWebServer,
  losesAsReviewed,
} from "../../support/standing";

describe("topology primary-replica-pair", function () {
  // Above what a command may take, so that the command says what it waited for.
  this.timeout(600_000);

  const standing: Standing = { webs: ["server-1", "server-2"], primary: "server-1", replicas: ["server-2"] };
  const site = new Site({ topology: "primary-replica-pair" }, true);
  manage(site);
  bringUp(site, "primary-replica-pair");

  serves(site, standing);

  it("every Nginx spreads over the application servers of both servers", async () => {
    for (const web of standing.webs) {
      assert.deepEqual(await applicationsBehind(site, web), standing.webs);
    }
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

  it("is operated from another WEBINFRA_HOME by whoever has the state and the passphrase, and by the first one after that", async () => {
    const machines = await site.machineIds();
    const second = { WEBINFRA_HOME: join(site.directory, "second home") };
    const carryOut = async (environment: Readonly<Record<string, string>>, ...args: readonly string[]) => {
      const { code, stdout, stderr } = await site.run([...args, "--stack", site.stack], environment);
      assert.equal(code, 0, `${args.join(" ")}: ${stdout}${stderr}`);
      return stdout;
    };
    const unchanged = ["preview", "--config-file", site.configFile, "--expect-no-changes"] as const;
    await carryOut(second, ...unchanged);
    assert.match(await carryOut(second, "status"), /^server-1 .* primary$/m);
    await carryOut(second, "database", "promote", "server-2");
    assert.equal((await site.database("server-2")).writable, true);
    const up = ["up", "--config-file", site.configFile, "--yes"] as const;
    assert.match(await carryOut(second, ...up), /everything is as it should be, nothing changed/);
    assert.equal(site.pointer().primary, "server-2");
    await carryOut({}, ...unchanged);
    await carryOut({}, "database", "promote", "server-1");
    assert.deepEqual(await site.machineIds(), machines);
    await site.settled();
  });

  survivesWebServer(site, standing, "server-2");
  losesAsReviewed(site, standing);

  it("goes on reading from server-2 when server-1 is lost", () =>
    goesOnReading(site, { lost: "server-1", left: "server-2" }));
});

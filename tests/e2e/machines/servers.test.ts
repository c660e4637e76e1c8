/**
 * The servers of proxies, which sync keeps on the disk and in the process: machines come and go, hands and faults leave another process than is wanted, and
 * it comes to what is wanted again.
 */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { writeInventoryEntry } from "../../../core/protocol/inventory";
import { balancer } from "../../../services/haproxy";
import { proxy } from "../../../services/local-proxy";
import { eventually } from "../../support/eventually";
import { assertNothingFailed, figure, manage, Site } from "../../support/site";

/** A server as the process knows it. */
interface Running {
  readonly address: string;
  readonly maintenance: boolean;
}

describe("servers of proxies", function () {
  // Above what a command may take, so that the command says what it waited for.
  this.timeout(600_000);

  const site = new Site();
  manage(site);
  before("up", () => site.up());

  const tell = (host: string, socket: string, command: string): Promise<string> =>
    site.shell(
      host,
      `python3 -c 'import sys
sys.path.insert(0, "/usr/local/lib/webinfra/current")
from webinfra.proxy_socket import ProxySocket
print(ProxySocket(sys.argv[1]).tell(sys.argv[2]))' ${socket} '${command}'`,
    );

  /** The servers of a proxy, by backend and name. */
  async function running(host: string, socket = balancer.socket): Promise<Record<string, Running>> {
    const lines = (await tell(host, socket, "show servers state")).split("\n").map((line) => line.split(" "));
    return Object.fromEntries(
      lines
        .filter((fields) => fields.length > 18 && !fields[0]!.startsWith("#"))
        .map((fields) => [
          `${fields[1]!}/${fields[3]!}`,
          { address: `${fields[4]!}:${fields[18]!}`, maintenance: (Number(fields[6]) & 1) === 1 },
        ]),
    );
  }

  /** In the order in which the process has them. */
  const inOrder = (servers: Record<string, Running>, backend: string): string[] =>
    Object.keys(servers)
      .filter((key) => key.startsWith(`${backend}/`))
      .map((key) => key.split("/")[1]!);
  const own = (servers: Record<string, Running>, backend: string): string[] => inOrder(servers, backend).sort();

  /** The balancer's process and its configuration have these web servers, and all take requests. */
  const serves = (...names: readonly string[]): Promise<void> =>
    eventually(`lb-1 to serve through ${names.join(", ")}`, async () => {
      const servers = await running("lb-1");
      for (const backend of ["web", "in_turn", "web_static", "web_any"]) {
        assert.deepEqual(own(servers, backend), [...names].sort(), backend);
      }
      assert.deepEqual(
        Object.entries(servers).filter(([, { maintenance }]) => maintenance),
        [],
      );
      const lines = await site.shell("lb-1", `grep -o '^  server s[0-9]* ' ${balancer.config} | sort -u`);
      assert.deepEqual(
        lines.trim().split(/\s*\n\s*/),
        [...names].sort().map((name) => `server ${name}`),
      );
    });

  const key = (machine: string): string => `inventory/${machine}.json`;
  /** Lists a machine that has the address of another one: what is sent to it is answered. Returns when it was listed. */
  async function list(name: string, like: string, role: "webServer" | "database"): Promise<number> {
    const entry = { machine: `test-${name}`, name, roles: [role], address: await site.address(like) };
    const listed = Date.now();
    site.publish(key(entry.machine), writeInventoryEntry(entry));
    return listed;
  }
  const unlist = (name: string): void => {
    rmSync(site.document(key(`test-${name}`)));
  };

  it("are those of the inventory, and no resolver is asked", async () => {
    await serves("s1", "s2");
    assert.doesNotMatch(await site.shell("lb-1", `cat ${balancer.config}`), /resolvers/);
    assert.doesNotMatch(await site.shell("web-1", `cat ${proxy.config}`), /resolvers/);
  });

  it("get a machine as soon as it is listed, and lose it as soon as it is not", async () => {
    const load = await site.load();
    const listed = await list("web-9", "web-1", "webServer");
    const logged = await eventually("the new server to get a request", () =>
      site.shell(
        "lb-1",
        `line=$(grep -m 1 -F ' www web/s9 ' /var/log/haproxy/access.log); stamp=\${line#<*>}; date -d "\${stamp%% *}" +%s.%N`,
      ),
    );
    figure("first request of a new web server after its inventory entry", Number(logged) - listed / 1000, "s");
    await serves("s1", "s2", "s9");
    unlist("web-9");
    await serves("s1", "s2");
    assertNothingFailed(await load.stop());
  });

  it("are as many as there are machines", async () => {
    const many = Array.from({ length: 30 }, (_, index) => index + 10);
    for (const number of many) {
      await list(`web-${String(number)}`, "web-2", "webServer");
    }
    await serves("s1", "s2", ...many.map((number) => `s${String(number)}`));
    await site.shell("lb-1", "systemctl reload haproxy.service");
    await serves("s1", "s2", ...many.map((number) => `s${String(number)}`));
    assert.equal((await site.fetch("/")).status, 200);
    for (const number of many) {
      unlist(`web-${String(number)}`);
    }
    await serves("s1", "s2");
  });

  it("of databases come without a moment of two that take writes", async () => {
    const load = await site.load({ requests: [["POST", "/api/entries"]] });
    await list("db-9", "db-2", "database");
    for (const web of ["web-1", "web-2"]) {
      await eventually(`${web} to know the new database`, async () => {
        const servers = await running(web, proxy.socket);
        assert.deepEqual(own(servers, "primary"), ["s1", "s2", "s9"]);
        // Of those that stand by, HAProxy takes the first: a primary comes before any that may be behind.
        const tiers = ["primary", "stale"].flatMap((tier) => ["s1", "s2", "s9"].map((name) => `${tier}-${name}`));
        assert.deepEqual(
          inOrder(servers, "readers").filter((name) => !name.startsWith("replica-")),
          tiers,
        );
        assert.equal(own(servers, "readers").length, 9);
      });
    }
    unlist("db-9");
    await eventually("web-1 to forget it", async () => {
      assert.deepEqual(own(await running("web-1", proxy.socket), "primary"), ["s1", "s2"]);
    });
    assertNothingFailed(await load.stop());
  });

  describe("come to what is wanted after", () => {
    afterEach(() => serves("s1", "s2"));

    it("a reload and a restart", async () => {
      await site.shell("lb-1", "systemctl reload haproxy.service");
      await serves("s1", "s2");
      await site.shell("lb-1", "systemctl restart haproxy.service");
    });

    it("a hand at the socket", async () => {
      const commands = [
        "set server web/s1 state maint",
        "del server web/s1",
        "add server web/s7 127.0.0.1:7",
        "set server web/s7 state ready",
        "set server web_any/s2 addr 127.0.0.1 port 7",
      ];
      await tell("lb-1", balancer.socket, commands.join(";"));
    });

    it("a configuration that somebody spoiled", async () => {
      await site.shell("lb-1", `sed -i '/server s1 /d' ${balancer.config}; systemctl restart haproxy.service`);
    });

    it("a socket that was away while a machine came", async () => {
      await site.shell("lb-1", `mv ${balancer.socket} ${balancer.socket}.away`);
      await list("web-9", "web-1", "webServer");
      await eventually("the configuration to have it", () =>
        site.shell("lb-1", `grep -q 'server s9 ' ${balancer.config}`),
      );
      await site.shell("lb-1", `mv ${balancer.socket}.away ${balancer.socket}`);
      await serves("s1", "s2", "s9");
      unlist("web-9");
    });

    it("a process that was frozen while a machine came", async () => {
      const signal = (which: string) => site.shell("lb-1", `systemctl kill --signal ${which} haproxy.service`);
      await signal("STOP");
      await list("web-9", "web-1", "webServer");
      await eventually("the configuration to have it", () =>
        site.shell("lb-1", `grep -q 'server s9 ' ${balancer.config}`),
      );
      await signal("CONT");
      await serves("s1", "s2", "s9");
      unlist("web-9");
    });

    it("a sync that is killed again and again", async () => {
      for (let round = 0; round < 5; round++) {
        await list("web-9", "web-1", "webServer");
        await site.shell("lb-1", "systemctl kill --signal KILL webinfra-sync.service; systemctl restart webinfra-sync");
        await tell("lb-1", balancer.socket, "set server web/s1 state maint;del server web/s1");
        unlist("web-9");
        await site.shell("lb-1", "systemctl kill --signal KILL webinfra-sync.service; systemctl restart webinfra-sync");
      }
    });
  });

  it("stay in maintenance when an operator put them there", async () => {
    await tell("lb-1", balancer.socket, "set server web/s1 state maint");
    await list("web-9", "web-2", "webServer");
    await eventually("the new server", async () => {
      assert.ok("web/s9" in (await running("lb-1")));
    });
    unlist("web-9");
    await eventually("it to be gone", async () => {
      assert.ok(!("web/s9" in (await running("lb-1"))));
    });
    assert.equal((await running("lb-1"))["web/s1"]?.maintenance, true);
    await tell("lb-1", balancer.socket, "set server web/s1 state ready");
    await serves("s1", "s2");
  });
});

/**
 * Acknowledged writes are never lost: the faults under which they were, on real servers. The ledger is what clients were told; documents and pointers
 * are written, and `/state` is read, by the tests themselves.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { eventually } from "../../support/eventually";
import { figure, incus, manage, mysql, Site } from "../../support/site";
import { askHost } from "../../support/agent";

const hosts = [
  { name: "lb-1", roles: ["loadBalancer"] },
  { name: "web-1", roles: ["webServer", "appServer"] },
  { name: "db-1", roles: ["database"] },
  { name: "db-2", roles: ["database"] },
  { name: "db-3", roles: ["database"] },
];
const databases = ["db-1", "db-2", "db-3"];

/** Lets nothing through between the MySQL server of a host and those at some addresses; agents still hear each other, and clients reach it. */
const cutMysql = (addresses: readonly string[]): string => {
  const others = `'{ ${addresses.join(", ")} }'`;
  const drop = (chain: string, side: string, port: string) =>
    `nft add rule ip e2e ${chain} ip ${side} ${others} tcp ${port} 3306 drop`;
  return [
    "nft add table ip e2e",
    "nft add chain ip e2e in '{ type filter hook input priority 0; }'",
    "nft add chain ip e2e out '{ type filter hook output priority 0; }'",
    drop("in", "saddr", "dport"),
    drop("in", "saddr", "sport"),
    drop("out", "daddr", "dport"),
    drop("out", "daddr", "sport"),
  ].join(" && ");
};
const mendMysql = "nft delete table ip e2e";

describe("acknowledged writes on Incus", function () {
  this.timeout(600_000);

  const site = new Site({ topology: "custom", primary: "db-1", hosts, mysql: mysql({ durability: "require" }) });
  manage(site);
  const promote = (...args: string[]) => site.run(["database", "promote", ...args, "--stack", site.stack]);
  /** Ids of entries that clients were told are written, since the beginning. */
  const ledger: string[] = [];

  async function write(message: string): Promise<void> {
    ledger.push(await eventually(`the write "${message}"`, () => site.write(message)));
  }

  /** Every host's data against what clients were told. */
  async function nothingIsLost(...on: readonly string[]): Promise<void> {
    await eventually("every acknowledged write", async () => {
      for (const host of on) {
        assert.deepEqual(await site.missing(host, ledger), [], host);
      }
    });
  }

  before("up", async () => {
    await site.up();
    await write("the first");
  });

  it("one document that is cut in half hurts nothing, is named, and stays as it was in use", async () => {
    const { machine } = await site.machine("web-1");
    const key = `inventory/${machine}.json`;
    const good = readFileSync(site.document(key), "utf8");
    const pointer = readFileSync(site.document("pointers/primary.json"), "utf8");
    site.publish(key, good.slice(0, good.length / 2));
    site.publish("pointers/primary.json", "[1]");
    try {
      await eventually("the documents to be refused", async () => {
        const { refused } = await site.state("db-1");
        assert.deepEqual(refused.map(({ document }) => document).sort(), [key, "pointers/primary.json"]);
      });
      await incus("restart", "--force", (await site.machine("db-1")).machine);
      await write("after a restart with bad documents in the channel");
      const name = await site.shell("lb-1", "getent hosts web-1.webinfra.internal");
      assert.ok(name.startsWith(`${await site.address("web-1")} `), name);
      const { stdout } = await site.run(["status", site.stack]);
      assert.match(stdout, new RegExp(`refuses inventory/${machine}\\.json: `));
    } finally {
      site.publish(key, good);
      site.publish("pointers/primary.json", pointer);
    }
    await eventually("nothing to be refused", async () => assert.deepEqual((await site.state("db-1")).refused, []));
    await site.settled();
  });

  it("a replica with a long backlog is not read between two of its transactions", async () => {
    const address = await site.address("db-2");
    await site.shell("db-2", "systemctl stop webinfra-database && mysql -e 'stop replica sql_thread'");
    // Many small transactions, so that the applier is often between two of them.
    await site.shell(
      "db-1",
      `for i in $(seq 4); do
         (for j in $(seq 400); do echo "insert into entries (id, name, message, created_at) values (uuid(), 'backlog', 'x', utc_timestamp(6));"; done | mysql site) &
       done; wait`,
    );
    const wanted = await site.sql("db-1", "select @@global.gtid_executed");
    await eventually("db-2 to be known to be behind", async () =>
      assert.equal((await askHost(address, "/replica")).status, 503),
    );
    await site.shell(
      "db-2",
      'mysql -e "set global replica_parallel_workers=1; set global sync_binlog=1; start replica sql_thread"',
    );
    let [looks, early] = [0, 0];
    await eventually("db-2 to have applied all", async () => {
      for (let i = 0; i < 20; i++) {
        const { status } = await askHost(address, "/replica");
        const has = await site.sql(
          "db-2",
          `select gtid_subset('${wanted.replace(/\s/g, "")}', @@global.gtid_executed)`,
        );
        looks += 1;
        if (status === 200 && has === "0") {
          early += 1;
        }
        if (has === "1") {
          return;
        }
      }
      assert.fail("not yet");
    });
    assert.equal(early, 0, `read ${String(early)} times of ${String(looks)} while it was behind`);
    await site.shell("db-2", "mysql -e 'stop replica; set global replica_parallel_workers=16'");
    await site.shell("db-2", "systemctl start webinfra-database");
    await site.settled();
  });

  it("a promotion that is killed at any moment leaves a site that recovers", async () => {
    const marks = [/./, /takes over/, /takes writes|is the primary/];
    for (const [index, mark] of marks.entries()) {
      const to = index % 2 === 0 ? "db-2" : "db-1";
      const going = site.start(["database", "promote", to, "--stack", site.stack]);
      const killed = Date.now();
      await eventually("the command to have said something", () => {
        assert.ok(mark.test(going.output()) || going.child.exitCode !== null, going.output());
        return Promise.resolve();
      });
      site.killAll(going.child);
      await going.ended;
      await write(`after a kill at ${String(mark)}`);
      figure(`no writes after a promotion killed at ${String(mark)}`, (Date.now() - killed) / 1000, "s");
      // Restarts must not wake what lies about in the channel.
      await incus("restart", "--force", (await site.machine(index % 2 === 0 ? "db-1" : "db-2")).machine);
      await write("after a restart of the primary before");
      // Who has just come back is not promoted, for it is not read yet.
      await site.settled();
      const next = await promote(to);
      assert.equal(next.code, 0, next.stderr);
      await site.settled();
    }
    const back = await promote("db-1");
    assert.equal(back.code, 0, back.stderr);
    await site.settled();
    await nothingIsLost(...databases);
  });

  it("two pointers with one number: nobody writes, it is said, and the next promotion ends it", async () => {
    const { epoch } = site.pointer();
    site.point("db-2");
    await eventually("db-1 to promise it", async () => assert.equal((await site.database("db-1")).epoch, epoch + 1));
    const once = site.pointer();
    site.publish("pointers/primary.json", JSON.stringify({ ...once, nonce: "another", primary: "db-3" }));
    await eventually("all to say so, and to be closed", async () => {
      for (const host of databases) {
        const { writable, member } = await site.database(host);
        assert.deepEqual([writable, member?.closed, member?.conflict], [false, true, true], host);
      }
    });
    assert.equal((await site.post("nobody takes it")).status, 503);
    const ended = await promote("db-1");
    assert.equal(ended.code, 0, ended.stderr);
    await write("after two pointers with one number");
    await site.settled();
    await nothingIsLost(...databases);
  });

  describe("durability require", () => {
    it("all replicas are lost: the primary waits, serves the clone of a new one, and goes on by itself", async () => {
      await incus("stop", "--force", (await site.machine("db-3")).machine);
      await site.shell(
        "db-2",
        `systemctl stop webinfra-database mysql
         find /var/lib/mysql -mindepth 1 -maxdepth 1 ! -name lost+found -exec rm -rf {} +`,
      );
      const waiting = await site.post("no replica has this");
      assert.equal(waiting.status, 503, waiting.body);
      await eventually("db-1 to say what it waits for", async () => {
        const { writable, member } = await site.database("db-1");
        assert.equal(writable, true);
        assert.match(
          member?.waiting ?? "",
          /^\d+ writes? waits? for a replica \(durability: require\), and none is there$/,
        );
      });
      // A server as its package leaves it.
      await site.shell("db-2", "mysqld --initialize-insecure --user=mysql; systemctl start mysql webinfra-database");
      const lost = Date.now();
      await write("a new replica has this");
      figure("require: writes after a new replica came", (Date.now() - lost) / 1000, "s");
      await incus("start", (await site.machine("db-3")).machine);
      await site.settled(180);
      await nothingIsLost(...databases);
    });

    it("a superseded primary whose writes wait is closed within seconds, and fenced with what it alone has", async () => {
      await site.shell("db-1", cutMysql([await site.address("db-2"), await site.address("db-3")]));
      const stuck = site.post("only db-1 has this").catch(() => undefined);
      await eventually("a write that waits", async () =>
        assert.notEqual(
          await site.sql(
            "db-1",
            "select variable_value from performance_schema.global_status where variable_name='Rpl_semi_sync_source_wait_sessions'",
          ),
          "0",
        ),
      );
      site.point("db-2", { force: true });
      const pointed = Date.now();
      await eventually("db-1 to be closed", async () => {
        const { writable, member } = await site.database("db-1");
        assert.deepEqual([writable, member?.closed], [false, true]);
      });
      figure("require: a superseded primary with waiting writes is closed", (Date.now() - pointed) / 1000, "s");
      await stuck;
      await eventually("db-2 to give up what does not arrive", async () =>
        assert.equal((await site.database("db-2")).member?.opened, site.pointer().epoch),
      );
      await site.shell("db-1", mendMysql);
      await eventually("db-1 to be fenced", async () => {
        const { role, member } = await site.database("db-1");
        assert.equal(role, "fenced");
        assert.match(member?.alone ?? "", /^[0-9a-f-]{36}:/);
      });
      for (let i = 0; i < 20; i++) {
        await write(`after db-1 was fenced ${String(i)}`);
      }
      await nothingIsLost("db-2", "db-3");
    });

    it("a fenced server that lacks what was acknowledged never opens, though the pointer names it", async () => {
      site.point("db-1");
      await eventually("db-2 to be closed by the pointer", async () => {
        const { writable, epoch } = await site.database("db-2");
        assert.deepEqual([writable, epoch], [false, site.pointer().epoch]);
      });
      await eventually("db-1 to say why it stays closed", async () => {
        const { writable, member } = await site.database("db-1");
        assert.equal(writable, false);
        assert.match(
          member?.waiting ?? "",
          /^fenced: has transactions that db-2 lacks: .*; promote a host that has all$/,
        );
      });
      await incus("restart", "--force", (await site.machine("db-1")).machine);
      await eventually("db-1 to be back, and closed", async () => {
        const { role, writable, member } = await site.database("db-1");
        assert.deepEqual([role, writable, member?.closed], ["fenced", false, true]);
      });
      const mended = await promote("db-2", "--force");
      assert.equal(mended.code, 0, mended.stderr);
      await write("db-2 leads again");
      await nothingIsLost("db-2", "db-3");
    });
  });
});

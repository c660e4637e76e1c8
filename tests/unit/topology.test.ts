import assert from "node:assert/strict";
import fc from "fast-check";
import { ConfigError } from "../../core/config-error";
import { presetNames } from "../../topology/schema";
import { place, placementProblems } from "../../topology/place";
import { hostsWith, type RoleName, roleNames, type Topology, type TopologyHost } from "../../topology/types";
import { devConfig, rawOf } from "../support/hosts";

const counts = fc.record({
  web: fc.integer({ min: 1, max: 16 }),
  appServers: fc.integer({ min: 1, max: 16 }),
  replicas: fc.integer({ min: 0, max: 8 }),
});
const presets = fc.constantFrom(...presetNames);
const placed = (given: Readonly<Record<string, unknown>>): Topology => place(devConfig(rawOf(given)));
const names = (hosts: readonly TopologyHost[]): string => hosts.map((host) => host.name).join(" ");

const topologyOf = (hosts: readonly TopologyHost[], initialPrimary = "db-1"): Topology => ({
  hosts,
  spread: "own",
  terminatesTls: false,
  initialPrimary,
});
const lb: TopologyHost = { name: "lb-1", roles: ["loadBalancer"] };
const web: TopologyHost = { name: "web-1", roles: ["webServer", "appServer"] };
const db: TopologyHost = { name: "db-1", roles: ["database"] };

describe("topology: presets", () => {
  it("dedicated-databases: a balancer, web servers with the application, databases of their own", () => {
    const { hosts, initialPrimary } = placed({ topology: "dedicated-databases", web: 3, replicas: 2 });
    assert.equal(names(hosts), "lb-1 web-1 web-2 web-3 db-1 db-2 db-3");
    assert.equal(initialPrimary, "db-1");
    assert.deepEqual(hosts[0]?.roles, ["loadBalancer"]);
    assert.deepEqual(hosts[1]?.roles, ["webServer", "appServer"]);
    assert.deepEqual(hosts[4]?.roles, ["database"]);
  });

  it("dedicated-databases stands without a replica", () => {
    assert.equal(names(placed({ topology: "dedicated-databases", replicas: 0 }).hosts), "lb-1 web-1 web-2 db-1");
  });

  it("primary-replica-pair: everything on each server, the primary on the first", () => {
    const topology = placed({ topology: "primary-replica-pair" });
    assert.equal(names(topology.hosts), "lb-1 server-1 server-2");
    assert.equal(topology.initialPrimary, "server-1");
    assert.equal(topology.terminatesTls, true);
    assert.equal(topology.spread, "tier");
    assert.deepEqual(topology.hosts[2]?.roles, ["webServer", "appServer", "database"]);
  });

  it("split-tiers: Nginx and the application apart", () => {
    const topology = placed({ topology: "split-tiers", web: 2, appServers: 3 });
    assert.equal(names(topology.hosts), "lb-1 web-1 web-2 app-1 app-2 app-3 db-1 db-2");
    assert.equal(topology.spread, "tier");
  });

  it("replica-per-web: a replica on each web server, the primary alone", () => {
    const topology = placed({ topology: "replica-per-web", web: 2, replicas: 2 });
    assert.equal(names(topology.hosts), "lb-1 web-1 web-2 db-1");
    assert.deepEqual(topology.hosts[1]?.roles, ["webServer", "appServer", "database"]);
    assert.equal(topology.initialPrimary, "db-1");
  });

  it("always give unique 1-based names, every role, and a primary that is a database", () => {
    fc.assert(
      fc.property(presets, counts, (topology, given) => {
        const made = placed({ topology, ...given });
        assert.deepEqual(placementProblems(made), []);
        for (const { name, roles } of made.hosts) {
          assert.match(name, /^[a-z]+-[1-9][0-9]*$/);
          assert.ok(roles.length > 0, name);
        }
        assert.equal(new Set(made.hosts.map(({ name }) => name)).size, made.hosts.length);
        assert.equal(hostsWith(made, "webServer").length, given.web);
        assert.ok(hostsWith(made, "database").length >= 1 + given.replicas);
      }),
      { numRuns: 100 },
    );
  });

  it("never rename or change a host when there are more web servers", () => {
    fc.assert(
      fc.property(presets, counts, (topology, given) => {
        const fewer = placed({ topology, ...given, web: Math.min(given.web, 15) });
        const more = placed({ topology, ...given, web: Math.min(given.web, 15) + 1 });
        // A server of the pair gains roles when there are more; nothing else may change.
        if (topology === "primary-replica-pair") {
          return;
        }
        for (const host of fewer.hosts.filter(({ roles }) => roles.includes("webServer"))) {
          assert.deepEqual(
            more.hosts.find(({ name }) => name === host.name),
            host,
          );
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe("topology: active-passive", () => {
  it("makes every web server but the first stand by", () => {
    const { hosts } = placed({ balancing: "active-passive", web: 3 });
    assert.equal(names(hosts.filter((host) => host.standby)), "web-2 web-3");
  });

  it("leaves one web server active", () => {
    assert.equal(names(placed({ balancing: "active-passive", web: 1 }).hosts.filter((host) => host.standby)), "");
  });
});

describe("topology: a stack's own hosts", () => {
  const own = (hosts: readonly TopologyHost[], primary?: string): Topology =>
    placed({ topology: "custom", hosts, primary });

  it("are taken as they are, the first database as the primary", () => {
    const topology = own([lb, web, { name: "data", roles: ["database"] }, db]);
    assert.equal(names(topology.hosts), "lb-1 web-1 data db-1");
    assert.equal(topology.initialPrimary, "data");
    assert.equal(topology.spread, "own");
  });

  it("spread over all application servers as soon as one stands alone", () => {
    assert.equal(own([lb, web, { name: "app-1", roles: ["appServer"] }, db]).spread, "tier");
  });

  it("may name the primary, and spread over application servers of their own", () => {
    const hosts: readonly TopologyHost[] = [
      lb,
      { name: "nginx", roles: ["webServer"] },
      { name: "app", roles: ["appServer", "database"] },
      db,
    ];
    const topology = own(hosts, "db-1");
    assert.equal(topology.initialPrimary, "db-1");
    assert.equal(topology.spread, "tier");
  });

  it("get one error for all that is wrong", () => {
    assert.throws(() => own([web, web, db], "web-1"), {
      name: "ConfigError",
      message: [
        "The stack's configuration has 3 problems:",
        '  - webinfra:hosts.1.name is "web-1": another host has that name',
        "  - webinfra:hosts: no host has the role loadBalancer: users would reach nothing",
        '  - webinfra:primary is "web-1": the replicas would have no primary: should be a host with the role database (db-1)',
      ].join("\n"),
    });
  });
});

describe("topology: placement problems", () => {
  const cases: readonly (readonly [string, Topology, readonly string[]])[] = [
    ["nothing wrong", topologyOf([lb, web, db]), []],
    ["no hosts", topologyOf([]), ["webinfra:hosts: no host has the role loadBalancer: users would reach nothing"]],
    [
      "a name that is none",
      topologyOf([lb, { ...web, name: "Web_1" }, db]),
      ['webinfra:hosts.1.name is "Web_1": should be a DNS label (a-z, 0-9 and -, at most 24), such as web-1'],
    ],
    [
      "two hosts of one name",
      topologyOf([lb, web, web, db]),
      ['webinfra:hosts.2.name is "web-1": another host has that name'],
    ],
    [
      "a host with nothing on it",
      topologyOf([lb, web, db, { name: "idle", roles: [] }]),
      [
        "webinfra:hosts.3.roles is []: should hold at least one of loadBalancer, webServer, appServer, database, monitor",
      ],
    ],
    [
      "a role twice",
      topologyOf([{ ...lb, roles: ["loadBalancer", "loadBalancer"] }, web, db]),
      ["webinfra:hosts.0.roles holds loadBalancer twice"],
    ],
    [
      "no web server",
      topologyOf([lb]),
      [
        "webinfra:hosts have the role loadBalancer but none has webServer: the balancer would have nothing to send requests to",
      ],
    ],
    [
      "no application",
      topologyOf([lb, { name: "web-1", roles: ["webServer"] }]),
      [
        "webinfra:hosts have the role webServer but none has appServer: Nginx would have nothing to forward requests to",
      ],
    ],
    [
      "no database",
      topologyOf([lb, web]),
      ["webinfra:hosts have the role appServer but none has database: the application keeps its data there"],
    ],
    [
      "a primary that is not there",
      topologyOf([lb, web, db, { name: "db-2", roles: ["database"] }], "db-3"),
      [
        'webinfra:primary is "db-3": the replicas would have no primary: should be a host with the role database (db-1, db-2)',
      ],
    ],
  ];
  for (const [what, topology, problems] of cases) {
    it(what, () => assert.deepEqual(placementProblems(topology), problems));
  }

  it("are none, or an error: never hosts that make no sense", () => {
    const hosts = fc.array(
      fc.record({ name: fc.constantFrom("a", "b", "c", "d"), roles: fc.subarray<RoleName>([...roleNames]) }),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(hosts, (given) => {
        const topology = topologyOf(given, given.find(({ roles }) => roles.includes("database"))?.name ?? "");
        if (placementProblems(topology).length > 0) {
          return;
        }
        assert.ok(hostsWith(topology, "loadBalancer").length > 0);
        assert.ok(hostsWith(topology, "database").length > 0);
        assert.equal(new Set(given.map(({ name }) => name)).size, given.length);
      }),
      { numRuns: 500 },
    );
  });
});

describe("topology: durability", () => {
  const require = (given: Readonly<Record<string, unknown>>): Topology =>
    placed({ mysql: { durability: "require" }, ...given });

  it("is refused where the loss of one replica would stop all writes", () => {
    for (const replicas of [0, 1]) {
      assert.throws(
        () => require({ replicas }),
        new ConfigError([
          `webinfra:mysql.durability is "require": needs at least two replicas, or the loss of one stops all writes: have two or more (there is room for ${String(replicas)}), or set it to "prefer"`,
        ]),
      );
    }
  });

  it("is taken with two, wherever they stand", () => {
    assert.equal(hostsWith(require({ replicas: 2 }), "database").length, 3);
    assert.equal(hostsWith(require({ topology: "replica-per-web", web: 2 }), "database").length, 3);
  });
});

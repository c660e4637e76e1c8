import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import fc from "fast-check";
import { agentPort, appTierPort, databasePort, webPort } from "../../core/ports";
import { configSchema } from "../../config/schema";
import { presetNames } from "../../topology/schema";
import { place, placementProblems } from "../../topology/place";
import { review, type Review, reviewMarkdown, reviewSchema, reviewSettings } from "../../review";
import { mermaidText } from "../../review/diagram";
import { type ReviewSettings, severities } from "../../review/findings/finding";
import { elementsOf } from "../../review/graph";
import { reach, services } from "../../review/reach";
import { RoleName, roleNames, Topology, TopologyHost } from "../../topology/types";
import { mermaidProblems } from "../support/mermaid";

const root = join(__dirname, "../..");

const configured = (values: Readonly<Record<string, unknown>>) => configSchema.parse({ platform: "incus", ...values });
const reviewed = (values: Readonly<Record<string, unknown>>): Review => {
  const config = configured(values);
  return review(place(config), reviewSettings(config, place(config)));
};
const ids = (values: Readonly<Record<string, unknown>>): string[] => reviewed(values).findings.map(({ id }) => id);

/** All that settings can give. */
const perfect: ReviewSettings = {
  topology: "custom",
  balancing: "active-active",
  durability: "require",
  movingAddress: true,
  https: true,
  firewall: true,
  privatePorts: [],
  singleNat: false,
  monitoring: true,
  alertReceiver: true,
  backups: true,
  offsiteCopies: true,
};
const bare: ReviewSettings = {
  ...perfect,
  ...reviewSettings(configured({}), place(configured({}))),
  topology: "custom",
};

describe("review: on the clouds", () => {
  it("finds a firewall, which containers on one bridge do not have", () => {
    assert.ok(ids({}).includes("no-firewall"));
    for (const platform of ["aws", "digitalocean"]) {
      assert.ok(!ids({ platform }).includes("no-firewall"), platform);
    }
  });

  it("names the ports that hosts open for each other alone, as their services describe them", () => {
    const [found] = reviewed({}).findings.filter(({ id }) => id === "no-firewall");
    const ports = [databasePort, webPort, agentPort].join(", ");
    assert.equal(
      found?.what,
      `No firewall: whoever reaches a host reaches every port that a program opens there, also those that are for the site's own hosts (${ports}).`,
    );
    const [tiers] = reviewed({ topology: "split-tiers" }).findings.filter(({ id }) => id === "no-firewall");
    assert.match(tiers?.what ?? "", new RegExp(`\\b${String(appTierPort)}\\b`));
  });

  it("names the one NAT gateway of several zones on AWS, and the setting that removes it", () => {
    const [found] = reviewed({ platform: "aws" }).findings.filter(({ id }) => id === "single-nat-gateway");
    assert.equal(found?.remedy, "set webinfra:aws.nat to per-zone");
    const vpc = { id: "vpc-0123456789abcdef0", publicSubnets: ["subnet-00000001", "subnet-00000002"] };
    const settled = [
      { aws: { nat: "per-zone" } },
      { aws: { vpc: { ...vpc, privateSubnets: ["subnet-00000003", "subnet-00000004"] } } },
    ];
    for (const aws of settled) {
      assert.ok(!ids({ platform: "aws", ...aws }).includes("single-nat-gateway"));
    }
    assert.ok(!ids({ platform: "digitalocean" }).includes("single-nat-gateway"));
  });
});

interface DocumentCase {
  readonly document: string;
  readonly topology: (typeof presetNames)[number];
  /** A sentence of the document → the findings that say it. */
  readonly named: readonly (readonly [string, readonly string[]])[];
  /** What is weak in the topology as well, and the document does not say. */
  readonly forgotten: readonly string[];
  /** A sentence of the document → what is lost, and that nothing stops. */
  readonly promised: readonly (readonly [string, readonly string[]])[];
}

const documents: readonly DocumentCase[] = [
  {
    document: "000_0c2533e33fe3e4ee",
    topology: "dedicated-databases",
    named: [
      ["The load balancer itself is a SPOF. If it fails, access to all servers is lost.", ["spof-load-balancer"]],
      ["No firewall to protect against unauthorized access.", ["no-firewall"]],
      ["No HTTPS, meaning data transfer is not encrypted.", ["no-https"]],
      [
        "No systems are in place to detect failures, track server load, or notify admins.",
        ["no-monitoring", "no-alert-receiver"],
      ],
      [
        "Read traffic can be distributed, and the replica can take over if the primary fails (with additional logic or tools).",
        ["spof-database-primary"],
      ],
    ],
    forgotten: ["no-backups", "no-offsite-copies", "one-copy-after-a-loss", "write-on-one-machine"],
    promised: [
      [
        "2 Sets of Application Files: Ensures each server is self-contained and can serve independently.",
        ["web-1", "web-2"],
      ],
    ],
  },
  {
    document: "001_841455dcada0fa36",
    topology: "primary-replica-pair",
    named: [
      [
        "The load balancer (HAproxy) itself can become a SPOF. If it fails, traffic distribution is disrupted, and the system's availability is compromised.",
        ["spof-load-balancer"],
      ],
      ["The infrastructure lacks a firewall, which can leave it vulnerable to security threats.", ["no-firewall"]],
      [
        "Additionally, it lacks HTTPS, making data transmission between the user's browser and the website potentially insecure.",
        ["no-https"],
      ],
    ],
    forgotten: [
      "no-alert-receiver",
      "no-backups",
      "no-monitoring",
      "no-offsite-copies",
      "one-copy-after-a-loss",
      "single-point-shares-host",
      "spof-database-primary",
      "write-on-one-machine",
    ],
    promised: [["If one server experiences issues, the other can continue to serve the website.", ["server-2"]]],
  },
  {
    document: "002_1ffe8b5b98381782",
    topology: "split-tiers",
    named: [
      [
        "The load balancer and the database master are potential SPOFs. If the load balancer fails, incoming requests cannot be distributed, and if the database master fails, the application cannot write data.",
        ["spof-load-balancer", "spof-database-primary"],
      ],
      [
        "The absence of a firewall and HTTPS exposes the infrastructure to potential security threats, such as unauthorized access and data breaches.",
        ["no-firewall", "no-https"],
      ],
      ["Without monitoring, it's difficult to detect and respond to issues in a timely manner.", ["no-monitoring"]],
      [
        "To mitigate these issues, consider implementing a firewall, enabling HTTPS for secure communication, and setting up monitoring and alerting systems to detect and respond to potential problems early.",
        ["no-alert-receiver"],
      ],
    ],
    forgotten: ["no-backups", "no-offsite-copies", "one-copy-after-a-loss", "write-on-one-machine"],
    promised: [
      [
        "This setup allows for failover in case one server fails, ensuring that the application remains accessible.",
        ["web-1", "web-2", "app-1", "app-2"],
      ],
    ],
  },
  {
    document: "003_2b6a3c54e60d421a",
    topology: "dedicated-databases",
    named: [
      [
        "For instance, if the load balancer fails, the entire system could become inaccessible.",
        ["spof-load-balancer"],
      ],
      ["In the absence of a firewall or HTTPS, the system is susceptible to attacks.", ["no-firewall", "no-https"]],
      ["Without monitoring, it becomes challenging to promptly identify and rectify issues.", ["no-monitoring"]],
    ],
    forgotten: [
      "no-alert-receiver",
      "no-backups",
      "no-offsite-copies",
      "one-copy-after-a-loss",
      "spof-database-primary",
      "write-on-one-machine",
    ],
    promised: [
      [
        "This enhancement bolsters the system's capacity to manage increased traffic and provides redundancy, safeguarding against server failure.",
        ["web-1", "web-2", "db-2"],
      ],
    ],
  },
  {
    document: "004_b4ac674fd0b308d4",
    topology: "replica-per-web",
    named: [],
    forgotten: [
      "no-alert-receiver",
      "no-backups",
      "no-firewall",
      "no-https",
      "no-monitoring",
      "no-offsite-copies",
      "spof-database-primary",
      "spof-load-balancer",
      "write-on-one-machine",
    ],
    promised: [
      ["Benefit: If one server fails, the other can handle traffic", ["web-1", "web-2"]],
      ["Result: Eliminates web/application server as SPOF", ["web-1", "web-2"]],
    ],
  },
];

describe("review: what the five documents say", () => {
  for (const { document, topology, named, forgotten, promised } of documents) {
    it(`${document}: names its issues and those that it forgot, and no others`, () => {
      const expected = new Set([...named.flatMap(([, found]) => found), ...forgotten]);
      assert.equal(expected.size, named.flatMap(([, found]) => found).length + forgotten.length, "one named twice");
      assert.deepEqual(ids({ topology }).sort(), [...expected].sort());
    });
    for (const [sentence, hosts] of promised) {
      it(`${document}: ${sentence}`, () => {
        const { losses } = reviewed({ topology });
        const stops = losses.filter(({ host, role }) => hosts.includes(host) && role === null).map((one) => one.stops);
        assert.deepEqual(
          stops,
          hosts.map(() => []),
        );
      });
    }
    it(`${document}: is quoted in docs/topologies.md`, () => {
      const text = readFileSync(join(root, "docs/topologies.md"), "utf8").replaceAll(/\s+/g, " ");
      for (const [sentence] of [...named, ...promised]) {
        assert.ok(text.includes(sentence), sentence);
      }
    });
  }

  it("001: a lone application server would be a single point of failure", () => {
    assert.ok(ids({ topology: "primary-replica-pair", web: 1 }).includes("spof-app-server"));
  });
});

describe("review: docs/topologies.md", () => {
  const text = readFileSync(join(root, "docs/topologies.md"), "utf8");

  it("names files that are there", () => {
    const files = [...text.matchAll(/`((?:agent|app|cli|config|roles|topology)\/[\w./-]+)`/g)].map(
      ([, file = ""]) => file,
    );
    assert.ok(files.length > 20);
    for (const file of files) {
      assert.ok(existsSync(join(root, file)), file);
    }
  });

  // What every topology is asked for stands in a file that they share.
  const shared = readFileSync(join(root, "tests/support/standing.ts"), "utf8");
  const sources = new Map(
    readdirSync(join(root, "tests"), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".test.ts"))
      .map((path) => {
        const source = readFileSync(join(root, "tests", path), "utf8");
        return [basename(path), path.startsWith("e2e/topologies/") ? source + shared : source] as const;
      }),
  );
  const named = Map.groupBy([...text.matchAll(/`([\w-]+\.test\.ts)` “([^”]+)”/g)], ([, file = ""]) => file);
  for (const [file, references] of named) {
    it(`names tests that are in ${file}`, () => {
      const source = sources.get(file) ?? assert.fail("there is no such file");
      const titles = references.map(([, , title = ""]) => title);
      assert.deepEqual(
        titles.filter((title) => !source.includes(title)),
        [],
      );
    });
  }

  it("explains every finding that a review can have", () => {
    const folder = join(root, "review/findings");
    const source = readdirSync(folder)
      .map((file) => readFileSync(join(folder, file), "utf8"))
      .join("");
    const known = [...source.matchAll(/"((?:spof|no|single|one|write|standby|unreachable)-[a-z-]+)"/g)];
    assert.ok(known.length > 10);
    for (const [, id = ""] of known) {
      assert.ok(text.includes(`\`${id}\``), id);
    }
  });

  const roleInWords: Readonly<Record<RoleName, string>> = {
    loadBalancer: "the balancer",
    webServer: "Nginx",
    appServer: "the application",
    database: "the primary",
    monitor: "the monitor",
  };
  for (const preset of presetNames) {
    const [, section = ""] =
      new RegExp(`^### \`${preset}\`.*\\n([^]*?)(?=^##)`, "m").exec(
        text.slice(text.indexOf("## When a machine dies")),
      ) ?? [];
    const rows = [...section.matchAll(/^\| (`.+?) +\| (.+?) +\|/gm)].map(([, lost = "", stops = ""]) => ({
      lost,
      stops,
    }));
    const { losses } = reviewed({ topology: preset });

    it(`says what stops when a machine of ${preset} dies, for each of them`, () => {
      const said = rows.flatMap(({ lost, stops }) =>
        [...lost.matchAll(/`([\w-]+)`/g)].map(([, host = ""]) => [host, stops] as const),
      );
      const found = losses.filter(({ role }) => role === null).map(({ host, inWords }) => [host, inWords] as const);
      assert.deepEqual(said.toSorted(), found.toSorted());
    });

    it(`names each role of ${preset} whose loss stops something`, () => {
      const serious = losses.filter(({ role, stops }) => role !== null && stops.length > 0);
      assert.ok(serious.length > 0);
      for (const { host, role } of serious) {
        const row = rows.find(({ lost }) => lost.includes(`\`${host}\``));
        assert.ok(
          role !== null && row?.lost.includes(roleInWords[role]),
          `${host} ${String(role)}: ${String(row?.lost)}`,
        );
      }
    });
  }
});

/** `host` or `host role` → what stops, for all hosts and roles of a topology. */
const losing = (values: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(
    reviewed(values).losses.map(({ host, role, inWords }) => [role === null ? host : `${host} ${role}`, inWords]),
  );

describe("review: what stops when it is lost", () => {
  const cases: readonly (readonly [string, Readonly<Record<string, unknown>>, Readonly<Record<string, string>>])[] = [
    [
      "dedicated-databases",
      { topology: "dedicated-databases" },
      {
        "lb-1": "all traffic",
        "lb-1 loadBalancer": "all traffic",
        "web-1": "nothing",
        "web-1 webServer": "nothing",
        "web-1 appServer": "nothing",
        "web-2": "nothing",
        "web-2 webServer": "nothing",
        "web-2 appServer": "nothing",
        "db-1": "writes",
        "db-1 database": "writes",
        "db-2": "nothing",
        "db-2 database": "nothing",
      },
    ],
    [
      "primary-replica-pair",
      { topology: "primary-replica-pair" },
      {
        "lb-1": "all traffic",
        "lb-1 loadBalancer": "all traffic",
        "server-1": "writes",
        "server-1 webServer": "nothing",
        "server-1 appServer": "nothing",
        "server-1 database": "writes",
        "server-2": "nothing",
        "server-2 webServer": "nothing",
        "server-2 appServer": "nothing",
        "server-2 database": "nothing",
      },
    ],
    [
      "split-tiers",
      { topology: "split-tiers" },
      {
        "lb-1": "all traffic",
        "lb-1 loadBalancer": "all traffic",
        "web-1": "nothing",
        "web-1 webServer": "nothing",
        "web-2": "nothing",
        "web-2 webServer": "nothing",
        "app-1": "nothing",
        "app-1 appServer": "nothing",
        "app-2": "nothing",
        "app-2 appServer": "nothing",
        "db-1": "writes",
        "db-1 database": "writes",
        "db-2": "nothing",
        "db-2 database": "nothing",
      },
    ],
    [
      "replica-per-web",
      { topology: "replica-per-web" },
      {
        "lb-1": "all traffic",
        "lb-1 loadBalancer": "all traffic",
        "web-1": "nothing",
        "web-1 webServer": "nothing",
        "web-1 appServer": "nothing",
        "web-1 database": "nothing",
        "web-2": "nothing",
        "web-2 webServer": "nothing",
        "web-2 appServer": "nothing",
        "web-2 database": "nothing",
        "db-1": "writes",
        "db-1 database": "writes",
      },
    ],
    [
      "one of everything",
      { topology: "split-tiers", web: 1, appServers: 1, replicas: 0 },
      {
        "lb-1": "all traffic",
        "lb-1 loadBalancer": "all traffic",
        "web-1": "all traffic",
        "web-1 webServer": "all traffic",
        "app-1": "the page",
        "app-1 appServer": "the page",
        "db-1": "reads and writes",
        "db-1 database": "reads and writes",
      },
    ],
    [
      "one web server with its application",
      { topology: "dedicated-databases", web: 1 },
      {
        "lb-1": "all traffic",
        "lb-1 loadBalancer": "all traffic",
        "web-1": "all traffic",
        "web-1 webServer": "all traffic",
        "web-1 appServer": "the page",
        "db-1": "writes",
        "db-1 database": "writes",
        "db-2": "nothing",
        "db-2 database": "nothing",
      },
    ],
    [
      "active-passive, which loses no more",
      { topology: "primary-replica-pair", balancing: "active-passive" },
      {
        "lb-1": "all traffic",
        "lb-1 loadBalancer": "all traffic",
        "server-1": "writes",
        "server-1 webServer": "nothing",
        "server-1 appServer": "nothing",
        "server-1 database": "writes",
        "server-2": "nothing",
        "server-2 webServer": "nothing",
        "server-2 appServer": "nothing",
        "server-2 database": "nothing",
      },
    ],
    [
      "two of everything in two machines",
      {
        topology: "custom",
        hosts: ["a", "b"].map((name) => ({ name, roles: ["loadBalancer", "webServer", "appServer", "database"] })),
        primary: "b",
      },
      {
        a: "nothing",
        "a loadBalancer": "nothing",
        "a webServer": "nothing",
        "a appServer": "nothing",
        "a database": "nothing",
        b: "writes",
        "b loadBalancer": "nothing",
        "b webServer": "nothing",
        "b appServer": "nothing",
        "b database": "writes",
      },
    ],
  ];
  for (const [what, values, expected] of cases) {
    it(what, () => assert.deepEqual(losing(values), expected));
  }

  const then = (values: Readonly<Record<string, unknown>>, host: string, role: RoleName | null = null) =>
    reviewed(values).losses.find((loss) => loss.host === host && loss.role === role)?.then;
  for (const [values, host, role, expected] of [
    [{}, "lb-1", null, "no other machine takes requests until it is back"],
    [{ web: 3 }, "web-1", "webServer", "the balancer sends to web-2 and web-3"],
    [{}, "web-1", "appServer", "its web server is left out, and the application on web-2 serves"],
    [{ topology: "split-tiers" }, "app-1", null, "the web servers send to the application on app-2"],
    [
      { topology: "split-tiers", appServers: 1 },
      "app-1",
      null,
      "Nginx still serves static files, and answers that the page is away",
    ],
    [
      { replicas: 2 },
      "db-1",
      null,
      "reads go on from db-2 and db-3; writes return when it is back or with `webinfra database promote db-2`",
    ],
    [{ replicas: 0 }, "db-1", null, "no other machine has the data"],
    [{}, "db-2", null, "reads go to the primary; the data is then on one machine alone"],
    [{ topology: "replica-per-web" }, "web-1", "database", "reads go to web-2"],
    [{ balancing: "active-passive" }, "web-1", "webServer", "web-2 takes over, and hands back"],
    [{ balancing: "active-passive" }, "web-2", "webServer", "it only stood by"],
  ] as const) {
    it(`says how ${host}${role === null ? "" : `'s ${role}`} comes back: ${expected}`, () =>
      assert.equal(then(values, host, role), expected));
  }

  it("needs a replica for writes when durability is require", () => {
    const topology = place(configured({ replicas: 1 }));
    const withoutReplica = elementsOf(topology).filter(({ host }) => host !== "db-2");
    assert.equal(reach(topology, withoutReplica, "prefer").writes, true);
    assert.equal(reach(topology, withoutReplica, "require").writes, false);
    const found = review(topology, { ...perfect, durability: "require" }).findings;
    assert.deepEqual(
      found.filter(({ id }) => id === "spof-database-replica").map(({ what }) => what),
      ["db-2 is the only replica that can confirm writes: when it is lost, writes stop."],
    );
  });

  it("gives users nothing when nothing is alive", () => {
    const { static: files, ...rest } = reach(place(configured({})), [], "prefer");
    assert.deepEqual([files, ...Object.values(rest)], [false, false, false, false]);
  });
});

describe("review: findings", () => {
  it("name the host that is a single point of failure and shares its machine", () => {
    const { findings } = reviewed({ topology: "primary-replica-pair" });
    assert.deepEqual(
      findings.filter(({ subject }) => subject === "server-1").map(({ id, severity, what }) => [id, severity, what]),
      [
        [
          "spof-database-primary",
          "high",
          "server-1 is the only database that takes writes: when it is lost, writes stop.",
        ],
        [
          "single-point-shares-host",
          "medium",
          "server-1 is database primary, web server and application server in one: one lost machine takes all of them, and they share its memory and processors.",
        ],
        [
          "write-on-one-machine",
          "medium",
          "While no replica answers within a second, writes are acknowledged that only the primary has, and are lost with it.",
        ],
      ],
    );
  });

  it("call one copy of the data critical without backups", () => {
    const { findings } = reviewed({ replicas: 0 });
    assert.deepEqual(
      findings.filter(({ severity }) => severity === "critical").map(({ id }) => id),
      ["single-copy-of-data", "spof-database", "spof-load-balancer"],
    );
  });

  it("tell an active-passive site of the server that only waits", () => {
    const { findings, balancing } = reviewed({ balancing: "active-passive" });
    assert.equal(
      findings.find(({ id }) => id === "standby-idle")?.what,
      "web-2 only stands by: one web server carries all requests, and when it is lost they fail until the health check has noticed.",
    );
    assert.equal(
      balancing,
      "Balancing is active-passive: the first web server takes all requests, and web-2 waits until it is lost.",
    );
  });

  it("notice a role that no request comes to", () => {
    const topology: Topology = {
      hosts: [
        { name: "front", roles: ["loadBalancer"] },
        { name: "web", roles: ["webServer", "appServer"] },
        { name: "app", roles: ["appServer"] },
        { name: "data", roles: ["database"] },
      ],
      spread: "own",
      terminatesTls: false,
      initialPrimary: "data",
    };
    const { findings } = review(topology, perfect);
    assert.equal(
      findings.find(({ id }) => id === "unreachable-element")?.what,
      "No request ever comes to the application server on app.",
    );
  });

  it("are none but the promotion by hand when all else is there", () => {
    const pair = (word: string, roles: readonly RoleName[]) => ["1", "2"].map((n) => ({ name: `${word}-${n}`, roles }));
    const topology: Topology = {
      hosts: [
        ...pair("lb", ["loadBalancer"]),
        ...pair("web", ["webServer", "appServer"]),
        ...pair("db", ["database"]),
        { name: "db-3", roles: ["database"] },
        { name: "monitor-1", roles: ["monitor"] },
      ],
      spread: "own",
      terminatesTls: false,
      initialPrimary: "db-1",
    };
    assert.deepEqual(
      review(topology, perfect).findings.map(({ id }) => id),
      ["spof-database-primary"],
    );
  });

  for (const [setting, id] of [
    ["https", "no-https"],
    ["firewall", "no-firewall"],
    ["monitoring", "no-monitoring"],
    ["alertReceiver", "no-alert-receiver"],
    ["backups", "no-backups"],
    ["offsiteCopies", "no-offsite-copies"],
  ] as const) {
    it(`${id} goes with the setting ${setting}, and nothing else does`, () => {
      const topology = place(configured({}));
      const without = review(topology, { ...perfect, [setting]: false }).findings.map((finding) => finding.id);
      const having = review(topology, perfect).findings.map((finding) => finding.id);
      assert.deepEqual(
        without.filter((one) => !having.includes(one)),
        [id],
      );
    });
  }

  it("offer only what the configuration has, and call planned only what it has not", () => {
    const keys = Object.keys(configSchema.shape);
    const all = [
      ...presetNames.flatMap((topology) => [
        ...reviewed({ topology }).findings,
        ...reviewed({ topology, web: 1, appServers: 1, replicas: 0, balancing: "active-passive" }).findings,
      ]),
      ...reviewed({ balancing: "active-passive" }).findings,
    ];
    for (const { id, remedy, available } of all) {
      for (const [, key = ""] of remedy.matchAll(/webinfra:(\w+)/g)) {
        assert.ok(keys.includes(key), `${id}: ${key}`);
      }
      for (const [, name = ""] of remedy.matchAll(/preset ([a-z-]+)/g)) {
        assert.equal(
          presetNames.some((preset) => preset === name),
          available,
          `${id}: ${name}`,
        );
      }
      assert.equal(remedy.includes("not built yet: planned"), !available, id);
    }
    for (const key of ["https", "tls", "firewall", "monitoring", "alerts", "backups"]) {
      assert.ok(!keys.includes(key), `${key} is there: review/settings.ts and findings/ still say that it is not`);
    }
  });
});

/** Host names, with some that Mermaid keeps for itself. */
const names = ["end", "graph", "subgraph", "click", "o", "x", "style", "users", "lb-1", "web-1", "db-1"] as const;
const anyTopology: fc.Arbitrary<Topology> = fc
  .record({
    names: fc.shuffledSubarray([...names], { minLength: 1, maxLength: 7 }),
    roles: fc.array(fc.subarray([...roleNames]), { minLength: 7, maxLength: 7 }),
    standby: fc.array(fc.boolean(), { minLength: 7, maxLength: 7 }),
    spread: fc.constantFrom("own" as const, "tier" as const),
    terminatesTls: fc.boolean(),
    primary: fc.nat(),
  })
  .map(({ names: chosen, roles, standby, spread, terminatesTls, primary }) => {
    const hosts = chosen.map((name, index): TopologyHost => ({
      name,
      roles: roles[index]!,
      ...(standby[index] ? { standby: true } : {}),
    }));
    const databases = hosts.filter((host) => host.roles.includes("database"));
    return { hosts, spread, terminatesTls, initialPrimary: databases[primary % databases.length]?.name ?? "" };
  });
/** One that webinfra would build. */
const validTopology = anyTopology
  .map((topology) => ({ ...topology, hosts: topology.hosts.filter(({ roles }) => roles.length > 0) }))
  .filter((topology) => placementProblems(topology).length === 0);
const durability = fc.constantFrom("prefer" as const, "require" as const);

describe("review: any topology", () => {
  it("gives no more when less is alive, and never writes without reads, pages or files", () => {
    fc.assert(
      fc.property(
        anyTopology,
        fc.array(fc.boolean(), { maxLength: 40 }),
        fc.array(fc.boolean(), { maxLength: 40 }),
        durability,
        (topology, lostFirst, lostThen, mode) => {
          const some = elementsOf(topology).filter((_, index) => lostFirst[index] !== true);
          const fewer = some.filter((_, index) => lostThen[index] !== true);
          const before = reach(topology, some, mode);
          const after = reach(topology, fewer, mode);
          services.forEach((service, index) => {
            assert.ok(before[service] || !after[service], `${service} came back by losing something`);
            const basis = services[index - 1];
            assert.ok(basis === undefined || after[basis] || !after[service], `${service} without ${String(basis)}`);
          });
        },
      ),
    );
  });

  it("stops at least as much when a host is lost as when a role of it is", () => {
    fc.assert(
      fc.property(validTopology, durability, (topology, mode) => {
        const { losses } = review(topology, { ...bare, durability: mode });
        for (const { host, stops } of losses) {
          const whole = losses.find((one) => one.host === host && one.role === null)!;
          assert.ok(stops.every((service) => whole.stops.includes(service)));
        }
      }),
    );
  });

  it("has a single point of failure exactly where the loss of a role stops something", () => {
    fc.assert(
      fc.property(validTopology, durability, (topology, mode) => {
        const { losses, findings } = review(topology, { ...bare, durability: mode });
        const points = findings.filter(({ id }) => id.startsWith("spof-")).map(({ subject }) => subject);
        const lost = losses.filter(({ role, stops }) => role !== null && stops.length > 0).map(({ host }) => host);
        assert.deepEqual(points.sort(), lost.sort());
      }),
    );
  });

  it("has no single balancer once another is added", () => {
    fc.assert(
      fc.property(validTopology, (topology) => {
        const more = { ...topology, hosts: [...topology.hosts, { name: "lb-9", roles: ["loadBalancer"] as const }] };
        const found = review(more, bare).findings.map(({ id }) => id);
        assert.ok(!found.includes("spof-load-balancer"));
        assert.ok(found.includes("no-moving-address"));
        assert.ok(
          !review(more, { ...bare, movingAddress: true }).findings.some(({ id }) => id === "no-moving-address"),
        );
      }),
    );
  });

  it("names each finding once, with a remedy, the worst first, and always the same", () => {
    fc.assert(
      fc.property(validTopology, fc.constantFrom(bare, perfect), (topology, settings) => {
        const result = review(topology, settings);
        const found = result.findings;
        assert.equal(new Set(found.map(({ id }) => id)).size, found.length);
        for (const { id, what, remedy, subject } of found) {
          assert.match(id, /^[a-z]+(-[a-z]+)*$/);
          assert.match(what, /^\S.*\.$/);
          assert.ok(remedy.length > 0 && subject.length > 0);
        }
        const ranks = found.map(({ severity }) => severities.indexOf(severity));
        assert.deepEqual(ranks, [...ranks].sort());
        assert.deepEqual(reviewSchema.parse(JSON.parse(JSON.stringify(result))), result);
        assert.deepEqual(review(topology, settings), result);
      }),
    );
  });

  it("is drawn as sound Mermaid that has every host once", () => {
    fc.assert(
      fc.property(anyTopology, fc.boolean(), (topology, https) => {
        const { diagram } = review(topology, { ...bare, https });
        assert.deepEqual(mermaidProblems(diagram), []);
        for (const { name } of topology.hosts) {
          assert.equal(diagram.split(`["${name}"]`).length, 2, name);
        }
      }),
    );
  });
});

describe("review: the diagram", () => {
  it("draws who calls whom", () => {
    const { diagram } = reviewed({ topology: "replica-per-web" });
    assert.deepEqual(
      diagram.split("\n").filter((line) => line.includes("-->") || line.includes("-.->")),
      [
        '  users -->|"HTTP"| h1_lb',
        "  h1_lb --> h2_web",
        "  h1_lb --> h3_web",
        "  h2_web --> h2_app",
        "  h3_web --> h3_app",
        '  h2_app -->|"writes"| h4_db',
        '  h3_app -->|"writes"| h4_db',
        '  h2_app -->|"reads"| h2_db',
        '  h3_app -->|"reads"| h3_db',
        '  h4_db -.->|"replication"| h2_db',
        '  h4_db -.->|"replication"| h3_db',
      ],
    );
  });

  it("shows a passive server, and reads from the primary when there is no replica", () => {
    const { diagram } = reviewed({ balancing: "active-passive", replicas: 0 });
    assert.match(diagram, /^ {2}h1_lb -\.->\|"when the active one is gone"\| h3_web$/m);
    assert.match(diagram, /^ {2}h2_app -->\|"reads"\| h4_db$/m);
  });

  it("draws many arrows through one point", () => {
    const { diagram } = reviewed({ topology: "split-tiers", web: 16, appServers: 16, replicas: 8 });
    assert.deepEqual(mermaidProblems(diagram), []);
    assert.ok(diagram.split("\n").filter((line) => /--|-\./.test(line)).length < 200);
  });

  it("writes as entities what Mermaid would read as its own", () => {
    assert.equal(mermaidText('a"b<c>#&'), "a#34;b#60;c#62;#35;#38;");
  });
});

describe("review: as Markdown", () => {
  it("has a diagram and tables whose rows have the head's columns", () => {
    const lines = reviewMarkdown(reviewed({})).split("\n");
    assert.equal(lines[0], "# dedicated-databases");
    assert.deepEqual(lines.slice(2, 4), ["```mermaid", "flowchart TB"]);
    const columns = lines.filter((line) => line.startsWith("|")).map((line) => line.split(/(?<!\\)\|/).length - 2);
    assert.deepEqual([...new Set(columns)].sort(), [3, 5]);
    assert.ok(lines.includes("| **lb-1** | all traffic | no other machine takes requests until it is back |"));
    assert.ok(lines.includes("| webServer on web-1 | nothing | the balancer sends to web-2 |"));
  });

  it("says so when there is nothing to say", () => {
    const result = { ...reviewed({}), findings: [] };
    assert.match(reviewMarkdown(result), /## Weaknesses\n\nno weakness found\.\n/);
  });
});

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { ConfigError } from "../../core/config-error";
import { nearest } from "../../core/nearest";
import * as ports from "../../core/ports";
import { parseConfig, type RawConfig } from "../../config/parse";
import { type Config, configSchema } from "../../config/schema";
import { heldMysqlSettings } from "../../services/mysql/schema";
import { rawConfigOf, rawOf } from "../support/hosts";

const parse = (raw: RawConfig, secretKeys: readonly string[] = []): Config =>
  parseConfig({ platform: "incus", ...raw }, secretKeys);

function problemsOf(raw: RawConfig, secretKeys: readonly string[] = []): readonly string[] {
  try {
    parse(raw, secretKeys);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
  return [];
}

/** The raw form of a structured key. */
const json = (key: string, value: unknown): RawConfig => ({ [key]: JSON.stringify(value) });

const knownKeys = Object.keys(configSchema.shape).sort().join(", ");

describe("config: defaults", () => {
  it("are all there when only the platform is given", () => {
    const config = parse({});
    assert.equal(config.platform, "incus");
    assert.equal(config.topology, "dedicated-databases");
    assert.equal(config.domain, "www.foobar.com");
    assert.equal(config.web, 2);
    assert.equal(config.replicas, 1);
    assert.equal(config.appServers, 2);
    assert.equal(config.balancing, "active-active");
    assert.equal(config.algorithm, "roundrobin");
    assert.equal(config.sticky, false);
    assert.equal(config.readyTimeoutSeconds, 600);
    assert.deepEqual(config.network, {});
    assert.deepEqual(config.app, {
      directory: "app/dist",
      packages: ["nodejs"],
      start: "/usr/bin/node server.js",
      port: 3000,
      healthPath: "/healthz",
      staticDirectory: "static",
      environment: {},
      secrets: [],
    });
    assert.deepEqual(config.mysql, {
      source: {
        uri: "https://repo.mysql.com/apt/debian/",
        suite: "trixie",
        components: ["mysql-9.7-lts"],
        options: {},
        keyUrl: "https://repo.mysql.com/RPM-GPG-KEY-mysql-2025",
        pins: [],
        packages: ["mysql-community-server"],
      },
      memoryMiB: 512,
      settings: {},
      volumeGiB: 20,
      durability: "prefer",
      maxLagSeconds: 5,
    });
  });

  it("stand beside what is given in a structured key", () => {
    assert.deepEqual(parse(json("app", { port: 8000 })).app, { ...parse({}).app, port: 8000 });
    assert.deepEqual(parse(json("mysql", { source: { uri: "mirror" } })).mysql.source, {
      ...parse({}).mysql.source,
      uri: "mirror",
    });
  });

  it("accepts the committed stack", () => {
    const config = parseConfig(rawConfigOf(readFileSync(join(__dirname, "..", "..", "Pulumi.dev.yaml"), "utf8")));
    assert.equal(config.platform, "incus");
    assert.equal(config.mysql.source.uri, "mirror");
    assert.deepEqual(config.mysql.source.options, { "check-valid-until": "no" });
  });

  it("never hands out webinfra:secrets", () => {
    const config = parse({ secrets: '{"API_TOKEN":"marker"}' }, ["secrets"]);
    assert.ok(!("secrets" in config));
    assert.doesNotMatch(JSON.stringify(config), /marker/);
  });
});

describe("config: values as the command line gives them", () => {
  it("takes numbers and truth as text", () => {
    assert.equal(parse({ web: "4" }).web, 4);
    assert.equal(parse({ replicas: "0" }).replicas, 0);
    assert.equal(parse(json("app", { port: "8000" })).app.port, 8000);
    assert.equal(parse(json("mysql", { protect: "true" })).mysql.protect, true);
    assert.equal(parse(json("mysql", { protect: false })).mysql.protect, false);
  });

  it("hands environment values on as text", () => {
    const environment = { A: "text", B: 1, C: true, D: "", E: "tab\there", F: "'\"\\$x `" };
    assert.deepEqual(parse(json("app", { environment })).app.environment, { ...environment, B: "1", C: "true" });
  });
});

describe("config: errors", () => {
  const cases: readonly (readonly [string, RawConfig, readonly string[]])[] = [
    [
      "an unknown key that is near a known one",
      { platfrom: "incus" },
      ["webinfra:platfrom is no key that webinfra knows: did you mean platform?"],
    ],
    [
      "an unknown key that is near none",
      { zzzzzzzz: "1" },
      [`webinfra:zzzzzzzz is no key that webinfra knows: known are ${knownKeys}`],
    ],
    [
      "an unknown key inside a key",
      json("app", { prot: 3000 }),
      ["webinfra:app.prot is no key that webinfra knows: did you mean port?"],
    ],
    [
      "an unknown key inside a list",
      json("mysql", { source: { pins: [{ package: "*", release: "n=sid", prio: 1, priority: 1 }] } }),
      ["webinfra:mysql.source.pins.0.prio is no key that webinfra knows: known are package, priority, release"],
    ],
    [
      "an unknown key near none, two levels down",
      json("network", { zzzzzzzz: 1 }),
      ["webinfra:network.zzzzzzzz is no key that webinfra knows: known are cidr"],
    ],
    [
      "a count that is no number",
      { web: "three" },
      ['webinfra:web is "three": should be a whole number from 1 to 100'],
    ],
    ["a count that is empty", { replicas: "" }, ['webinfra:replicas is "": should be a whole number from 0 to 8']],
    ["half a host", { web: "2.5" }, ['webinfra:web is "2.5": should be a whole number from 1 to 100']],
    ["no web server", { web: "0" }, ['webinfra:web is "0": should be a whole number from 1 to 100']],
    ["a list for a number", { web: "[2]" }, ["webinfra:web is [2]: should be a whole number from 1 to 100"]],
    [
      "a number with a unit out of range",
      { readyTimeoutSeconds: "1" },
      ['webinfra:readyTimeoutSeconds is "1": should be a whole number from 10 to 3600 seconds'],
    ],
    [
      "a huge number, once",
      { web: "99999999999999999999" },
      ['webinfra:web is "99999999999999999999": should be a whole number from 1 to 100'],
    ],
    [
      "null for a number",
      json("app", { port: null }),
      ["webinfra:app.port is null: should be a whole number from 1024 to 65000"],
    ],
    [
      "memory that MySQL cannot live in",
      json("mysql", { memoryMiB: 64 }),
      ["webinfra:mysql.memoryMiB is 64: should be a whole number from 256 to 1048576 MiB"],
    ],
    [
      "an unknown platform",
      { platform: "gcp" },
      ['webinfra:platform is "gcp": should be one of "incus", "aws", "digitalocean"'],
    ],
    [
      "a domain in capitals",
      { domain: "WWW.foobar.com" },
      ['webinfra:domain is "WWW.foobar.com": should be a domain name, such as www.foobar.com'],
    ],
    [
      "a domain that is one word",
      { domain: "localhost" },
      ['webinfra:domain is "localhost": should be a domain name, such as www.foobar.com'],
    ],
    [
      "text for a structured key",
      { app: "app/dist" },
      [
        'webinfra:app is "app/dist": should hold keys: concurrency, directory, environment, healthPath, packages, port, secrets, start, staticDirectory',
      ],
    ],
    ["a list for a structured key", { network: "[]" }, ["webinfra:network is []: should hold keys: cidr"]],
    ["text for a list", json("app", { packages: "nodejs" }), ['webinfra:app.packages is "nodejs": should be a list']],
    [
      "a list for names and values",
      json("app", { environment: ["A=1"] }),
      ['webinfra:app.environment is ["A=1"]: should hold names and values'],
    ],
    [
      "a package that is none",
      json("app", { packages: ["nodejs", "Node JS"] }),
      ['webinfra:app.packages.1 is "Node JS": should be the name of a Debian package'],
    ],
    ["no directory", json("app", { directory: "" }), ['webinfra:app.directory is "": should be a folder\'s path']],
    [
      "a directory that is no text",
      json("app", { directory: 3 }),
      ["webinfra:app.directory is 3: should be a folder's path"],
    ],
    [
      "a start command that systemd would not take",
      json("app", { start: "node server.js" }),
      [
        'webinfra:app.start is "node server.js": should be one line that starts with an absolute path, such as /usr/bin/node server.js',
      ],
    ],
    [
      "a health path without a slash",
      json("app", { healthPath: "healthz" }),
      ['webinfra:app.healthPath is "healthz": should be a path, such as /healthz'],
    ],
    [
      "a static directory that leaves the release",
      json("app", { staticDirectory: "../secret" }),
      ['webinfra:app.staticDirectory is "../secret": should be a folder\'s name inside app.directory'],
    ],
    [
      "a variable with a name that no shell can set",
      json("app", { environment: { "1x": "y" } }),
      ["webinfra:app.environment.1x: the name should be the name of an environment variable, such as LOG_LEVEL"],
    ],
    [
      "a variable of two lines",
      json("app", { environment: { A: "1\nB=2" } }),
      ['webinfra:app.environment.A is "1\\nB=2": should be one line of text'],
    ],
    [
      "a variable with a control character, which systemd would drop",
      json("app", { environment: { A: "a\u001b" } }),
      ['webinfra:app.environment.A is "a\\u001b": should be one line of text'],
    ],
    [
      "a variable with structure",
      json("app", { environment: { A: { b: 1 } } }),
      ['webinfra:app.environment.A is {"b":1}: should be one line of text'],
    ],
    [
      "a secret's name that is none",
      json("app", { secrets: ["api token"] }),
      ['webinfra:app.secrets.0 is "api token": should be the name of an environment variable, such as API_TOKEN'],
    ],
    [
      "a name that is a variable and a secret",
      { ...json("app", { environment: { A: "1" }, secrets: ["A"] }) },
      ['webinfra:app.secrets.0 is "A": stands in app.environment too: keep one of them'],
    ],
    [
      "a CIDR that is none",
      json("network", { cidr: "10.0.0.0" }),
      [
        'webinfra:network.cidr is "10.0.0.0": should be an IPv4 network from /8 to /28 with its host bits zero, such as 10.77.0.0/24',
      ],
    ],
    [
      "a CIDR with host bits",
      json("network", { cidr: "10.77.0.1/24" }),
      [
        'webinfra:network.cidr is "10.77.0.1/24": should be an IPv4 network from /8 to /28 with its host bits zero, such as 10.77.0.0/24',
      ],
    ],
    [
      "a CIDR that is no text",
      json("network", { cidr: 10 }),
      ["webinfra:network.cidr is 10: should be an IPv4 network, such as 10.77.0.0/24"],
    ],
    [
      "a package source that a shell would misread",
      json("mysql", { source: { uri: "https://mirror/$(id)", keyUrl: "https://mirror/'key" } }),
      [
        'webinfra:mysql.source.uri is "https://mirror/$(id)": should be "mirror" or an http(s) URL',
        'webinfra:mysql.source.keyUrl is "https://mirror/\'key": should be an https URL',
      ],
    ],
    [
      "a key over plain HTTP",
      json("mysql", { source: { keyUrl: "http://mirror/key" } }),
      ['webinfra:mysql.source.keyUrl is "http://mirror/key": should be an https URL'],
    ],
    [
      "a package source with nothing in it",
      json("mysql", { source: { suite: "", components: [], packages: [] } }),
      [
        'webinfra:mysql.source.suite is "": should be an APT suite, such as trixie',
        "webinfra:mysql.source.components is []: should name at least one APT component, such as main",
        "webinfra:mysql.source.packages is []: should name at least one Debian package",
      ],
    ],
    [
      "options of a package source",
      json("mysql", { source: { options: { Trusted: "yes", arch: "a b", lang: "$(id)" } } }),
      [
        "webinfra:mysql.source.options.Trusted: the name should be an APT source option",
        'webinfra:mysql.source.options.arch is "a b": should be one word',
        'webinfra:mysql.source.options.lang is "$(id)": should be one word',
      ],
    ],
    [
      "half a pin",
      json("mysql", { source: { pins: [{ package: "*" }] } }),
      [
        "webinfra:mysql.source.pins.0.release is missing: should be one line",
        "webinfra:mysql.source.pins.0.priority is missing: should be a whole number from -1 to 1001",
      ],
    ],
    [
      "a MySQL setting that is no setting",
      json("mysql", { settings: { "max-connections": 1, b: [1], c: "x\ny" } }),
      [
        "webinfra:mysql.settings.max-connections: the name should be the name of a MySQL variable",
        "webinfra:mysql.settings.b is [1]: should be one line of text, a number, true or false",
        'webinfra:mysql.settings.c is "x\\ny": should be one line',
      ],
    ],
    [
      "a protection that is neither",
      json("mysql", { protect: "maybe" }),
      ['webinfra:mysql.protect is "maybe": should be true or false'],
    ],
    [
      "an unknown durability",
      json("mysql", { durability: "always" }),
      ['webinfra:mysql.durability is "always": should be one of "prefer", "require"'],
    ],
    [
      "hosts without the topology that uses them",
      { ...json("hosts", [{ name: "lb-1", roles: ["loadBalancer"] }]), primary: "db-1" },
      [
        'webinfra:hosts is [{"name":"lb-1","roles":["loadBalancer"]}]: is used only with topology "custom" (it is "dedicated-databases"): set webinfra:topology to custom, or leave hosts out',
        'webinfra:primary is "db-1": is used only with topology "custom" (it is "dedicated-databases"): leave it out',
      ],
    ],
    [
      "a topology of one's own without hosts",
      { topology: "custom" },
      ['webinfra:hosts is missing: topology "custom" needs the list of hosts, each with a name and roles'],
    ],
    [
      "hosts that are none",
      {
        topology: "custom",
        hosts: '[{"name":"Web_1","roles":[]},{"name":"web-2","roles":["webserver"]},{"name":"web-3"}]',
      },
      [
        'webinfra:hosts.0.name is "Web_1": should be a DNS label of at most 24 characters that starts with a letter, such as web-1',
        "webinfra:hosts.0.roles is []: should hold at least one of loadBalancer, webServer, appServer, database",
        'webinfra:hosts.1.roles.0 is "webserver": should be one of "loadBalancer", "webServer", "appServer", "database"; did you mean "webServer"?',
        "webinfra:hosts.2.roles is missing: should be a list",
      ],
    ],
    [
      "a port of the application that Nginx has",
      json("app", { port: 8080 }),
      [
        "webinfra:app.port is 8080: the application uses this port and the next, and webinfra itself uses 8080: should be others, such as 3000",
      ],
    ],
    [
      "a port of the application before one that MySQL has",
      json("app", { port: "3305" }),
      [
        'webinfra:app.port is "3305": the application uses this port and the next, and webinfra itself uses 3306: should be others, such as 3000',
      ],
    ],
    ["no hosts", { topology: "custom", hosts: "[]" }, ["webinfra:hosts is []: should list at least one host"]],
    [
      "a primary that is no name",
      { topology: "custom", hosts: '[{"name":"db-1","roles":["database"]}]', primary: "[1]" },
      ["webinfra:primary is [1]: should be the name of a host with the role database"],
    ],
    ["a truth that is neither", { sticky: "perhaps" }, ['webinfra:sticky is "perhaps": should be true or false']],
    [
      "a way of balancing that there is not",
      { balancing: "active", algorithm: "random" },
      [
        'webinfra:balancing is "active": should be one of "active-active", "active-passive"',
        'webinfra:algorithm is "random": should be one of "roundrobin", "leastconn", "source"',
      ],
    ],
    [
      "a long value, cut",
      { domain: "x".repeat(100) },
      [`webinfra:domain is "${"x".repeat(76)}...: should be a domain name, such as www.foobar.com`],
    ],
  ];
  for (const [what, raw, problems] of cases) {
    it(`says what is wrong with ${what}`, () => assert.deepEqual(problemsOf(raw), problems));
  }

  it("says that the platform is missing", () => {
    assert.throws(() => parseConfig({}), {
      name: "ConfigError",
      message:
        "The stack's configuration has a problem:\n" +
        '  - webinfra:platform is missing: should be one of "incus", "aws", "digitalocean"',
    });
  });

  it("lists every problem in one error, also rules over several keys", () => {
    assert.throws(
      () =>
        parse({
          web: "many",
          platfrom: "x",
          mysql: '{"memoryMib":1,"settings":{"log_bin":"x"}}',
          hosts: '[{"name":"db-1","roles":["database"]}]',
          app: '{"port":',
          network: '{"cidr":"x"}',
        }),
      {
        name: "ConfigError",
        message: [
          "The stack's configuration has 7 problems:",
          "  - webinfra:app is not valid JSON: Unexpected end of JSON input",
          '  - webinfra:web is "many": should be a whole number from 1 to 100',
          "  - webinfra:mysql.settings.log_bin: the name is held by webinfra (replication and durability stand on it): leave it out",
          "  - webinfra:mysql.memoryMib is no key that webinfra knows: did you mean memoryMiB?",
          '  - webinfra:network.cidr is "x": should be an IPv4 network from /8 to /28 with its host bits zero, such as 10.77.0.0/24',
          "  - webinfra:platfrom is no key that webinfra knows: did you mean platform?",
          '  - webinfra:hosts is [{"name":"db-1","roles":["database"]}]: is used only with topology "custom" (it is "dedicated-databases"): set webinfra:topology to custom, or leave hosts out',
        ].join("\n"),
      },
    );
  });

  it("does not judge hosts by a topology that is none", () => {
    assert.deepEqual(problemsOf({ topology: "x", hosts: '[{"name":"db-1","roles":["database"]}]' }).length, 1);
  });

  for (const name of [
    "HOST",
    "PORT",
    "SERVER_NAME",
    "MACHINE_ID",
    "PRIVATE_ADDRESS",
    "RELEASE",
    "DATABASE_WRITE_HOST",
    "DATABASE_READ_CA",
  ]) {
    it(`keeps ${name} for itself`, () => {
      assert.deepEqual(problemsOf(json("app", { environment: { [name]: "x" } })), [
        `webinfra:app.environment.${name}: the name is set by webinfra itself: choose another name`,
      ]);
      assert.deepEqual(problemsOf(json("app", { secrets: [name] })), [
        `webinfra:app.secrets.0 is "${name}": is set by webinfra itself: choose another name`,
      ]);
    });
  }

  it("holds the MySQL settings that replication and safety stand on, also behind MySQL's prefixes", () => {
    for (const setting of heldMysqlSettings) {
      for (const name of [setting, `loose_${setting}`, `skip_${setting}`, `loose_disable_${setting}`]) {
        assert.deepEqual(problemsOf(json("mysql", { settings: { [name]: 1 } })), [
          `webinfra:mysql.settings.${name}: the name is held by webinfra (replication and durability stand on it): leave it out`,
        ]);
      }
    }
  });

  it("holds what would part replicas from the primary, stop writes everywhere or lose acknowledged ones, also by its old name", () => {
    for (const name of [
      "skip_slave_start",
      "log_slave_updates",
      "binlog_format",
      "replicate_ignore_db",
      "replica_skip_errors",
      "slave_exec_mode",
      "replica_preserve_commit_order",
      "rpl_semi_sync_source_wait_for_replica_count",
      "innodb_doublewrite",
      "innodb_flush_method",
      "offline_mode",
      "transaction_read_only",
      "socket",
    ]) {
      assert.deepEqual(problemsOf(json("mysql", { settings: { [name]: 1 } })), [
        `webinfra:mysql.settings.${name}: the name is held by webinfra (replication and durability stand on it): leave it out`,
      ]);
    }
  });

  it("refuses a role that does nothing yet", () => {
    assert.deepEqual(
      problemsOf({ topology: "custom", ...json("hosts", [{ name: "m-1", roles: ["loadBalancer", "monitor"] }]) }),
      [
        'webinfra:hosts.0.roles.1 is "monitor": does nothing yet: leave it out; should be one of "loadBalancer", "webServer", "appServer", "database"',
      ],
    );
  });

  it("refuses another series of MySQL than the tested one, in MySQL's own repository", () => {
    for (const name of ["mysql-8.4-lts", "mysql-8.0", "mysql-innovation", "mysql-cluster-8.0"]) {
      assert.deepEqual(problemsOf(json("mysql", { source: { components: [name] } })), [
        `webinfra:mysql.source.components.0 is "${name}": another series of MySQL than the one that webinfra is tested with: should be mysql-9.7-lts`,
      ]);
    }
    for (const name of ["mysql-9.7-lts", "mysql-tools", "main"]) {
      assert.deepEqual(problemsOf(json("mysql", { source: { components: [name] } })), []);
    }
  });

  it("holds every setting of the template that is not sized", () => {
    const template = readFileSync(join(__dirname, "..", "..", "services", "mysql", "webinfra.cnf.liquid"), "utf8");
    const free = [
      "skip_name_resolve",
      "binlog_expire_logs_seconds",
      "replica_net_timeout",
      "replica_parallel_workers",
      "innodb_buffer_pool_size",
      "innodb_redo_log_capacity",
      "max_connections",
      "max_user_connections",
      "table_open_cache",
      "table_definition_cache",
      "performance_schema_max_table_instances",
    ];
    const set = [...template.matchAll(/^([a-z_]+) = /gm)].map(([, name]) => (name ?? "").replace(/^loose_/, ""));
    assert.ok(set.length > 20);
    assert.deepEqual(
      set.filter((name) => !heldMysqlSettings.includes(name) && !free.includes(name)),
      [],
    );
  });
});

describe("config: secrets", () => {
  it("refuses a secret that stands in another key, without its value", () => {
    assert.deepEqual(problemsOf({ app: '{"environment":{"TOKEN":"marker"}}', domain: "marker" }, ["app", "domain"]), [
      "webinfra:app holds a secret: put it under webinfra:secrets, which alone is kept secret, and name it where it is used",
      "webinfra:domain holds a secret: put it under webinfra:secrets, which alone is kept secret, and name it where it is used",
    ]);
  });

  it("does not complain twice about a key that it refuses", () => {
    assert.deepEqual(problemsOf({ platform: "marker" }, ["platform"]).length, 1);
    assert.deepEqual(problemsOf({ platform: "{" }), [
      "webinfra:platform is not valid JSON: Expected property name or '}' in JSON at position 1 (line 1 column 2)",
    ]);
  });

  it("says which of app.secrets the stack does not hold", () => {
    const app = JSON.stringify({ secrets: ["API_TOKEN", "OTHER", "toString"] });
    assert.deepEqual(problemsOf({ app, secrets: '{"API_TOKEN":"x"}' }, ["secrets"]), [
      'webinfra:app.secrets names "OTHER", which webinfra:secrets does not hold: run `webinfra secrets set OTHER`',
      'webinfra:app.secrets names "toString", which webinfra:secrets does not hold: run `webinfra secrets set toString`',
    ]);
    assert.equal(problemsOf({ app }).length, 3);
  });

  it("refuses secrets that are no names and texts, and never shows them", () => {
    for (const secrets of ["marker", "[1]", '{"A":{"b":"marker"}}', '{"A":marker}']) {
      assert.deepEqual(problemsOf({ secrets }, ["secrets"]), [
        "webinfra:secrets should hold names and texts: set each by its name, such as with `webinfra secrets set API_TOKEN`",
      ]);
    }
  });

  it("refuses a secret that systemd would drop, and takes a PEM", () => {
    const app = JSON.stringify({ secrets: ["KEY"] });
    assert.deepEqual(problemsOf({ app, secrets: JSON.stringify({ KEY: "a\r\nb" }) }, ["secrets"]), [
      "webinfra:secrets.KEY holds a control character, which an environment variable cannot: set it again without (or encode it)",
    ]);
    assert.deepEqual(problemsOf({ app, secrets: JSON.stringify({ KEY: "a\nb\tc\n" }) }, ["secrets"]), []);
  });
});

describe("config: did you mean", () => {
  it("finds a slip of the finger and nothing far", () => {
    assert.equal(nearest("replcas", ["replicas", "web"]), "replicas");
    assert.equal(nearest("domian", ["replicas", "domain"]), "domain");
    assert.equal(nearest("weather", ["web", "app"]), undefined);
    assert.equal(nearest("x", []), undefined);
  });

  it("finds every key with one letter missing", () => {
    const keys = Object.keys(configSchema.shape).filter((key) => key.length > 4);
    fc.assert(
      fc.property(fc.constantFrom(...keys), fc.nat(), (key, at) => {
        const index = at % key.length;
        assert.equal(nearest(key.slice(0, index) + key.slice(index + 1), keys), key);
      }),
      { numRuns: 200 },
    );
  });
});

describe("config: any valid configuration", () => {
  const name = fc.stringMatching(/^X[A-Z0-9_]{0,12}$/);
  const line = fc.string({ unit: "grapheme", maxLength: 30 }).filter((text) => !/[^\P{Cc}\t]/u.test(text));
  const cidr = fc.tuple(fc.nat(0xff_ff_ff), fc.integer({ min: 8, max: 28 })).map(([low, prefix]) => {
    const size = 2 ** (32 - prefix);
    const address = Math.floor((10 * 2 ** 24 + low) / size) * size;
    return `${[24, 16, 8, 0].map((shift) => String(Math.floor(address / 2 ** shift) % 256)).join(".")}/${String(prefix)}`;
  });
  const taken = new Set<number>(Object.values(ports));
  const port = fc.integer({ min: 1024, max: 65_000 }).filter((at) => !taken.has(at) && !taken.has(at + 1));
  const valid = fc.record({
    domain: fc.stringMatching(/^[a-z0-9]{1,20}(\.[a-z0-9]{1,20}){1,4}$/),
    web: fc.integer({ min: 1, max: 16 }),
    replicas: fc.integer({ min: 2, max: 8 }),
    app: fc.record({ port, environment: fc.dictionary(name, line) }),
    mysql: fc.record({
      memoryMiB: fc.integer({ min: 256, max: 100_000 }),
      durability: fc.constantFrom("prefer", "require"),
      settings: fc.dictionary(fc.constantFrom("max_connections", "wait_timeout"), fc.oneof(fc.integer(), fc.boolean())),
    }),
    network: fc.record({ cidr }),
  });
  it("is taken, and read again gives the same", () => {
    fc.assert(
      fc.property(valid, (given) => {
        const config = parse(rawOf(given));
        assert.equal(config.domain, given.domain);
        assert.equal(config.web, given.web);
        assert.deepEqual(config.app.environment, { ...given.app.environment });
        assert.equal(config.network.cidr, given.network.cidr);
        assert.deepEqual(parseConfig(rawOf(config)), config);
      }),
      { numRuns: 200 },
    );
  });

  it("never fails but with a ConfigError, whatever is given", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom(...Object.keys(configSchema.shape)), fc.oneof(fc.json(), fc.string())),
        (raw) => {
          try {
            parse(raw);
          } catch (error) {
            assert.ok(error instanceof ConfigError);
            assert.ok(
              error.problems.every((problem) => problem.startsWith("webinfra:") && !problem.includes("\n")),
              error.message,
            );
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

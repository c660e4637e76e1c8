import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { parse } from "yaml";
import { concurrencyOf } from "../../services/app/schema";
import { presetNames } from "../../topology/schema";
import { memoryPlan, serverId } from "../../services/mysql";
import * as ports from "../../core/ports";
import { render } from "../../services/template";
import { unavailable } from "../../services/parts/unavailable";
import { type HostSettings, parseHostSettings } from "../../core/protocol";
import { type Secret, secretId } from "../../core/secret";
import { describe as describeHost } from "../../roles";
import { sealedText, settingsText } from "../../roles/settings";
import type { Description, HostContext } from "../../services/contract";
import { defineService, type Service } from "../../services/define";
import { definitionOf, devConfig, fakeSecrets, filesOf, type HostView, userDataOf, viewsOf } from "../support/hosts";

/**
 * Reads an environment file as systemd does inside double quotes (src/basic/env-file.c): a backslash takes the next of `"\$` and the backtick by its word,
 * joins lines, and else stands for itself; all other characters stand for themselves, line ends, too.
 */
function readEnvironmentFile(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  let at = 0;
  while (at < text.length) {
    const equals = text.indexOf("=", at);
    assert.equal(text[equals + 1], '"');
    const name = text.slice(at, equals);
    let value = "";
    let index = equals + 2;
    for (; text[index] !== '"'; index++) {
      assert.ok(index < text.length, "the quote never ends");
      if (text[index] !== "\\") {
        value += text.charAt(index);
        continue;
      }
      index++;
      if ('"\\$`'.includes(text.charAt(index))) {
        value += text.charAt(index);
      } else if (text[index] !== "\n") {
        value += `\\${text.charAt(index)}`;
      }
    }
    assert.equal(text[index + 1], "\n");
    found.set(name, value);
    at = index + 2;
  }
  return found;
}

const contentAt = (view: HostView, path: string): string => {
  const found = filesOf(view).find((file) => file.path === path);
  assert.ok(found, `no ${path} on ${view.host.name}`);
  return found.content;
};

const viewOf = (name: string, views: readonly HostView[]): HostView => {
  const found = views.find((view) => view.host.name === name);
  assert.ok(found);
  return found;
};

/** The settings of a host, as it reads them. */
function settingsOf(view: HostView): HostSettings {
  const parsed = parseHostSettings(settingsText(view.host.name, view, null));
  assert.ok(parsed.ok);
  return parsed.value;
}

/** What is sealed for a host, as it reads it. */
const sealedOf = (view: HostView): unknown =>
  JSON.parse(sealedText(view, (secret) => view.secrets[secretId(secret)] ?? assert.fail(secretId(secret))));

describe("roles: environment of the application", () => {
  it("has everything that the application is promised", () => {
    const config = devConfig({
      app: JSON.stringify({ environment: { LOG_LEVEL: 'a "b" \\c' }, secrets: ["API_TOKEN"] }),
      secrets: '{"API_TOKEN":"x"}',
    });
    const views = viewsOf(config, { ...fakeSecrets, "given API_TOKEN": "line 1\nline 2" });
    const environment = readEnvironmentFile(contentAt(viewOf("web-1", views), "/etc/webinfra/app.env"));
    const shared = { USER: "app", PASSWORD: "fake-app-password", NAME: "site", CA: "/etc/webinfra/tls/ca.pem" };
    const endpoint = (kind: string, port: string): readonly (readonly [string, string])[] =>
      Object.entries({ HOST: "127.0.0.1", PORT: port, ...shared, SERVER_NAME: "db.webinfra.internal" }).map(
        ([name, one]) => [`DATABASE_${kind}_${name}`, one] as const,
      );
    assert.deepEqual(
      environment,
      new Map<string, string>([
        ["HOST", "127.0.0.1"],
        ["SERVER_NAME", "web-1"],
        ...endpoint("WRITE", "3306"),
        ...endpoint("READ", "3307"),
      ]),
    );
    const web = viewOf("web-1", views);
    assert.deepEqual(settingsOf(web).application, { environment: { LOG_LEVEL: 'a "b" \\c' } });
    assert.deepEqual(sealedOf(web), { environment: { API_TOKEN: "line 1\nline 2" } });
  });

  it("has a database password with any characters as the stack gives it", () => {
    const password = 'a "b" \\c $d `e`';
    const web = viewOf("web-1", viewsOf(devConfig(), { ...fakeSecrets, "password app-password": password }));
    const environment = readEnvironmentFile(contentAt(web, "/etc/webinfra/app.env"));
    assert.equal(environment.get("DATABASE_WRITE_PASSWORD"), password);
    assert.equal(environment.get("DATABASE_READ_PASSWORD"), password);
  });

  it("holds no address of a database", () => {
    const web = viewOf("web-1", viewsOf(devConfig()));
    assert.doesNotMatch(contentAt(web, "/etc/webinfra/app.env"), /db-\d|10\.77/);
  });
});

describe("roles: MySQL", () => {
  it("has a server id that follows from the name alone and is valid", () => {
    assert.equal(serverId("db-1"), 1_746_210_045);
    fc.assert(
      fc.property(fc.string(), (name) => {
        const id = serverId(name);
        assert.ok(Number.isInteger(id) && id >= 1 && id <= 4_294_967_295);
        assert.equal(serverId(name), id);
      }),
    );
  });

  it("has another server id on each host that a stack can have", () => {
    const names = ["db", "web", "server", "app"].flatMap((word) =>
      Array.from({ length: 64 }, (_, index) => `${word}-${String(index + 1)}`),
    );
    assert.equal(new Set(names.map(serverId)).size, names.length);
  });

  it("plans no more memory than it is given, and more when it is given more", () => {
    const memory = fc.integer({ min: 256, max: 1_048_576 });
    fc.assert(
      fc.property(memory, memory, (a, b) => {
        const [small, large] = [memoryPlan(Math.min(a, b)), memoryPlan(Math.max(a, b))];
        for (const key of ["bufferPoolMiB", "redoLogMiB", "maxConnections"] as const) {
          assert.ok(small[key] <= large[key], key);
        }
        assert.ok(small.bufferPoolMiB + small.maxConnections <= Math.min(a, b));
        // MySQL's own least values.
        assert.ok(small.bufferPoolMiB >= 5 && small.redoLogMiB >= 8 && small.maxConnections >= 1);
      }),
    );
  });

  const databaseOf = (raw: Readonly<Record<string, string>>): NonNullable<HostSettings["database"]> =>
    settingsOf(viewOf("db-1", viewsOf(devConfig(raw)))).database ?? assert.fail();
  const variablesOf = (raw: Readonly<Record<string, string>>) => databaseOf(raw).variables;

  it("waits for a replica as long as the durability says", () => {
    const require = { replicas: "2", mysql: '{"durability":"require"}' };
    assert.equal(variablesOf({}).loose_rpl_semi_sync_source_timeout, "1000");
    assert.equal(variablesOf(require).loose_rpl_semi_sync_source_timeout, "4294967295");
    assert.equal(databaseOf({}).durability, "prefer");
    assert.equal(databaseOf(require).durability, "require");
    for (const raw of [{}, require]) {
      const db = viewOf("db-1", viewsOf(devConfig(raw)));
      // The program turns it on while the server is the primary.
      const cnf = contentAt(db, "/etc/mysql/mysql.conf.d/zz-webinfra.cnf");
      assert.match(cnf, /^loose_rpl_semi_sync_source_enabled = OFF$/m);
      // What may change stands in the settings alone.
      assert.doesNotMatch(cnf, /semi_sync_source_timeout/);
      const own = { name: "db-1", zone: "webinfra.internal", database: "site", agentPort: ports.agentPort };
      assert.deepEqual(JSON.parse(contentAt(db, "/etc/webinfra/database.json")), own);
    }
  });

  it("takes a replica out of the read pool at the lag that the stack says", () => {
    assert.equal(databaseOf({}).maxLagSeconds, 5);
    assert.equal(databaseOf({ mysql: '{"maxLagSeconds":30}' }).maxLagSeconds, 30);
  });

  it("leaves room for replicas beside the application's connections, whatever their number is", () => {
    const room = (raw: Readonly<Record<string, string>>) => {
      const { max_connections: all, max_user_connections: ofAccount } = variablesOf(raw);
      return [all, ofAccount];
    };
    assert.deepEqual(room({}), ["128", "112"]);
    assert.deepEqual(room({ mysql: '{"settings":{"max_connections":321}}' }), ["321", "305"]);
  });

  it("has a stack's own settings in place of the product's, and as MySQL writes them", () => {
    const own = { max_connections: 321, max_user_connections: 7, general_log: true, innodb_ft_enable_stopword: false };
    const [plain, changed] = [variablesOf({}), variablesOf({ mysql: JSON.stringify({ settings: own }) })];
    assert.deepEqual(changed, {
      ...plain,
      max_connections: "321",
      max_user_connections: "7",
      general_log: "ON",
      innodb_ft_enable_stopword: "OFF",
    });
  });

  const source = (mysql: object): string =>
    contentAt(
      viewOf("db-1", viewsOf(devConfig({ mysql: JSON.stringify(mysql) }))),
      "/usr/local/lib/webinfra/steps.d/09-mysql-source",
    );

  it("comes from MySQL's own repository with its key, unless told otherwise", () => {
    const text = source({});
    assert.match(text, /^uri=https:\/\/repo\.mysql\.com\/apt\/debian\/$/m);
    assert.match(text, /curl .*'https:\/\/repo\.mysql\.com\/RPM-GPG-KEY-mysql-2025'/);
    assert.match(text, /^Suites: trixie\nComponents: mysql-9\.7-lts\nSigned-By: \$key\nEOF$/m);
  });

  it("comes from the host's mirror, with options as Deb822 fields and pins", () => {
    const view = viewOf("db-1", viewsOf(devConfig()));
    const text = contentAt(view, "/usr/local/lib/webinfra/steps.d/09-mysql-source");
    assert.doesNotMatch(text, /curl/);
    assert.match(text, /^Check-Valid-Until: no$/m);
    assert.equal(
      contentAt(view, "/etc/apt/preferences.d/webinfra-mysql"),
      "Package: *\nPin: release n=sid\nPin-Priority: 50\n\n" +
        "Package: src:mysql-9.7 src:google-perftools src:gcc-16 src:glibc\nPin: release n=sid\nPin-Priority: 900\n",
    );
  });
});

describe("roles: the series of MySQL", () => {
  const check = join(__dirname, "..", "..", "services", "mysql", "check-series.sh");
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), "webinfra-series-"))));
  after(() => rmSync(folder, { recursive: true }));
  const checked = (said: string) => {
    writeFileSync(join(folder, "mysqld"), `#!/bin/sh\necho '${said}'\n`, { mode: 0o755 });
    writeFileSync(join(folder, "systemctl"), '#!/bin/sh\necho "$@"\n', { mode: 0o755 });
    const path = `${folder}:${process.env.PATH ?? ""}`;
    const { status, stdout, stderr } = spawnSync("bash", [check, "9.7"], { encoding: "utf8", env: { PATH: path } });
    return { status, stdout, stderr };
  };

  it("passes when it is the tested one", () => {
    const said = "/usr/sbin/mysqld  Ver 9.7.4-1 for Linux on x86_64 ((Debian))";
    assert.deepEqual(checked(said), { status: 0, stdout: "", stderr: "" });
  });

  it("is refused in words when it is another, and does not start at the next boot", () => {
    const stdout = "--quiet --no-reload disable --now mysql.service\n";
    const words = (version: string) =>
      `MySQL ${version} was installed, and webinfra is tested with 9.7: set webinfra:mysql.source to a source of that series\n`;
    const other = "/usr/sbin/mysqld  Ver 8.4.7 for Linux on x86_64 (MySQL Community Server - GPL)";
    assert.deepEqual(checked(other), { status: 1, stdout, stderr: words("8.4.7") });
    assert.deepEqual(checked("mysqld"), { status: 1, stdout, stderr: words("of an unknown version") });
  });
});

describe("roles: a service", () => {
  const password: Secret = { kind: "password", name: "x", given: "x" };
  const asks = (declared: readonly Secret[]) =>
    defineService({
      name: "curious",
      describe: () => ({ secrets: declared }),
      view: (_, text) => text(password),
      render: (content) => ({ files: [{ path: "/x", content, mode: "0600" }], steps: [] }),
    });
  const render = (service: Service) => {
    const view = viewOf("web-1", viewsOf(devConfig()));
    const context: HostContext = { ...view, described: describeHost(view) };
    return service.render(context, () => "secret").files.map(({ content }) => content);
  };

  it("sees the secrets that it declares", () => assert.deepEqual(render(asks([password])), ["secret"]));

  it("sees no other", () => {
    assert.throws(() => render(asks([])), new Error('the service curious does not declare the secret "password x"'));
  });

  const seals = (description: Description) =>
    defineService({
      name: "curious",
      describe: () => description,
      seal: (_, text) => ({ environment: { X: text(password) } }),
      view: () => null,
      render: () => ({ files: [], steps: [] }),
    });
  const seal = (service: Service) => service.seal(viewOf("web-1", viewsOf(devConfig())), () => "secret");

  it("seals the secrets that it declares for that", () => {
    assert.deepEqual(seal(seals({ sealed: [password] })), { environment: { X: "secret" } });
  });

  it("seals no other, nor what it declares for its files", () => {
    const message = 'the service curious does not declare the secret "password x"';
    assert.throws(() => seal(seals({})), new Error(message));
    assert.throws(() => seal(seals({ secrets: [password] })), new Error(message));
  });

  it("has in its files none that it declares for sealing", () => {
    const asking = defineService({
      name: "curious",
      describe: () => ({ sealed: [password] }),
      view: (_, text) => text(password),
      render: (content) => ({ files: [{ path: "/x", content, mode: "0600" }], steps: [] }),
    });
    assert.throws(() => render(asking), new Error('the service curious does not declare the secret "password x"'));
  });
});

describe("roles: settings of a host", () => {
  const views = presetNames.flatMap((topology) =>
    viewsOf(
      devConfig({
        topology,
        domain: "shop.foobar.com",
        app: '{"environment":{"LOG_LEVEL":"debug"},"secrets":["API_TOKEN"]}',
        secrets: '{"API_TOKEN":"x"}',
      }),
      { ...fakeSecrets, "given API_TOKEN": "MARK-app-secret" },
    ),
  );

  it("say what it runs, and null for what it does not", () => {
    for (const view of views) {
      const { host, domain, application, database, sealed } = settingsOf(view);
      const { name, roles } = view.host;
      assert.deepEqual([host, domain, sealed], [name, "shop.foobar.com", null]);
      const runs = roles.includes("appServer") ? { environment: { LOG_LEVEL: "debug" } } : null;
      assert.deepEqual(application, runs, name);
      assert.equal(database === null, !roles.includes("database"), name);
    }
  });

  it("have secrets in what is sealed alone, and only where the application runs", () => {
    for (const view of views) {
      const runs = view.host.roles.includes("appServer");
      assert.doesNotMatch(settingsText(view.host.name, view, "an age file"), /MARK-|API_TOKEN/, view.host.name);
      assert.deepEqual(sealedOf(view), { environment: runs ? { API_TOKEN: "MARK-app-secret" } : {} }, view.host.name);
      assert.deepEqual(describeHost(view).sealed, runs ? [{ kind: "given", name: "API_TOKEN" }] : [], view.host.name);
    }
  });

  it("are none that a host would refuse, whatever a stack may configure", () => {
    const value = fc.string({ unit: "grapheme" });
    const line = value.filter((text) => !/[^\P{Cc}\t]/u.test(text));
    const own = fc.record({
      environment: fc.dictionary(fc.stringMatching(/^[A-Z]_[A-Za-z0-9_]{0,20}$/), line),
      settings: fc.dictionary(
        fc.stringMatching(/^x[a-z0-9_.]{0,20}$/),
        fc.oneof(
          value.filter((text) => !text.includes("\n")),
          fc.double({ noNaN: true, noDefaultInfinity: true }),
          fc.boolean(),
        ),
      ),
      maxLagSeconds: fc.integer({ min: 1, max: 3600 }),
    });
    fc.assert(
      fc.property(own, value, ({ environment, ...mysql }, sealed) => {
        const app = JSON.stringify({ environment });
        for (const view of viewsOf(devConfig({ topology: "replica-per-web", app, mysql: JSON.stringify(mysql) }))) {
          // It is thrown where the engine waits for it.
          const parsed = parseHostSettings(settingsText(view.host.name, view, sealed));
          assert.ok(parsed.ok);
          assert.equal(parsed.value.sealed, sealed);
        }
      }),
      { numRuns: 50 },
    );
  });

  it("carry what is sealed as it is", () => {
    const view = viewOf("web-1", views);
    const parsed = parseHostSettings(settingsText("web-1", view, "an age file\n"));
    assert.ok(parsed.ok);
    assert.equal(parsed.value.sealed, "an age file\n");
  });
});

describe("roles: templates", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "webinfra-template-"));
    writeFileSync(join(folder, "a.liquid"), "one {{ value }}\n{% for x in list %}\n- {{ x.y }}\n{% endfor %}\n");
  });
  after(() => rmSync(folder, { recursive: true }));

  it("are filled in without escaping, and leave no line for a tag", () => {
    assert.equal(render(folder, "a.liquid", { value: "<&>\"'", list: [{ y: 1 }] }), "one <&>\"'\n- 1\n");
  });

  it("fail on a value that is not there", () => {
    assert.throws(() => render(folder, "a.liquid", { list: [] }), /undefined variable: value/);
    assert.throws(() => render(folder, "a.liquid", { value: 1, list: [{}] }), /undefined variable: x\.y/);
  });

  it("fail on a filter that there is none of", () => {
    writeFileSync(join(folder, "b.liquid"), "{{ value | shout }}");
    assert.throws(() => render(folder, "b.liquid", { value: 1 }), /undefined filter: shout/);
  });

  it("come with their comments: whoever reads a configuration on a host reads its reasons", () => {
    const web = viewOf("web-1", viewsOf(devConfig()));
    assert.match(contentAt(web, "/etc/nginx/nginx.conf"), /^ +# Static files can be served\.$/m);
    assert.match(contentAt(web, "/usr/local/lib/webinfra/install-packages"), /^#!\/usr\/bin\/env bash\n# /);
  });
});

describe("roles: the page of a proxy without servers", () => {
  it("is a complete HTTP response whose length is right", () => {
    const { content } = unavailable();
    const [head = "", body = ""] = content.split("\r\n\r\n");
    assert.match(head, /^HTTP\/1\.[01] 503 /);
    assert.match(head, new RegExp(`^Content-Length: ${String(Buffer.byteLength(body))}$`, "m"));
    assert.ok(body.includes("<html"));
  });
});

/** What sync makes the servers of a part of a proxy's configuration of. */
const serversOf = (section: string): readonly string[] => section.match(/^ +#! each .*$/gm) ?? [];

/** The parts of a proxy's configuration, each with its head. */
const sections = (config: string): readonly string[] => config.split(/\n(?=\S)/);

describe("roles: proxies and frozen servers", () => {
  const proxies = (): readonly (readonly [name: string, config: string])[] =>
    presetNames.flatMap((topology) =>
      viewsOf(devConfig({ topology })).flatMap((view) =>
        filesOf(view)
          .filter(({ path }) => /\/(haproxy|proxy)\.cfg$/.test(path))
          .map(({ path, content }) => [`${topology} ${view.host.name} ${path}`, content] as const),
      ),
    );

  it("notice one within 3 s", () => {
    for (const [name, config] of proxies()) {
      const answer = Number(/timeout check (\d+)ms/.exec(config)?.[1]);
      // The application on the host itself may be slow: it is stopped when the kernel says so.
      const others = sections(config).filter((section) => !section.startsWith("backend app\n"));
      const checks = others.flatMap((section) => [
        ...section.matchAll(/ inter (\d+)ms fastinter (\d+)ms .*\bfall (\d+)/g),
      ]);
      assert.ok(checks.length > 0, name);
      assert.equal(checks.length, others.flatMap((section) => [...section.matchAll(/ inter /g)]).length, name);
      assert.equal(others.filter((section) => section.includes("timeout check")).length, 1, name);
      for (const [line, inter, fast, fall] of checks) {
        assert.equal(fall, "2", line);
        assert.ok(Number(inter) + Number(fast) + 2 * answer < 3000, `${name}: ${line}`);
      }
    }
  });

  it("send nothing but GET and HEAD a second time", () => {
    for (const [name, config] of proxies()) {
      const retried = sections(config).filter((section) => /retry-on .*empty-response/.test(section));
      // On the balancer the defaults have it, and the one way in has the rule.
      const rules = retried.map((section) => (section.startsWith("defaults") ? config : section));
      for (const text of rules) {
        assert.match(text, /http-request disable-l7-retry unless { method GET HEAD }/, name);
      }
    }
  });

  it("give each request that must not be sent twice a connection of its own", () => {
    const balancers = proxies().filter(([name]) => name.endsWith("haproxy.cfg"));
    for (const [name, config] of balancers) {
      const backends = sections(config).filter((section) =>
        /^backend (web|in_turn|web_static|web_any)\n/.test(section),
      );
      assert.equal(backends.length, 4, name);
      for (const backend of backends) {
        assert.ok(serversOf(backend).length > 0, name);
        for (const line of serversOf(backend)) {
          assert.match(line, / pool-conn-name var\(txn\.own\)/);
        }
      }
    }
  });

  it("leave nothing of a server to defaults, which HAProxy does not give to one that comes while it runs", () => {
    for (const [name, config] of proxies()) {
      for (const section of sections(config).filter((section) => serversOf(section).length > 0)) {
        assert.doesNotMatch(section, /default-server/, name);
        const checks = section.includes("option httpchk");
        for (const line of serversOf(section)) {
          assert.equal(/ check /.test(line), checks, `${name}: ${line}`);
        }
      }
      const [defaults = ""] = sections(config).filter((section) => section.startsWith("defaults\n"));
      assert.doesNotMatch(defaults, /default-server/, name);
    }
  });

  it("have servers of those machines alone whose numbers sync knows, and of each that a host has", () => {
    for (const topology of presetNames) {
      for (const view of viewsOf(devConfig({ topology }))) {
        const files = new Map(filesOf(view).map(({ path, content }) => [path, content]));
        const { groups, consumers } = JSON.parse(files.get("/etc/webinfra/sync.json") ?? "") as {
          groups: Record<string, string>;
          consumers: { kind: string; config?: string }[];
        };
        const kept = consumers.flatMap(({ kind, config }) =>
          kind === "proxy" && config !== undefined ? [{ config }] : [],
        );
        assert.equal(kept.length, [...files.keys()].filter((path) => /\/(haproxy|proxy)\.cfg$/.test(path)).length);
        for (const { config } of kept) {
          const used = serversOf(files.get(config) ?? "").map((line) => /#! each (\w+)/.exec(line)?.[1] ?? "");
          assert.ok(used.length > 0, config);
          assert.deepEqual(
            used.filter((group) => !(group in groups)),
            [],
          );
        }
      }
    }
  });

  it("wait for a check before they send to a database, for two that seem to take writes stop them all", () => {
    for (const [name, config] of proxies()) {
      for (const line of serversOf(config).filter((one) => one.includes("#! each db"))) {
        assert.match(line, /#! each db once checked: /, name);
      }
    }
  });

  it("watch the backends that check other hosts", () => {
    for (const [name, config] of proxies()) {
      const watched = /lua-load \S+ (.*)/.exec(config)?.[1]?.split(" ") ?? [];
      const checking = sections(config).filter((section) => section.includes("option httpchk"));
      const backends = checking.map((section) => /^backend (\S+)/.exec(section)?.[1] ?? section);
      // Those to databases shut down sessions themselves, and the script knows of the application.
      const own = backends.filter((backend) => !["primary", "readers", "app"].includes(backend));
      assert.deepEqual(
        own.filter((backend) => !watched.includes(backend)),
        [],
        name,
      );
    }
  });
});

describe("roles: a busy application", () => {
  const config = devConfig({ topology: "split-tiers", app: '{"healthPath":"/slow","concurrency":8}' });
  const texts = viewsOf(config).flatMap((view) => filesOf(view).map((file) => ({ ...file, host: view.host.name })));
  const proxy = texts.find(({ host, path }) => host === "app-1" && path === "/etc/webinfra/proxy.cfg")?.content ?? "";

  it("works on so many requests at once, and no check of another host asks it", () => {
    const asking = texts.filter(
      ({ path, content }) => path !== "/etc/webinfra/release.json" && content.includes("/slow"),
    );
    assert.deepEqual(
      asking.map(({ host, path }) => `${host} ${path}`),
      ["app-1 /etc/webinfra/proxy.cfg", "app-2 /etc/webinfra/proxy.cfg"],
    );
    const backend = sections(proxy).find((section) => section.startsWith("backend app\n"));
    assert.match(backend ?? "", /check .* maxconn 8\n/);
    assert.deepEqual(proxy.match(/maxconn \d+/g), ["maxconn 8", "maxconn 128"]);
  });

  const concurrency = (app: object): number => concurrencyOf(devConfig({ app: JSON.stringify(app) }).app);

  it("works on as many as its run-time has workers", () => {
    const php = "/usr/bin/php8.4 -d x=y -S 127.0.0.1:3000";
    assert.equal(concurrency({}), 64);
    assert.equal(concurrency({ start: php }), 1);
    assert.equal(concurrency({ start: php, environment: { PHP_CLI_SERVER_WORKERS: 8 } }), 8);
    assert.equal(concurrency({ start: php, environment: { PHP_CLI_SERVER_WORKERS: "many" } }), 1);
    assert.equal(concurrency({ start: php, concurrency: 3 }), 3);
    assert.equal(concurrency({ start: "/usr/bin/php script.php -S x" }), 64);
    assert.equal(concurrency({ start: "/usr/bin/node server.js -S x" }), 64);
  });
});

describe("roles: ports", () => {
  it("are each one thing's", () => {
    const all = Object.values(ports).filter((value) => typeof value === "number");
    assert.equal(new Set(all).size, all.length);
  });

  it("are open to the world on balancers alone", () => {
    for (const topology of presetNames) {
      for (const view of viewsOf(devConfig({ topology }))) {
        const world = describeHost(view)
          .ports.filter(({ from }) => from === "world")
          .map(({ port }) => port);
        const right = view.topology.terminatesTls ? [80, 443] : [80];
        assert.deepEqual(world, view.host.roles.includes("loadBalancer") ? right : [], view.host.name);
      }
    }
  });

  it("have words that say what they are for", () => {
    for (const view of viewsOf(devConfig())) {
      for (const { port, description } of describeHost(view).ports) {
        assert.ok(Number.isInteger(port) && port > 0 && port < 65_536);
        assert.ok(description.length > 5);
      }
    }
  });
});

describe("roles: secrets on hosts", () => {
  const marks = {
    "password app-password": "MARK-app-password",
    "password replication-password": "MARK-replication-password",
    authority: "public",
    "certificate database-certificate": "public",
    "key database-certificate": "MARK-database-key",
    "certificate web-certificate": "public",
    "key web-certificate": "MARK-web-key",
    identity: "MARK-identity",
    "given API_TOKEN": "MARK-app-secret",
  };
  /** Who needs what. */
  function needs(view: HostView): readonly string[] {
    const has = (role: HostView["host"]["roles"][number]): boolean => view.host.roles.includes(role);
    const found = [
      "MARK-identity",
      // Its own secrets come with the host's settings, sealed.
      ...(has("appServer") ? ["MARK-app-password"] : []),
      ...(has("database") ? ["MARK-app-password", "MARK-replication-password", "MARK-database-key"] : []),
      ...(has("webServer") && view.topology.terminatesTls ? ["MARK-web-key"] : []),
    ];
    return [...new Set(found)].sort();
  }
  const stack = fc.record({
    topology: fc.constantFrom(...presetNames),
    balancing: fc.constantFrom("active-active", "active-passive"),
    web: fc.integer({ min: 1, max: 3 }).map(String),
    replicas: fc.integer({ min: 0, max: 2 }).map(String),
    sticky: fc.constantFrom("true", "false"),
  });

  it("are only where they are needed, and only in files that root alone can read", () => {
    fc.assert(
      fc.property(stack, (given) => {
        const config = devConfig({ ...given, app: '{"secrets":["API_TOKEN"]}', secrets: '{"API_TOKEN":"x"}' });
        for (const view of viewsOf(config, marks)) {
          const files = filesOf(view);
          const open = files.filter(({ mode, content }) => mode !== "0600" && content.includes("MARK-"));
          assert.deepEqual(
            open.map(({ path }) => path),
            [],
            `${given.topology} ${view.host.name}`,
          );
          const seen = files.flatMap(({ content }) => content.match(/MARK-[a-z-]+/g) ?? []);
          assert.deepEqual([...new Set(seen)].sort(), needs(view), `${given.topology} ${view.host.name}`);
          // Nor in a file's name or a command.
          const { write_files: written, ...rest } = parse(userDataOf(view)) as {
            readonly write_files: readonly object[];
          };
          assert.ok(written.length > 3);
          assert.doesNotMatch(JSON.stringify([rest, files.map(({ path }) => path)]), /MARK-/);
          // Nor in what all hosts can read.
          assert.doesNotMatch(definitionOf(view), /MARK-/);
        }
      }),
      { numRuns: 15 },
    );
  });

  it("are on a balancer of its own what it opens its settings with, and no other", () => {
    const balancer = viewOf("lb-1", viewsOf(devConfig(), marks));
    const held = filesOf(balancer).filter(({ content }) => /MARK-|PRIVATE KEY/.test(content));
    assert.deepEqual(held, [
      { path: "/etc/webinfra/secrets/sealing-key", content: "MARK-identity\n", mode: "0600", secret: true },
    ]);
    assert.deepEqual(userDataOf(balancer).match(/MARK-[a-z-]+|PRIVATE KEY/g), ["MARK-identity"]);
  });
});

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import { packPrograms, packRelease } from "../../components/archive";
import { checkedSecrets } from "../../components/secrets";
import { checkHosts } from "../../components/infrastructure";
import { ConfigError } from "../../core/config-error";
import { loadConfig } from "../../config/load";
import type { Config } from "../../config/schema";
import type { PlatformName } from "../../platforms/schema";
import site from "../../index";
import { place } from "../../topology/place";
import { temporaryHome } from "../support/home";
import { devConfig, devRawConfig, digitaloceanSecrets, userDataOf, viewsOf } from "../support/hosts";
import { platforms } from "../../platforms";
import {
  mask,
  type Recorded,
  runProgram,
  type RunOptions,
  secretMark,
  secretsIn,
  shortUrn,
  unwrapped,
} from "../support/program";

const root = join(__dirname, "..", "..");
const fixture = join(root, "tests", "fixtures", "app");

describe("components", () => {
  let scratch: string;
  temporaryHome();
  before(() => (scratch = mkdtempSync(join(tmpdir(), "webinfra-components-"))));
  after(() => rmSync(scratch, { recursive: true }));

  const app = (changes: object = {}): string => JSON.stringify({ directory: "tests/fixtures/app", ...changes });
  const build = (config: RunOptions["config"] = {}, options: RunOptions = {}): Promise<readonly Recorded[]> =>
    runProgram(site, { ...options, config: devRawConfig({ app: app(), ...config }) });
  const find = (resources: readonly Recorded[], type: string, name: string): Recorded => {
    const found = resources.find((one) => one.type === type && one.name === name);
    assert.ok(found, `${type} ${name}`);
    return found;
  };

  describe("the whole site", () => {
    let resources: readonly Recorded[];
    before(async () => {
      resources = await build(
        { app: app({ secrets: ["API_TOKEN"] }), secrets: `{"API_TOKEN":"${secretMark}-api"}` },
        { secretKeys: ["secrets"] },
      );
    });

    it("has a parent for everything but the stack", () => {
      const orphans = resources.filter(({ parent }) => parent === "").map(({ type }) => type);
      assert.deepEqual(orphans, ["pulumi:pulumi:Stack"]);
      for (const { type, name, parent } of resources.filter(({ custom }) => custom)) {
        const host = /^(.*?)(-inventory|-data|-definition|-settings|-sealing-key|-sealed)?$/.exec(name)?.[1] ?? name;
        const hosts = ["lb-1", "web-1", "web-2", "db-1", "db-2"];
        const right = hosts.includes(host)
          ? `${host} (webinfra:index:Host)`
          : "site (webinfra:index:WebInfrastructure)";
        assert.equal(parent, right, `${type} ${name}`);
      }
      for (const name of ["lb-1", "db-2"]) {
        assert.equal(find(resources, "webinfra:index:Host", name).parent, "site (webinfra:index:WebInfrastructure)");
      }
    });

    it("has type tokens of three parts and names in kebab-case, counted from 1", () => {
      for (const { type, name } of resources) {
        assert.match(type, /^[a-z]+:[a-z]+:[A-Z][A-Za-z]+$/);
        assert.match(name, /^[a-z]+(-[a-z]+|-[1-9][0-9]*)*$/);
      }
      const keys = resources.map(({ type, name }) => `${type} ${name}`);
      assert.equal(new Set(keys).size, keys.length);
    });

    it("never replaces a database's machine beside the old one, nor for new user-data", () => {
      for (const name of ["db-1", "db-2"]) {
        const machine = find(resources, "webinfra:incus:Machine", name);
        assert.equal(machine.deleteBeforeReplace, true);
        assert.deepEqual(machine.ignoreChanges, ["userData", "channel"]);
        assert.equal(machine.protect, false);
        assert.deepEqual(machine.inputs.volumes, [{ name: `webinfra-dev-${name}-data`, path: "/var/lib/mysql" }]);
      }
    });

    it("makes every other machine anew before the old one goes", () => {
      for (const name of ["lb-1", "web-1", "web-2"]) {
        const machine = find(resources, "webinfra:incus:Machine", name);
        assert.equal(machine.deleteBeforeReplace, false);
        assert.deepEqual(machine.ignoreChanges, []);
        assert.equal(machine.protect, false);
        assert.equal(machine.inputs.volumes, undefined);
      }
    });

    it("keeps the data, and who is primary, when all else is deleted", () => {
      const kept = resources.filter(({ retainOnDelete }) => retainOnDelete).map(({ name }) => name);
      const definitions = ["db-1", "db-2", "lb-1", "web-1", "web-2"].map((host) => `${host}-definition`);
      assert.deepEqual(kept.filter((name) => !definitions.includes(name)).sort(), [
        "db-1-data",
        "db-2-data",
        "host-package",
        "primary-pointer",
        "release",
      ]);
      const pointer = find(resources, "webinfra:channel:Pointer", "primary-pointer");
      assert.equal(
        pointer.inputs.content,
        '{"version":2,"epoch":1,"nonce":"first","primary":"db-1","previous":null,"force":false}',
      );
      // A stack of the version before has it under this type.
      assert.deepEqual(pointer.aliasTypes, ["webinfra:channel:Object"]);
    });

    // A database's machine is made by user-data of today when it is made anew, and by its old one when it only was deleted by hand.
    it("has the definition of today for every host in the channel, and leaves those of before there", () => {
      for (const name of ["lb-1", "web-1", "db-1", "db-2"]) {
        const own = find(resources, "webinfra:channel:Object", `${name}-definition`);
        assert.deepEqual([own.ignoreChanges, own.retainOnDelete], [[], true], name);
        const userData = JSON.stringify(find(resources, "webinfra:incus:Machine", name).inputs.userData);
        assert.ok(userData.includes(String(own.inputs.key)), name);
      }
    });

    it("is ready only after every inventory entry, all settings and both pointers", () => {
      const waitsFor = find(resources, "webinfra:index:Ready", "ready").dependencies.map(shortUrn);
      for (const name of ["lb-1", "web-1", "web-2", "db-1", "db-2"]) {
        assert.ok(waitsFor.includes(`${name}-inventory (webinfra:channel:Object)`), name);
        assert.ok(waitsFor.includes(`${name}-settings (webinfra:channel:Object)`), name);
      }
      assert.ok(waitsFor.includes("primary-pointer (webinfra:channel:Pointer)"));
      assert.ok(waitsFor.includes("release-pointer (webinfra:channel:Object)"));
    });

    it("starts a machine only once its definition and its settings are in the channel", () => {
      for (const name of ["lb-1", "web-1", "web-2", "db-1", "db-2"]) {
        const waitsFor = find(resources, "webinfra:incus:Machine", name).dependencies.map(shortUrn);
        assert.ok(waitsFor.includes(`${name}-definition (webinfra:channel:Object)`), name);
        assert.ok(waitsFor.includes(`${name}-settings (webinfra:channel:Object)`), name);
      }
    });

    it("expects of each machine the settings that the channel has for it", () => {
      const { machines } = find(resources, "webinfra:index:Ready", "ready").inputs;
      const wanted = Object.fromEntries(
        (machines as readonly { readonly name: string; readonly settings: string }[]).map((one) => [
          one.name,
          one.settings,
        ]),
      );
      for (const name of ["lb-1", "web-1", "web-2", "db-1", "db-2"]) {
        const { key, content } = find(resources, "webinfra:channel:Object", `${name}-settings`).inputs;
        assert.equal(key, `settings/${name}.json`);
        assert.equal(wanted[name], createHash("sha256").update(String(content)).digest("hex"), name);
      }
    });

    it("names a release only once it is in the channel", () => {
      const waitsFor = find(resources, "webinfra:channel:Object", "release-pointer").dependencies.map(shortUrn);
      assert.ok(waitsFor.includes("release (webinfra:channel:File)"), waitsFor.join(", "));
    });

    it("lists each machine by its id, with its name, roles and address", () => {
      const entry = find(resources, "webinfra:channel:Object", "web-1-inventory");
      assert.equal(entry.inputs.key, "inventory/webinfra-dev-web-1-abc123.json");
      assert.deepEqual(JSON.parse(String(entry.inputs.content)), {
        version: 2,
        machine: "webinfra-dev-web-1-abc123",
        name: "web-1",
        roles: ["webServer", "appServer"],
        address: "10.77.119.1",
        standby: false,
      });
    });

    it("keeps user-data secret, on its way in and out", () => {
      const machines = resources.filter(({ type }) => type === "webinfra:incus:Machine");
      assert.equal(machines.length, 5);
      for (const { inputs, additionalSecretOutputs } of machines) {
        assert.ok(mask(inputs.userData) === "[secret]");
        assert.deepEqual(additionalSecretOutputs, ["userData"]);
      }
    });

    it("has no secret in any plain input or output", () => {
      const hidden = resources.flatMap(({ inputs }) => secretsIn(inputs));
      // The marks were there to be found.
      assert.ok(hidden.some((text) => text.includes(`${secretMark}-app-password`)));
      assert.ok(hidden.some((text) => text.includes(`${secretMark}-database-certificate-key`)));
      assert.ok(hidden.some((text) => text.includes(`${secretMark}-api`)));
      for (const { type, name, inputs, outputs } of resources) {
        assert.ok(!JSON.stringify(mask([inputs, outputs])).includes(secretMark), `${type} ${name}`);
      }
    });

    it("has no secret in anything in the channel, which every host can read", () => {
      const channel = resources.filter(({ type }) => type.startsWith("webinfra:channel:"));
      const keys = channel.map(({ inputs }) => String(inputs.key).replace(/\/.*/, ""));
      assert.deepEqual([...new Set(keys)].sort(), [
        "definitions",
        "inventory",
        "packages",
        "pointers",
        "releases",
        "settings",
      ]);
      for (const { name, inputs } of channel) {
        assert.ok(!JSON.stringify(unwrapped(inputs)).includes(secretMark), name);
      }
      // What the application needs of them is sealed to each host's own key.
      const sealed = resources.filter(({ type }) => type === "webinfra:secrets:Sealed");
      assert.deepEqual(sealed.map(({ name, inputs }) => [name, inputs.recipient, unwrapped(inputs.text)]).sort(), [
        ["web-1-sealed", "age1web-1-sealing-key", `{"environment":{"API_TOKEN":"${secretMark}-api"}}`],
        ["web-2-sealed", "age1web-2-sealing-key", `{"environment":{"API_TOKEN":"${secretMark}-api"}}`],
      ]);
    });

    it("shows the stack's address and hosts, none of it secret", () => {
      const { outputs } = find(resources, "pulumi:pulumi:Stack", "webinfra-dev");
      assert.equal(outputs.url, "http://10.77.108.1");
      assert.equal(outputs.topology, "dedicated-databases");
      assert.deepEqual(outputs, mask(outputs));
      const definition = /definitions\/db-2\/([0-9a-f]{64})\.json/.exec(
        String(find(resources, "webinfra:channel:Object", "db-2-definition").inputs.key),
      )?.[1];
      assert.deepEqual((outputs.hosts as readonly object[])[4], {
        name: "db-2",
        roles: ["database"],
        machine: "webinfra-dev-db-2-abc123",
        address: "10.77.100.2",
        definition: definition?.slice(0, 12),
      });
      assert.deepEqual(outputs.outdated, []);
    });
  });

  it("protects what holds data when it is told to, and nothing else", async () => {
    const resources = await build({ mysql: '{"protect":true}' });
    const names = resources.filter((one) => one.protect).map(({ type, name }) => `${type} ${name}`);
    assert.deepEqual(names.sort(), [
      "webinfra:incus:Machine db-1",
      "webinfra:incus:Machine db-2",
      "webinfra:incus:Volume db-1-data",
      "webinfra:incus:Volume db-2-data",
    ]);
  });

  it("takes the passwords that the stack gives", async () => {
    const secrets = JSON.stringify({ databaseAppPassword: "given-1", databaseReplicationPassword: "given-2" });
    const resources = await build({ secrets }, { secretKeys: ["secrets"] });
    const userData = secretsIn(find(resources, "webinfra:incus:Machine", "db-1").inputs.userData).join();
    assert.ok(
      userData.includes("given-1") && userData.includes("given-2") && !userData.includes(`${secretMark}-app-password`),
    );
    assert.ok(!JSON.stringify(resources.map(({ inputs }) => mask(inputs))).includes("given-"));
  });

  it("asks for the subnet that the stack names", async () => {
    const resources = await build({ network: '{"cidr":"10.9.0.0/24"}' });
    assert.equal(find(resources, "webinfra:incus:Network", "network").inputs.cidr, "10.9.0.0/24");
  });

  describe("an edit", () => {
    interface Edit {
      readonly app?: object;
      readonly mysql?: object;
      readonly domain?: string;
      readonly token?: string;
    }
    const ownMysql = JSON.parse(devRawConfig().mysql ?? "{}") as object;
    const environment = { LOG_LEVEL: "info" };
    const edited = ({ app: ofApp, mysql, domain = "www.foobar.com", token = "one" }: Edit = {}) =>
      build(
        {
          replicas: "2",
          domain,
          app: app({ environment, secrets: ["API_TOKEN"], ...ofApp }),
          mysql: JSON.stringify({ ...ownMysql, ...mysql }),
          secrets: JSON.stringify({ API_TOKEN: token, OTHER: "two" }),
        },
        { secretKeys: ["secrets"] },
      );
    let unedited: readonly Recorded[];
    before(async () => (unedited = await edited()));

    /** Resources whose inputs are others, also those that an update would ignore, as `type name`; and those that come or go. */
    async function changed(edit: Edit): Promise<readonly string[]> {
      const inputs = (resources: readonly Recorded[]) =>
        new Map(resources.map((one) => [`${one.type.replace(/^.*:/, "")} ${one.name}`, one.inputs]));
      const [old, now] = [inputs(unedited), inputs(await edited(edit))];
      return [...new Set([...old.keys(), ...now.keys()])]
        .filter((key) => !isDeepStrictEqual(old.get(key), now.get(key)))
        .sort();
    }
    const all = ["db-1", "db-2", "db-3", "lb-1", "web-1", "web-2"];
    const [databases, webServers] = [all.filter((name) => name.startsWith("db-")), ["web-1", "web-2"]];
    const settingsOf = (hosts: readonly string[]) => [...hosts.map((host) => `Object ${host}-settings`), "Ready ready"];
    const sealedTo = (hosts: readonly string[]) => hosts.map((host) => `Sealed ${host}-sealed`);
    const machines = (hosts: readonly string[]) => [
      ...hosts.map((host) => `Machine ${host}`),
      ...hosts.map((host) => `Object ${host}-definition`),
      "Ready ready",
    ];

    it("is told from none", async () => assert.deepEqual(await changed({}), []));

    const inPlace: readonly (readonly [what: string, edit: Edit, wanted: readonly string[]])[] = [
      ["app.environment", { app: { environment: { LOG_LEVEL: "debug", MORE: "1" } } }, settingsOf(webServers)],
      ["a secret of the application", { token: "other" }, [...settingsOf(webServers), ...sealedTo(webServers)]],
      [
        "one more name in app.secrets",
        { app: { secrets: ["API_TOKEN", "OTHER"] } },
        [...settingsOf(webServers), ...sealedTo(webServers)],
      ],
      [
        "the last name gone from app.secrets",
        { app: { secrets: [] } },
        [...settingsOf(webServers), ...sealedTo(webServers)],
      ],
      ["mysql.settings", { mysql: { settings: { max_connections: 300 } } }, settingsOf(databases)],
      ["mysql.memoryMiB", { mysql: { memoryMiB: 1024 } }, settingsOf(databases)],
      ["mysql.durability", { mysql: { durability: "require" } }, settingsOf(databases)],
      ["mysql.maxLagSeconds", { mysql: { maxLagSeconds: 9 } }, settingsOf(databases)],
      // `host` is an input of Ready, too.
      ["domain", { domain: "shop.foobar.com" }, settingsOf(all)],
    ];
    for (const [what, edit, wanted] of inPlace) {
      it(`${what}: changes no machine and no definition`, async () => {
        assert.deepEqual(await changed(edit), wanted);
      });
    }

    const others: readonly (readonly [what: string, edit: Edit, wanted: readonly string[]])[] = [
      ["app.start: makes machines anew", { app: { start: "/usr/bin/node other.js" } }, machines(webServers)],
      ["app.port: makes machines anew", { app: { port: 3100 } }, machines(webServers)],
      // And the update leaves a volume that is there as large as it was (ignoreChanges).
      [
        "mysql.volumeGiB: asks for larger volumes",
        { mysql: { volumeGiB: 40 } },
        databases.map((host) => `Volume ${host}-data`),
      ],
    ];
    for (const [what, edit, wanted] of others) {
      it(what, async () => assert.deepEqual(await changed(edit), wanted));
    }
  });

  it("asks for the same in a preview", async () => {
    const [preview, update] = [await build({}, { preview: true }), await build()];
    const key = ({ type, name }: Recorded): string => `${type} ${name}`;
    assert.deepEqual(preview.map(key).sort(), update.map(key).sort());
  });

  describe("mistakes make nothing", () => {
    const fails = (
      config: RunOptions["config"],
      message: string,
      environment: Readonly<Record<string, string>> = {},
    ): void => {
      const all: Recorded[] = [];
      it(message.split("\n").at(-1) ?? "", async () => {
        await assert.rejects(build(config, { recorded: all, environment }), (error: unknown) => {
          assert.ok(pulumi.RunError.isInstance(error), String(error));
          assert.equal(error.message, message);
          return true;
        });
        assert.deepEqual(
          all.filter(({ custom }) => custom).map(({ name }) => name),
          [],
        );
      });
    };
    const one = "The stack's configuration has a problem:\n  - ";
    fails(
      { platform: "aws" },
      "the platform aws needs credentials:\n  - no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY " +
        "(neither /nowhere/.aws/credentials nor /nowhere/.aws/config is there)",
      { HOME: "/nowhere", AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "", AWS_PROFILE: "" },
    );
    fails(
      { platform: "digitalocean", ...digitaloceanSecrets },
      "the platform digitalocean needs credentials:\n  - DIGITALOCEAN_TOKEN is not set: should be an API token that may read and write " +
        "(https://cloud.digitalocean.com/account/api/tokens); DIGITALOCEAN_ACCESS_TOKEN will do as well",
      { DIGITALOCEAN_TOKEN: "", DIGITALOCEAN_ACCESS_TOKEN: "" },
    );
    fails(
      { platform: "digitalocean" },
      `${one}webinfra:secrets does not hold "digitaloceanAddressToken", with which balancers take over the reserved address: make a token with the scopes ` +
        "reserved_ip:read, reserved_ip:update, actions:read, droplet:read, regions:read, sizes:read and image:read, and run `webinfra secrets set digitaloceanAddressToken`",
    );
    fails(
      { app: app({ secrets: ["API_TOKEN"] }) },
      `${one}webinfra:app.secrets names "API_TOKEN", which webinfra:secrets does not hold: run \`webinfra secrets set API_TOKEN\``,
    );
    fails(
      { app: app({ directory: "no/such" }) },
      `${one}webinfra:app.directory is "no/such": there is no such folder at ${join(root, "no/such")}: should be a folder with the application's files`,
    );
  });

  describe("the size of user-data", () => {
    const incompressible = (length: number): string =>
      Array.from({ length: Math.ceil(length / 43) }, (_, index) =>
        createHash("sha256").update(String(index)).digest("base64url"),
      ).join("");
    /** A stack that opens SSH with a key whose comment is so long: what comes with user-data, and has no bound of its own. */
    const withKey = (platform: PlatformName, length: number): Config =>
      devConfig({
        platform,
        ssh: JSON.stringify({
          allowedCidrs: ["203.0.113.7/32"],
          publicKey: `ssh-ed25519 AAAA ${incompressible(length)}`,
        }),
      });
    const clouds: readonly PlatformName[] = ["aws", "digitalocean"];

    it("is checked before anything is made, and told of all hosts at once", () => {
      const said: Readonly<Record<string, string>> = {
        aws: "bytes compressed, and at most 16384 fit",
        digitalocean: "bytes as a MIME message, and at most 65536 fit",
      };
      for (const platform of clouds) {
        const config = withKey(platform, 64 * 1024);
        assert.throws(
          () => checkHosts(config, place(config)),
          (error: unknown) => {
            assert.ok(error instanceof ConfigError);
            assert.deepEqual(
              error.problems.map((problem) => problem.replace(/ has \d+ /, " has N ")),
              ["lb-1", "web-1", "web-2", "db-1", "db-2"].map(
                (host) => `${host}: its user-data has N ${said[platform] ?? ""}: place its roles on several hosts`,
              ),
            );
            return true;
          },
        );
      }
    });

    it("is never underestimated: what the check lets through does fit", () => {
      for (const platform of clouds) {
        const { userData } = platforms[platform].traits;
        let refused = false;
        for (let length = 0; length < 64 * 1024 && !refused; length += 512) {
          const config = withKey(platform, length);
          try {
            checkHosts(config, place(config));
          } catch (error) {
            assert.ok(error instanceof ConfigError && length > 0);
            refused = true;
            continue;
          }
          for (const view of viewsOf(config)) {
            assert.ok(userData.size(userDataOf(view)) <= userData.limit, `${platform} ${view.host.name}`);
          }
        }
        assert.ok(refused, `the check let everything through on ${platform}`);
      }
    });

    it("does not grow with what may change in place: that comes through the channel", () => {
      const environment = { X: incompressible(100_000) };
      const config = devConfig({ app: app({ environment }) });
      checkHosts(config, place(config));
      assert.deepEqual(viewsOf(config).map(userDataOf), viewsOf(devConfig({ app: app() })).map(userDataOf));
    });
  });

  describe("secrets of the application", () => {
    it("are there", () => {
      assert.deepEqual(checkedSecrets({ A: "1", B: "2" }, ["B"]), { A: "1", B: "2" });
    });

    it("must be there", () => {
      assert.throws(
        () => checkedSecrets({ A: "1" }, ["B"]),
        new ConfigError([
          `webinfra:app.secrets names "B", which webinfra:secrets does not hold: run \`webinfra secrets set B\``,
        ]),
      );
    });
  });

  describe("the stack's configuration", () => {
    const load = async (options: RunOptions): Promise<ReturnType<typeof loadConfig>> => {
      let loaded: ReturnType<typeof loadConfig> | undefined;
      await runProgram(() => Promise.resolve().then(() => ((loaded = loadConfig()), {})), options);
      assert.ok(loaded);
      return loaded;
    };

    it("is read from the engine, its secrets as secrets", async () => {
      const { config, secrets } = await load({
        config: { platform: "incus", web: "3", secrets: '{"A":"hidden"}' },
        secretKeys: ["secrets"],
      });
      assert.equal(config.web, 3);
      assert.doesNotMatch(JSON.stringify(config), /hidden/);
      assert.equal(await pulumi.isSecret(secrets), true);
      const values = await new Promise((resolve) => secrets.apply(resolve));
      assert.deepEqual(values, { A: "hidden" });
    });

    it("has no secrets when none are set, and what it has then is secret all the same", async () => {
      const { secrets } = await load({ config: { platform: "incus" } });
      assert.equal(await pulumi.isSecret(secrets), true);
    });

    it("refuses a key that nobody reads, also in a plain run of Pulumi", async () => {
      await assert.rejects(
        load({ config: { platform: "incus", "webinfa:web": "3" } }),
        new ConfigError(["webinfa:web is read by nobody: did you mean webinfra:web?"]),
      );
      await load({ config: { platform: "incus", "aws:region": "eu-central-1" } });
    });

    it("refuses a secret in another key", async () => {
      await assert.rejects(load({ config: { platform: "incus", domain: "hidden" }, secretKeys: ["domain"] }), {
        name: "ConfigError",
        message:
          "The stack's configuration has a problem:\n" +
          "  - webinfra:domain holds a secret: put it under webinfra:secrets, which alone is kept secret, and name it where it is used",
      });
    });
  });

  describe("archives", () => {
    let cache: string;
    let copies = 0;
    beforeEach(() => (cache = join(scratch, `cache-${String(++copies)}`)));
    const copy = (): string => {
      const to = join(scratch, `copy-${String(++copies)}`, "app");
      cpSync(fixture, to, { recursive: true });
      return to;
    };
    const pack = (folder: string) => packRelease(folder, root, cache);
    const list = (path: string): readonly string[] =>
      spawnSync("tar", ["-tzvf", path, "--numeric-owner"], { encoding: "utf8" }).stdout.trimEnd().split("\n");

    it("are the same wherever and whenever the folder was copied, and whoever did it", () => {
      const first = pack(fixture);
      const folder = copy();
      utimesSync(join(folder, "server.js"), 1, 1);
      chmodSync(join(folder, "server.js"), 0o600);
      chmodSync(join(folder, "static"), 0o700);
      const second = pack(folder);
      assert.deepEqual(second, first);
      assert.equal(basename(first.path), `${first.sha256}.tar.gz`);
    });

    it("keep long names, and names that tar has a meaning for", () => {
      const folder = copy();
      const long = join("node_modules", "x".repeat(120), `${"y".repeat(180)}.js`);
      mkdirSync(dirname(join(folder, long)), { recursive: true });
      writeFileSync(join(folder, long), "long\n");
      writeFileSync(join(folder, "@scope"), "at\n");
      const names = list(pack(folder).path).map((line) => line.replace(/^.*:\d\d /, ""));
      assert.ok(names.includes(long), names.join("\n"));
      assert.ok(names.includes("./@scope"), names.join("\n"));
    });

    it("can be read by everybody on the host, belong to nobody, and have no time", () => {
      const folder = copy();
      chmodSync(join(folder, "server.js"), 0o600);
      writeFileSync(join(folder, "run"), "#!/bin/sh\n", { mode: 0o700 });
      symlinkSync("server.js", join(folder, "link"));
      const lines = list(pack(folder).path).map((line) => line.replaceAll(/ +/g, " ").replace(/\d{4}-.*:\d\d /, ""));
      assert.deepEqual(lines, [
        "lrwxr-xr-x 0/0 0 link -> server.js",
        "-rwxr-xr-x 0/0 10 run",
        `-rw-r--r-- 0/0 ${String(statSync(join(fixture, "server.js")).size)} server.js`,
        `-rw-r--r-- 0/0 ${String(statSync(join(fixture, "static/style.css")).size)} static/style.css`,
      ]);
    });

    it("are others when a name, a content or what can be run changes", () => {
      const seen = new Set([pack(fixture).sha256]);
      const changes: readonly ((folder: string) => void)[] = [
        (folder) => appendFileSync(join(folder, "server.js"), "\n"),
        (folder) => writeFileSync(join(folder, "other"), ""),
        (folder) => chmodSync(join(folder, "server.js"), 0o755),
        (folder) => rmSync(join(folder, "static/style.css")),
      ];
      for (const change of changes) {
        const folder = copy();
        change(folder);
        seen.add(pack(folder).sha256);
      }
      assert.equal(seen.size, 1 + changes.length);
    });

    it("are written once, and never half", () => {
      const { path } = pack(fixture);
      writeFileSync(path, "kept");
      assert.equal(pack(fixture).path, path);
      assert.equal(readFileSync(path, "utf8"), "kept");
      assert.equal(statSync(cache).mode & 0o777, 0o700);
    });

    it("of hosts' programs hold what hosts run from the channel", () => {
      const { path } = packPrograms(root, cache);
      const lines = list(path);
      const names = lines.map((line) => line.split(" ").at(-1) ?? "");
      for (const [index, name] of names.entries()) {
        assert.match(lines[index] ?? "", name.endsWith(".py") ? /^-rw[x-]r-[x-]r-[x-] 0\/0 / : /^-rwxr-xr-x 0\/0 /);
        assert.ok(existsSync(join(root, "host", name)), name);
        assert.doesNotMatch(name, /tests|__pycache__|\.venv/);
      }
      for (const name of ["webinfra-host", "webinfra/__main__.py", "webinfra/sync.py", "bootstrap/drain"]) {
        assert.ok(names.includes(name), name);
      }
    });

    it("are refused of a folder that is not there, that is empty, or that is a file", () => {
      const empty = join(scratch, "empty");
      mkdirSync(join(empty, "inner"), { recursive: true });
      const file = join(fixture, "server.js");
      const missing = (at: string): string =>
        `webinfra:app.directory is "${at}": there is no such folder at ${at}: should be a folder with the application's files`;
      assert.throws(() => pack("/no/such"), new ConfigError([missing("/no/such")]));
      assert.throws(() => pack(file), new ConfigError([missing(file)]));
      assert.throws(
        () => pack(empty),
        new ConfigError([
          `webinfra:app.directory is "${empty}": the folder is empty: should hold the application's files`,
        ]),
      );
    });

    it("say how the sample application is built", () => {
      assert.throws(
        () => packRelease("app/dist", scratch, cache),
        new ConfigError([
          `webinfra:app.directory is "app/dist": there is no such folder at ${join(scratch, "app/dist")}: run npm run build:app, which makes it`,
        ]),
      );
    });
  });
});

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { parse } from "yaml";
import { checkPorts, mergeParts, PlacementConflict } from "../../cloudinit";
import { checkHosts, hostsImage } from "../../components/infrastructure";
import type { RawConfig } from "../../config/parse";
import { platformNames } from "../../platforms/schema";
import { presetNames } from "../../topology/schema";
import { drawPassword } from "../../provider/secrets/password";
import { makeAuthority, makeCertificate } from "../../provider/secrets/certificates";
import { place } from "../../topology/place";
import { platforms } from "../../platforms";
import {
  definitionOf,
  devConfig,
  devRawConfig,
  fakeSecrets,
  type HostView,
  secretFilesOf,
  userDataOf,
  viewsOf,
} from "../support/hosts";
import type { SecretTexts } from "../../core/secret";
import type { Parts } from "../../services/contract";

interface CloudConfig {
  readonly hostname: string;
  readonly fqdn: string;
  readonly ssh_pwauth: boolean;
  readonly disable_root: boolean;
  readonly packages?: unknown;
  readonly ssh_authorized_keys?: readonly string[];
  readonly runcmd: readonly (readonly string[])[];
  readonly write_files: readonly { readonly path: string; readonly permissions: string; readonly content: string }[];
}

/** The host's user-data, with all files of its definition beside those that come with it. */
function read(view: HostView): CloudConfig {
  const document = parse(userDataOf(view)) as CloudConfig;
  const defined = JSON.parse(definitionOf(view)) as readonly { path: string; mode: string; content: string }[];
  const files = defined.map(({ path, mode, content }) => ({ path, permissions: mode, content }));
  return { ...document, write_files: [...document.write_files, ...files] };
}
const stacks = presetNames.flatMap((topology) =>
  ["active-active", "active-passive"].map((balancing) => viewsOf(devConfig({ topology, balancing }))),
);

describe("cloud-init: the image that hosts start from", () => {
  const imageOf = (changes: RawConfig = {}): string => {
    const config = devConfig(changes);
    return hostsImage(config, place(config));
  };

  const withMysql = (changes: object): string =>
    JSON.stringify({ ...(JSON.parse(devRawConfig().mysql ?? "{}") as object), ...changes });

  it("is the same for every size of a site, and for all that configures hosts", () => {
    const image = imageOf();
    const same: readonly RawConfig[] = [
      { web: "5", replicas: "3" },
      { balancing: "active-passive" },
      { domain: "www.example.com" },
      { mysql: withMysql({ memoryMiB: 1024, settings: { max_connections: 300 } }) },
      { app: '{"directory":"tests/fixtures/app","environment":{"COLOUR":"blue"}}' },
      { image: '{"maxAgeDays":30}' },
    ];
    for (const changes of same) {
      assert.equal(imageOf(changes), image, JSON.stringify(changes));
    }
  });

  it("is another one for other packages or another source of them", () => {
    const texts = [
      imageOf(),
      imageOf({ app: '{"directory":"tests/fixtures/app","packages":["imagemagick"]}' }),
      imageOf({ mysql: "{}" }),
    ];
    assert.equal(new Set(texts).size, texts.length);
  });

  it("installs what every host of every stack lists, by the hosts' own steps, and holds no secret of theirs", () => {
    for (const views of stacks) {
      const { config, topology } = views[0] ?? assert.fail();
      const text = hostsImage(config, topology);
      const files = new Map((parse(text) as CloudConfig).write_files.map(({ path, content }) => [path, content]));
      const packages = files.get("/etc/webinfra/packages")?.split("\n") ?? [];
      for (const host of views.map(read)) {
        for (const { path, content } of host.write_files) {
          if (path === "/etc/webinfra/packages") {
            assert.deepEqual(
              content.split("\n").filter((name) => !packages.includes(name)),
              [],
            );
          }
          if (path.endsWith("/10-packages") || path.endsWith("/install-packages")) {
            assert.equal(files.get(path), content);
          }
        }
      }
      for (const secret of Object.values(fakeSecrets)) {
        if (typeof secret === "string") {
          assert.ok(!text.includes(secret));
        }
      }
      assert.ok(![...files.keys()].some((path) => path.includes("/secrets/")));
    }
  });
});

describe("cloud-init: as many hosts as there may be", () => {
  for (const platform of platformNames) {
    for (const topology of presetNames) {
      it(`fit, and one says as much as of two: ${topology} on ${platform}`, () => {
        const sizes = (web: string): number[] => {
          const config = devConfig({ platform, topology, web, appServers: web, replicas: "8" });
          checkHosts(config, place(config));
          return viewsOf(config)
            .filter(({ host }) => host.name.endsWith("-1"))
            .map((view) => userDataOf(view).length);
        };
        assert.deepEqual(sizes("100"), sizes("2"));
      });
    }
  }
});

describe("cloud-init: a host's user-data", () => {
  let hosts: readonly { readonly view: HostView; readonly text: string; readonly document: CloudConfig }[];
  before(() => {
    hosts = stacks.flat().map((view) => {
      const text = userDataOf(view);
      return { view, text, document: read(view) };
    });
  });

  it("is YAML that begins as cloud-init wants", () => {
    for (const { view, text, document } of hosts) {
      assert.ok(text.startsWith("#cloud-config\n"));
      const { hostname, fqdn, ssh_pwauth: passwords, disable_root: noRoot } = document;
      assert.deepEqual(
        { hostname, fqdn, passwords, noRoot },
        { hostname: view.host.name, fqdn: `${view.host.name}.webinfra.internal`, passwords: false, noRoot: true },
      );
    }
  });

  it("has absolute paths, each once, with modes in quotes", () => {
    for (const { document } of hosts) {
      const { write_files: files } = document;
      const paths = files.map(({ path }) => path);
      assert.equal(new Set(paths).size, paths.length);
      for (const { path, permissions, content } of files) {
        assert.ok(posix.isAbsolute(path) && posix.normalize(path) === path, path);
        // YAML would read 0644 without quotes as a number.
        assert.ok(["0600", "0644", "0755"].includes(permissions), path);
        assert.ok(
          content === "" || content.endsWith("\n") || path.includes("/secrets/") || path.endsWith(".http"),
          path,
        );
      }
    }
  });

  it("leaves packages to the unit that tries again, and does not wait for it", () => {
    for (const { document } of hosts) {
      const { packages, runcmd, write_files: files } = document;
      assert.equal(packages, undefined);
      const listed = files.find(({ path }) => path === "/etc/webinfra/packages")?.content ?? "";
      const lines = listed.trimEnd().split("\n");
      assert.deepEqual(lines, [...new Set(lines)].sort());
      for (const command of runcmd.filter((words) => words[0] === "systemctl" && words[1] === "start")) {
        assert.ok(command.includes("--no-block"));
      }
    }
  });

  it("reloads systemd once, and not each time that a unit is switched on or off", () => {
    for (const { document } of hosts) {
      const commands = [
        ...document.write_files.flatMap(({ content }) => content.split("\n")),
        ...document.runcmd.map((words) => words.join(" ")),
      ].filter((line) => /\bsystemctl\b.*\b(enable|disable|daemon-reload)\b/.test(line));
      assert.ok(commands.length > 3);
      // Where the definition is fetched, once all units are written.
      assert.deepEqual(
        commands.filter((line) => !line.includes("--no-reload")).map((line) => line.trim()),
        document.write_files.some(({ path }) => path.endsWith("/mount-data"))
          ? ["systemctl daemon-reload", "systemctl daemon-reload"]
          : ["systemctl daemon-reload"],
      );
    }
  });

  it("runs its steps in the order of their names, each a script with its interpreter", () => {
    for (const { document } of hosts) {
      const steps = document.write_files.filter(({ path }) => path.startsWith("/usr/local/lib/webinfra/steps.d/"));
      assert.ok(steps.length >= 4);
      for (const { path, permissions, content } of steps) {
        assert.match(path, /\/\d\d-[a-z-]+$/);
        assert.equal(permissions, "0755");
        assert.match(content, /^#!(\/bin\/sh|\/usr\/bin\/env bash)\n/);
      }
    }
  });

  it("keeps any text of the stack as it is: the comment of a key, and a password", () => {
    const special = fc.constantFrom('"', "\\", "'", "$", "`", "#", ":", "{", "%", " ");
    const unit = fc.oneof(special, fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }));
    const value = fc.string({ unit }).filter((text) => !/[^\P{Cc}\t]|[\u2028\u2029]/u.test(text));
    fc.assert(
      fc.property(value, (text) => {
        const publicKey = `ssh-ed25519 AAAA ${text}`;
        const ssh = JSON.stringify({ allowedCidrs: ["203.0.113.7/32"], publicKey });
        const views = viewsOf(devConfig({ platform: "digitalocean", ssh }), {
          ...fakeSecrets,
          "password app-password": text,
        });
        const web = read(views.find(({ host }) => host.name === "web-1") ?? assert.fail());
        assert.deepEqual(web.ssh_authorized_keys, [publicKey]);
        const file = web.write_files.find(({ path }) => path === "/etc/webinfra/app.env");
        assert.ok(file?.content.includes(`\nDATABASE_WRITE_PASSWORD="${text.replace(/[\\"]/g, "\\$&")}"\n`));
        const database = read(views.find(({ host }) => host.name === "db-1") ?? assert.fail());
        const password = database.write_files.find(({ path }) => path === "/etc/webinfra/secrets/app-password");
        assert.equal(password?.content, text);
      }),
      { numRuns: 30 },
    );
  });
});

describe("cloud-init: the budget", () => {
  let secrets: SecretTexts;
  before(async () => {
    // An ECMAScript module, which this one cannot require.
    const { generateX25519Identity } = await import("age-encryption");
    const authority = await makeAuthority({ commonName: "webinfra internal CA" });
    const certificate = (dnsNames: string[]) =>
      makeCertificate({
        caCertificate: authority.certificate,
        caKey: authority.key,
        commonName: dnsNames[0] ?? "",
        dnsNames,
      });
    const database = await certificate(["db.webinfra.internal", "*.webinfra.internal"]);
    const web = await certificate(["www.foobar.com"]);
    secrets = {
      "password app-password": drawPassword(32),
      "password replication-password": drawPassword(32),
      authority: authority.certificate,
      "certificate database-certificate": database.certificate,
      "key database-certificate": database.key,
      "certificate web-certificate": web.certificate,
      "key web-certificate": web.key,
      identity: await generateX25519Identity(),
      "given digitaloceanAddressToken": "address-token",
    };
  });

  // Half of what the smallest limit leaves: the other half is for what the product comes to need.
  const most = 8 * 1024;
  for (const platform of platformNames) {
    for (const topology of presetNames) {
      it(`holds on every host of ${topology} on ${platform}: at most ${String(most)} bytes compressed`, () => {
        const config = devConfig({ platform, topology, balancing: "active-passive", sticky: "true" });
        for (const view of viewsOf(config, secrets)) {
          const bytes = platforms.aws.traits.userData.size(userDataOf(view));
          assert.ok(bytes <= most, `${view.host.name}: ${String(bytes)}`);
        }
      });
    }
  }

  const sample = readFileSync(
    join(__dirname, "..", "golden", "dedicated-databases", "web-1", "etc/nginx/nginx.conf"),
    "utf8",
  );

  it("goes to aws as gzip in base64 that any reader opens, and the gzip is what counts", () => {
    const bytes = Buffer.from(platforms.aws.traits.userData.encode(sample), "base64");
    assert.equal(gunzipSync(bytes).toString("utf8"), sample);
    assert.equal(platforms.aws.traits.userData.size(sample), bytes.length);
    // No time and no name in the header (RFC 1952).
    assert.deepEqual([...bytes.subarray(0, 8)], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
  });

  it("goes to digitalocean as a MIME message that Python's reader opens, all of which counts", () => {
    const message = platforms.digitalocean.traits.userData.encode(sample);
    assert.equal(platforms.digitalocean.traits.userData.size(sample), Buffer.byteLength(message));
    const program =
      "import email, gzip, sys; part, = email.message_from_file(sys.stdin).get_payload(); " +
      "assert part.get_content_type() == 'application/gzip'; sys.stdout.write(gzip.decompress(part.get_payload(decode=True)).decode())";
    const { stdout, stderr } = spawnSync("python3", ["-c", program], { input: message, encoding: "utf8" });
    assert.equal(stdout, sample, stderr);
  });

  it("goes to incus as it is", () => assert.equal(platforms.incus.traits.userData.encode(sample), sample));

  it("has bytes that depend on the text alone", () => {
    assert.equal(
      Buffer.from(
        platforms.aws.traits.userData.encode("#cloud-config\nhostname: web-1\n".repeat(20)),
        "base64",
      ).toString("hex"),
      "1f8b0800000000000203534ecec92f4dd14dcecf4bcb4ce7cac82f2ec94bcc4db552284f4dd235e41a951d95254f1600f17eb54558020000",
    );
  });
});

describe("cloud-init: secrets that come through the channel", () => {
  const views = viewsOf(devConfig({ platform: "aws", topology: "primary-replica-pair" }));
  const written = (text: string): readonly { readonly path: string; readonly permissions: string }[] =>
    (parse(text) as { readonly write_files: readonly { readonly path: string; readonly permissions: string }[] })
      .write_files;

  it("are in no user-data, and in no other file", () => {
    for (const view of views) {
      const text = userDataOf(view);
      for (const secret of ["fake-app-password", "fake-replication-password", "PRIVATE KEY", "AGE-SECRET-KEY"]) {
        assert.ok(!text.includes(secret), `${view.host.name}: ${secret}`);
      }
      const paths = written(text).map(({ path }) => path);
      for (const { path, mode } of secretFilesOf(view)) {
        assert.equal(mode, "0600");
        assert.ok(!paths.includes(path), path);
      }
    }
  });

  it("are fetched before anything that reads them, with the hash of what is to come", () => {
    const view = views.find(({ host }) => host.roles.includes("database"))!;
    assert.deepEqual(
      secretFilesOf(view).map(({ path }) => path),
      [
        "/etc/webinfra/app.env",
        "/etc/webinfra/secrets/app-password",
        "/etc/webinfra/secrets/replication-password",
        "/etc/webinfra/secrets/sealing-key",
        "/etc/webinfra/secrets/server.key",
        "/etc/webinfra/secrets/web.key",
      ],
    );
    const steps = read(view)
      .write_files.map(({ path }) => path)
      .filter((path) => path.includes("/steps.d/"))
      .sort();
    const at = (name: string): number => {
      const found = steps.findIndex((path) => path.endsWith(`-${name}`));
      assert.ok(found >= 0, name);
      return found;
    };
    assert.ok(at("secrets") < at("settings") && at("settings") < at("mysql-data"));
    assert.ok(definitionOf(view).includes(`fetch-files secrets/${view.host.name}.json ${view.secretsSha256} `));
  });

  it("come with user-data elsewhere, in files that only root can read", () => {
    for (const view of viewsOf(devConfig({ platform: "digitalocean" }))) {
      const files = written(userDataOf(view));
      for (const { path } of secretFilesOf(view)) {
        assert.equal(files.find((file) => file.path === path)?.permissions, "0600");
      }
      assert.ok(!files.some(({ path }) => path.endsWith("fetch-secrets")));
    }
  });
});

describe("cloud-init: what two roles of one host cannot both have", () => {
  const file = (content: string, mode: "0600" | "0644" = "0644"): Partial<Parts> => ({
    files: [{ path: "/etc/x", content, mode }],
  });
  const merged = (...parts: readonly Partial<Parts>[]) => mergeParts("web-1", parts, ["b", "a", "b"]);

  it("is different content at one path", () => {
    assert.throws(
      () => merged(file("a"), file("b")),
      new PlacementConflict("web-1: two of its roles want different content at /etc/x: place them on different hosts"),
    );
  });

  it("is another mode at one path", () => {
    assert.throws(() => merged(file("a"), file("a", "0600")), PlacementConflict);
  });

  it("is another step of one name", () => {
    const step = (script: string): Partial<Parts> => ({
      steps: [{ phase: "begin", name: "x", doing: "beginning", script }],
    });
    assert.throws(
      () => merged(step("a"), step("b")),
      new PlacementConflict(
        "web-1: two of its roles want different content at /usr/local/lib/webinfra/steps.d/00-x: place them on different hosts",
      ),
    );
  });

  it("is one port", () => {
    const port = (description: string) => ({ port: 80, protocol: "tcp", from: "world", description }) as const;
    assert.throws(
      () => checkPorts("web-1", [port("users' HTTP"), port("Nginx")]),
      new PlacementConflict(
        'web-1: port 80 is wanted twice, for "users\' HTTP" and for "Nginx": place those roles on different hosts',
      ),
    );
  });

  it("is not the very same file, nor a package", () => {
    assert.deepEqual(merged(file("a"), file("a")), [
      { path: "/etc/webinfra/packages", content: "a\nb\n", mode: "0644" },
      { path: "/etc/x", content: "a", mode: "0644" },
    ]);
  });
});

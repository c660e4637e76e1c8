/**
 * What is rendered for the hosts of `Pulumi.dev.yaml`, checked by the very programs that read it, in one container made for it.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { parse } from "yaml";
import { packPrograms } from "../../components/archive";
import { parseHostSettings, writeHostPointer } from "../../core/protocol";
import { hostsImage } from "../../components/infrastructure";
import { platformNames } from "../../platforms/schema";
import { presetNames } from "../../topology/schema";
import { appProxyPort } from "../../core/ports";
import { settingsText } from "../../roles/settings";
import { balancer } from "../../services/haproxy";
import { proxy } from "../../services/local-proxy";
import { exec, PROJECT } from "../../provider/incus";
import { POOL } from "../../provider/incus/client";
import { parseRoutes, pickSubnet } from "../../provider/incus/subnet";
import type { HostFile } from "../../services/contract";
import { place } from "../../topology/place";
import type { TopologyHost } from "../../topology/types";
import { definitionOf, devConfig, filesOf, secretFilesOf, userDataOf, viewsOf } from "../support/hosts";

interface CloudConfig {
  readonly write_files: readonly {
    readonly path: string;
    readonly permissions: HostFile["mode"];
    readonly content: string;
  }[];
}

const execute = promisify(execFile);

/** Runs a command with no input: incus would wait for some. */
async function run(command: string, args: readonly string[]): Promise<string> {
  const running = execute(command, args, { timeout: 120_000 });
  running.child.stdin?.end();
  return (await running).stdout;
}

const id = randomBytes(3).toString("hex");
const machine = `webinfra-tools-${id}`;
const network = `webinfra-${id}`;

const incus = async (...args: string[]): Promise<string> => run("incus", ["--project", PROJECT, ...args]);

/** Runs a shell script in the container; its output is the error when it fails. */
async function shell(script: string, timeoutMs = 300_000): Promise<string> {
  const { code, stdout, stderr } = await exec(machine, ["bash", "-euc", script], { timeoutMs });
  assert.equal(code, 0, `exit code ${String(code)} of: ${script}\n${stdout}\n${stderr}`);
  return stdout + stderr;
}

describe("real tools", function () {
  this.timeout(300_000);

  let scratch: string;
  /** The hosts on every platform, and the image that they start from. */
  let everywhere: readonly { readonly name: string; readonly userData: string; readonly files: readonly HostFile[] }[];

  const filesWith = (role: TopologyHost["roles"][number]): readonly HostFile[] => {
    const found = viewsOf(devConfig()).find(({ host }) => host.roles.includes(role));
    assert.ok(found, `no host has the role ${role}`);
    return filesOf(found);
  };

  /** Puts a host's files into the container, where the host has them. */
  async function install(files: readonly HostFile[]): Promise<void> {
    const tree = await mkdtemp(join(scratch, "tree-"));
    for (const file of files) {
      const path = join(tree, file.path);
      await mkdir(dirname(path), { recursive: true, mode: 0o755 });
      await writeFile(path, file.content, { mode: Number.parseInt(file.mode, 8) });
    }
    const archive = `${tree}.tar`;
    await run("tar", ["-C", tree, "--owner=0", "--group=0", "--no-overwrite-dir", "-cf", archive, "."]);
    await incus("file", "push", "--quiet", archive, `${machine}/root/tree.tar`);
    await shell("tar -xf /root/tree.tar -C / --no-overwrite-dir");
  }

  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), "webinfra-tools-"));
    const config = devConfig();
    const image = hostsImage(config, place(config));
    const imageFiles = (parse(image) as CloudConfig).write_files.map(({ path, content, permissions: mode }) => ({
      path,
      content,
      mode,
    }));
    everywhere = [
      ...platformNames.flatMap((platform) =>
        viewsOf(devConfig({ platform })).map((view) => ({
          name: `${platform}-${view.host.name}`,
          userData: userDataOf(view),
          files: filesOf(view),
        })),
      ),
      { name: "image", userData: image, files: imageFiles },
    ];

    const gateway = pickSubnet(parseRoutes(await readFile("/proc/net/route", "utf8"))).replace(/\.0\//, ".1/");
    const settings = [`ipv4.address=${gateway}`, "ipv4.nat=true", "ipv6.address=none"];
    await run("incus", ["network", "create", network, ...settings, "--quiet"]);
    await incus("init", "webinfra-debian-13", machine, "--storage", POOL, "--network", network, "--quiet");
    await incus("start", machine);
    await shell("cloud-init status --wait >/dev/null || [ $? -eq 2 ]");
    // Nothing is to run here.
    await shell("printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d && chmod 0755 /usr/sbin/policy-rc.d");
    await install(filesWith("loadBalancer"));
    await shell("/usr/local/lib/webinfra/install-packages");
    await install(filesWith("webServer"));
    await shell("/usr/local/lib/webinfra/install-packages");
    await shell("/usr/local/lib/webinfra/steps.d/02-identify");
    // The programs that hosts fetch from the channel.
    const hostPackage = packPrograms(join(__dirname, "..", ".."), scratch);
    await incus(
      "file",
      "push",
      "--quiet",
      "--create-dirs",
      hostPackage.path,
      `${machine}/root/packages/${hostPackage.sha256}.tar.gz`,
    );
    const pointer = writeHostPointer(hostPackage.sha256);
    const launcherSettings = '{"name": "web-1", "port": 9000, "directory": "/root"}';
    await shell(
      `mkdir -p /root/pointers && echo '${pointer}' >/root/pointers/host.json && echo '${launcherSettings}' >/etc/webinfra/launcher.json`,
    );
    await shell("/usr/local/lib/webinfra/launcher install");
  });

  after(async () => {
    await incus("delete", "--force", machine).catch(() => "it was not made");
    await run("incus", ["network", "delete", network]).catch(() => "it was not made");
    await rm(scratch, { recursive: true, force: true });
  });

  it("cloud-init: every host's user-data fits its schema", async () => {
    for (const { name, userData } of everywhere) {
      const path = join(scratch, `${name}.yaml`);
      await writeFile(path, userData);
      await incus("file", "push", "--quiet", path, `${machine}/root/${name}.yaml`);
      const said = await shell(`cloud-init schema --config-file /root/${name}.yaml`);
      assert.match(said, /Valid schema/, name);
      assert.doesNotMatch(said, /deprecat/i, name);
    }
  });

  it("haproxy -c: the balancer", async () => {
    await install(filesWith("loadBalancer"));
    const said = await shell("MACHINE_ID=m /usr/sbin/haproxy -c -f /etc/haproxy/haproxy.cfg");
    assert.doesNotMatch(said, /ALERT/);
  });

  it("haproxy -c: the local proxy", async () => {
    await install(filesWith("webServer"));
    await shell("mkdir -p /var/lib/webinfra && printf 'blue none\\ngreen none\\n' >/var/lib/webinfra/releases.map");
    const said = await shell("PRIVATE_ADDRESS=10.77.0.9 /usr/sbin/haproxy -c -f /etc/webinfra/proxy.cfg");
    assert.doesNotMatch(said, /ALERT/);
  });

  it("haproxy: takes and gives up the servers of every role while it runs", async () => {
    await incus("file", "push", "--quiet", join(__dirname, "..", "support", "keep.py"), `${machine}/root/keep.py`);
    await shell("mkdir -p /run/haproxy /run/webinfra-proxy");
    const changes: readonly Readonly<Record<string, string>>[] = [
      ...presetNames.map((topology) => ({ topology })),
      { algorithm: "source" },
      { algorithm: "leastconn", sticky: "true" },
      { balancing: "active-passive" },
    ];
    const seen = new Set<string>();
    for (const view of changes.flatMap((change) => viewsOf(devConfig(change)))) {
      const files = filesOf(view);
      for (const place of [balancer, proxy]) {
        const config = files.find(({ path }) => path === place.config)?.content;
        if (config === undefined || seen.has(config)) {
          continue;
        }
        seen.add(config);
        await install(files);
        await shell(
          `PYTHONPATH=/usr/local/lib/webinfra/current /usr/bin/python3 /root/keep.py ${place.config} ${place.socket}`,
        );
      }
    }
    assert.ok(seen.size > 8, String(seen.size));
  });

  it("haproxy: a local proxy that has just started calls no application healthy that was not checked", async () => {
    await install(filesWith("webServer"));
    await incus("file", "push", "--quiet", join(__dirname, "..", "support", "late.py"), `${machine}/root/late.py`);
    const said = await shell(`
      mkdir -p /run/webinfra-proxy /var/lib/webinfra
      printf 'blue none\\ngreen none\\n' >/var/lib/webinfra/releases.map
      rm -f /root/answer
      /usr/bin/python3 /root/late.py ${String(devConfig().app.port)} /root/answer & late=$!
      until (: </dev/tcp/127.0.0.1/${String(devConfig().app.port)}) 2>/dev/null; do kill -0 $late; sleep 0.02; done
      PRIVATE_ADDRESS=10.77.0.9 /usr/sbin/haproxy -f /etc/webinfra/proxy.cfg & proxy=$!
      trap 'kill $late $proxy; wait' EXIT
      ask() { curl --silent --max-time 5 --output /dev/null --write-out '%{http_code}\\n' http://127.0.0.1:${String(appProxyPort)}/-/app; }
      until first=$(ask); do kill -0 $proxy; sleep 0.02; done
      echo "first $first"
      touch /root/answer
      for _ in $(seq 300); do [ "$(ask)" != 200 ] || break; sleep 0.1; done
      echo "then $(ask)"
    `);
    assert.match(said, /^first 503$/m);
    assert.match(said, /^then 200$/m);
  });

  it("nginx -t: the web server", async () => {
    await install(filesWith("webServer"));
    const said = await shell("/usr/sbin/nginx -t");
    assert.match(said, /test is successful/);
    assert.doesNotMatch(said, /\[warn\]/);
  });

  it("logrotate: access logs", async () => {
    for (const [role, name] of [
      ["webServer", "nginx"],
      ["loadBalancer", "webinfra-haproxy"],
    ] as const) {
      await install(filesWith(role));
      await shell("systemd-tmpfiles --create /etc/tmpfiles.d/webinfra-*.conf");
      const said = await shell(`logrotate --debug /etc/logrotate.d/${name}`);
      assert.match(said, /log files >= 67108864 are rotated earlier, \(7 rotations\)/);
      assert.doesNotMatch(said, /error|unknown|ignoring/i);
    }
    const said = await shell("stat -c %a:%U:%G /var/log/nginx/access.log /var/log/haproxy");
    assert.equal(said, "640:www-data:adm\n750:haproxy:adm\n");
  });

  it("resize2fs: a data volume's file system takes what the volume has grown by, and stays as it is else", async () => {
    const script = await readFile(join(__dirname, "..", "..", "host", "bootstrap", "mount-data"), "utf8");
    // Clouds' images have it.
    await shell("/usr/local/lib/webinfra/install-packages e2fsprogs");
    // Containers may not mount devices: this one passes for mounted, and is a file.
    await install([
      { path: "/root/volume/mount-data", content: script, mode: "0755" },
      { path: "/root/volume/bin/mountpoint", content: "#!/bin/sh\nexit 0\n", mode: "0755" },
    ]);
    const said = await shell(`cd /root/volume && PATH=/root/volume/bin:$PATH
      boot() {
        ./mount-data /root/volume/device /var/lib/mysql >/dev/null 2>&1
        dumpe2fs -h device 2>/dev/null | sed -n 's/^Block count: *//p'
      }
      truncate -s 64M device && mkfs.ext4 -q -b 4096 device
      boot
      truncate -s 128M device
      boot
      boot`);
    assert.equal(said, "16384\n32768\n32768\n");
  });

  // After HAProxy's: the packages of MySQL's source may bring a newer C library.
  it("mysqld --validate-config: the database's settings", async () => {
    const view = viewsOf(devConfig()).find(({ host }) => host.roles.includes("database"));
    const settings = view && parseHostSettings(settingsText(view.host.name, view, null));
    assert.ok(settings?.ok === true && settings.value.database !== null);
    // As the host's own program writes them (host/webinfra/live_settings.py).
    const lines = Object.entries(settings.value.database.variables).map(([name, value]) => `${name} = ${value}\n`);
    const path = "/etc/mysql/mysql.conf.d/zzy-webinfra-settings.cnf";
    await install([...filesWith("database"), { path, content: `[mysqld]\n${lines.join("")}`, mode: "0644" }]);
    await shell("mkdir -p /var/lib/mysql && mount -t tmpfs tmpfs /var/lib/mysql");
    await shell(
      'for step in /usr/local/lib/webinfra/steps.d/*-mysql-data /usr/local/lib/webinfra/steps.d/*-mysql-source; do "$step"; done',
    );
    await shell("/usr/local/lib/webinfra/install-packages");
    const said = await shell("/usr/sbin/mysqld --validate-config --user=mysql");
    // What needs a plugin is prefixed with loose_, and is unknown while plugins are not loaded.
    assert.doesNotMatch(said, /\[ERROR\]|deprecated/i);
  });

  it("systemd-analyze verify: every unit", async () => {
    for (const { files } of everywhere) {
      await install(files);
    }
    const said = await shell(
      "cd /etc/systemd/system && systemd-analyze verify --man=no --recursive-errors=no webinfra-*.service webinfra-*.socket logrotate.timer haproxy.service nginx.service",
    );
    assert.doesNotMatch(
      said,
      /(webinfra|logrotate|haproxy|nginx)[a-z@.-]*(\.d\/webinfra\.conf)?:.*(Unknown|Failed|ordering cycle)/,
    );
  });

  it("python and bash: every script parses", async () => {
    for (const { files } of everywhere) {
      await install(files);
    }
    await shell(
      'for file in /usr/local/lib/webinfra/* /usr/local/lib/webinfra/steps.d/*; do [ -f "$file" ] || continue; ' +
        'case $(head -n 1 "$file") in *python3*) python3 -m py_compile "$file" ;; *bash) bash -n "$file" ;; *sh) sh -n "$file" ;; ' +
        '*) echo "$file: no interpreter"; exit 1 ;; esac; done',
    );
  });

  it("rclone: secrets come through the channel as an AWS host fetches them, to root alone, and not when somebody changed them", async () => {
    const view = viewsOf(devConfig({ platform: "aws" })).find(({ host }) => host.roles.includes("database"));
    assert.ok(view);
    const text = JSON.stringify(secretFilesOf(view).map(({ path, content, mode }) => ({ path, content, mode })));
    const secretsSha256 = createHash("sha256").update(text).digest("hex");
    await install(filesOf({ ...view, secretsSha256 }));
    const key = `/root/channel/secrets/${view.host.name}.json`;
    const fetch = "/usr/local/lib/webinfra/steps.d/05-secrets";
    await shell(
      `install -d -m 0700 /etc/webinfra/secrets; mkdir -p "$(dirname ${key})"; echo ${Buffer.from(text).toString("base64")} | base64 -d >${key}
       printf '[channel]\ntype = alias\nremote = /root/channel\n' >/etc/webinfra/rclone.conf`,
    );
    const said = await shell(fetch);
    for (const { path, content } of secretFilesOf(view)) {
      assert.equal(await shell(`stat -c %a:%U ${path}; cat ${path}`), `600:root\n${content}`, path);
      assert.ok(!said.includes(content), `${path} was printed`);
    }
    const path = "/etc/webinfra/secrets/app-password";
    await shell(`rm /etc/webinfra/secrets/fetched; sed -i s/fake/other/g ${key}; ! ${fetch}`);
    assert.equal(await shell(`cat ${path}`), view.secrets["password app-password"]);
    await shell(`rm -r /root/channel; echo ${secretsSha256} >/etc/webinfra/secrets/fetched; ${fetch}`);
  });

  it("rclone: a host fetches its definition with its modes, once, and no other than the one that user-data names", async () => {
    const [view] = viewsOf(devConfig({ platform: "aws" }));
    assert.ok(view);
    const defined = filesOf(view).filter(({ boot, secret }) => boot !== true && secret !== true);
    const { write_files: sent } = parse(userDataOf(view)) as CloudConfig;
    const script = sent.find(({ path }) => path === "/usr/local/lib/webinfra/definition");
    assert.ok(script);
    const key = / (definitions\/\S+) /.exec(script.content)?.[1];
    assert.ok(key);
    await install(filesOf(view).filter(({ boot }) => boot === true));
    await install([script].map(({ path, content, permissions: mode }) => ({ path, content, mode })));
    const text = Buffer.from(definitionOf(view)).toString("base64");
    await shell(
      `mkdir -p "$(dirname /root/channel/${key})"; echo ${text} | base64 -d >/root/channel/${key}
       printf '[channel]\ntype = alias\nremote = /root/channel\n' >/etc/webinfra/rclone.conf
       rm -f /var/lib/webinfra/definition ${defined.map(({ path }) => `'${path}'`).join(" ")}`,
    );
    const fetch = "/usr/local/lib/webinfra/definition";
    // systemd hears of it also when the first try ended before that.
    const systemctl = [
      "#!/bin/sh",
      '[ "$1" = daemon-reload ] || exec /usr/bin/systemctl "$@"',
      "[ ! -e /root/broken ] || exit 1",
      "echo reloads",
    ].join("\n");
    await shell(
      `mkdir -p /root/stand-in; echo ${Buffer.from(systemctl).toString("base64")} | base64 -d >/root/stand-in/systemctl
       chmod +x /root/stand-in/systemctl; touch /root/broken`,
    );
    const watched = `PATH=/root/stand-in:$PATH ${fetch}`;
    await shell(`! ${watched}`);
    assert.match(await shell(`rm /root/broken; ${watched}`), /^reloads$/m);
    assert.doesNotMatch(await shell(`${watched}; rm -r /root/stand-in`), /reloads/);
    const listed = defined.map(({ path, mode }) => `${mode.slice(1)} root ${path}\n`).join("");
    const found = await shell(`stat -c '%a %U %n' ${defined.map(({ path }) => `'${path}'`).join(" ")}`);
    assert.equal(found, listed);
    // At the next boot the channel is not asked.
    await shell(`mv /root/channel/${key} /root/channel/away; ${fetch}`);
    const said = await shell(
      `rm /var/lib/webinfra/definition; mv /root/channel/away /root/channel/${key}; echo >>/root/channel/${key}; ! ${fetch}`,
    );
    assert.match(said, /checksum did NOT match/);
    await shell("rm -r /root/channel");
  });

  it("systemd: a MySQL of another series is refused, and does not start at the next boot on data that it has not served", async () => {
    await install(filesWith("database"));
    const step = "/usr/local/lib/webinfra/steps.d/11-mysql-series";
    const unit = "/etc/systemd/system/mysql.service";
    const note = "/var/lib/webinfra/mysql-installed";
    const mysqld = '#!/bin/sh\necho "/usr/sbin/mysqld  Ver 10.1.2 for Linux on x86_64"\n';
    await shell(
      `mkdir -p /root/other /var/lib/webinfra; echo ${Buffer.from(mysqld).toString("base64")} | base64 -d >/root/other/mysqld
       chmod +x /root/other/mysqld
       printf '[Service]\nExecStart=/usr/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n' >${unit}
       rm -f ${unit}.d/webinfra.conf; touch ${note}; systemctl daemon-reload; systemctl --quiet enable --now mysql.service`,
    );
    const refused = `said=$(PATH=/root/other:$PATH ${step} 2>&1) && exit 1; echo "$said"; systemctl is-enabled mysql.service || true; systemctl is-active mysql.service || true`;
    assert.match(
      await shell(refused),
      /^MySQL 10\.1\.2 was installed, and webinfra is tested with .*\nenabled\nactive\n$/,
    );
    assert.match(await shell(`rm ${note}; ${refused}`), /\ndisabled\ninactive\n$/);
    await shell(`rm -r /root/other ${unit}; systemctl daemon-reload`);
  });

  it("rclone: every platform's channel is one that it can be asked for", async () => {
    for (const platform of platformNames) {
      const [view] = viewsOf(devConfig({ platform }));
      assert.ok(view);
      await install(filesOf(view));
      assert.match(await shell("rclone --config /etc/webinfra/rclone.conf listremotes"), /^channel:$/m);
      // Names each section's type, or says why it cannot.
      const dump = JSON.parse(await shell("rclone --config /etc/webinfra/rclone.conf config dump")) as Record<
        string,
        unknown
      >;
      assert.deepEqual(Object.keys(dump).sort(), platform === "incus" ? ["channel"] : ["channel", "store"]);
    }
  });
});

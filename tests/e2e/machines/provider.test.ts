import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { LocalWorkspace, PulumiCommand, type Stack } from "@pulumi/pulumi/automation";
import {
  deleteInstance,
  deleteNetwork,
  deleteVolume,
  exec,
  IncusClient,
  listInstances,
  listNetworks,
  listOrphans,
  listVolumes,
  networkName,
  stackSlug,
  volumeName,
} from "../../../provider/incus";
import { makeNetwork } from "../../../provider/incus/network";
import * as sdk from "../../../provider/sdk";
import { quietContext } from "../../support/context";

const SECRET = "only-for-root-71c2";
const userData = (content: string): string =>
  `#cloud-config\nwrite_files:\n  - {path: /root/secret, permissions: "0600", content: "${SECRET} ${content}"}\n`;

/** What a test varies of the small site that all tests share. */
interface Variant {
  /** What web-1's user-data writes. */
  readonly content?: string;
  readonly image?: string;
  readonly startTimeoutSeconds?: number;
  readonly web?: boolean;
  readonly webUsesVolume?: boolean;
  readonly takenCidr?: string;
  readonly retain?: boolean;
}

describe("provider on Incus", function () {
  this.timeout(180_000);

  const name = `t${randomBytes(3).toString("hex")}`;
  const client = new IncusClient();
  const output: string[] = [];
  let directory: string;
  let channel: string;
  let stack: Stack;

  const program = (variant: Variant) => async () => {
    const network = new sdk.Network("network", { name: networkName(name), stack: name });
    if (variant.takenCidr !== undefined) {
      new sdk.Network(
        "taken",
        { name: `webinfra-${name.slice(-6)}`, stack: name, cidr: variant.takenCidr },
        { dependsOn: network },
      );
    }
    const volume = new sdk.Volume(
      "db-1-data",
      { name: volumeName(name, "db-1", "data"), stack: name, host: "db-1" },
      { retainOnDelete: variant.retain ?? false },
    );
    const machine = (host: string, content: string, withVolume: boolean) =>
      new sdk.Machine(host, {
        host,
        stack: name,
        roles: ["database"],
        image: variant.image ?? "webinfra-debian-13",
        network: network.network,
        userData: userData(content),
        channel,
        ...(withVolume ? { volumes: [{ name: volume.volume, path: "/var/lib/data" }] } : {}),
        ...(variant.startTimeoutSeconds === undefined ? {} : { startTimeoutSeconds: variant.startTimeoutSeconds }),
        stopTimeoutSeconds: 10,
      });
    const database = machine("db-1", "one", true);
    new sdk.ChannelObject("db-1-inventory", {
      directory: channel,
      key: database.machine.apply((id) => `inventory/${id}.json`),
      content: database.address,
    });
    if (variant.web === true) {
      machine("web-1", variant.content ?? "one", variant.webUsesVolume ?? false);
    }
    return Promise.resolve({ machine: database.machine, address: database.address, cidr: network.cidr });
  };

  const onOutput = (text: string): void => void output.push(text);
  const up = async (
    variant: Variant = {},
  ): Promise<{ machine: string; address: string; cidr: string; steps: string[] }> => {
    const steps: string[] = [];
    const result = await stack.up({
      program: program(variant),
      onOutput,
      onEvent: ({ resourcePreEvent }) => {
        const step = resourcePreEvent?.metadata;
        if (step?.type === "webinfra:incus:Machine" && step.op !== "same") {
          steps.push(`${step.op} ${step.urn.split("::").at(-1) ?? ""}`);
        }
      },
    });
    const read = (key: string): string => String(result.outputs[key]?.value);
    return { machine: read("machine"), address: read("address"), cidr: read("cidr"), steps };
  };
  const failingUp = async (variant: Variant): Promise<string> => {
    try {
      await up(variant);
    } catch (error) {
      return String(error);
    }
    throw new assert.AssertionError({ message: "the update was expected to fail" });
  };
  const previewOps = async (variant: Variant = {}): Promise<object> =>
    (await stack.preview({ program: program(variant), onOutput })).changeSummary;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "webinfra-provider-"));
    channel = join(directory, "channel");
    const provider = resolve(__dirname, "../../../provider");
    await writeFile(
      join(directory, "Pulumi.yaml"),
      `name: webinfra\nruntime: nodejs\nplugins:\n  providers:\n    - {name: webinfra, path: ${JSON.stringify(provider)}}\n`,
    );
    const root = join(process.env["PULUMI_HOME"] ?? join(homedir(), ".pulumi"), "versions", "3.256.0");
    stack = await LocalWorkspace.createStack(
      { stackName: name, projectName: "webinfra", program: program({}) },
      {
        workDir: directory,
        // A home of its own: selecting a stack here must not switch the user's.
        pulumiHome: join(directory, "home"),
        ...(existsSync(root) ? { pulumiCommand: await PulumiCommand.get({ root, skipVersionCheck: true }) } : {}),
        envVars: {
          PULUMI_BACKEND_URL: `file://${directory}`,
          PULUMI_CONFIG_PASSPHRASE: "only for this test",
          PULUMI_SKIP_UPDATE_CHECK: "true",
        },
      },
    );
    await mkdir(channel, { mode: 0o755 });
  });

  afterEach(function () {
    if (this.currentTest?.state === "failed") {
      console.error(output.slice(-80).join(""));
    }
  });

  after(async () => {
    // Whatever the tests left, known to the state or not.
    for (const instance of await listInstances(name, client)) {
      await deleteInstance(instance.name, { stopTimeoutSeconds: 0 }, client);
    }
    for (const volume of await listVolumes(name, client)) {
      await deleteVolume(volume.name, client);
    }
    for (const network of await listNetworks(name, client)) {
      await deleteNetwork(network.name, client);
    }
    await rm(directory, { recursive: true, force: true });
  });

  it("creates nothing and says what to do when Incus is not there", async () => {
    const socket = join(directory, "no.socket");
    stack.workspace.envVars["INCUS_SOCKET"] = socket;
    try {
      assert.match(
        await failingUp({}),
        new RegExp(`Incus is not running or not installed \\(nothing answers at ${socket}\\): run \`npm run setup\``),
      );
    } finally {
      delete stack.workspace.envVars["INCUS_SOCKET"];
    }
    assert.deepEqual(await listNetworks(name, client), []);
  });

  it("creates no machine when the image is unknown", async () => {
    assert.match(
      await failingUp({ image: "webinfra-none" }),
      /db-1: Incus has no image "webinfra-none" in its project webinfra: run `npm run setup`/,
    );
    assert.deepEqual(await listInstances(name, client), []);
  });

  it("keeps a half-made machine in the state, and the next update finishes it", async () => {
    const error = await failingUp({ startTimeoutSeconds: 0.05 });
    assert.match(
      error,
      /db-1: the machine webinfra-\S+ (did not start|has no IPv4 address) within 0\.05 s \(startTimeoutSeconds\)/,
    );
    const [half] = await listInstances(name, client);
    assert.equal(half?.complete, false);
    const { machine, steps } = await up();
    assert.equal(machine, half.name);
    assert.deepEqual(steps, ["update db-1"]);
    assert.equal((await listInstances(name, client))[0]?.complete, true);
  });

  it("has made a machine that runs its user-data, with an address in the network", async () => {
    const { machine, address, cidr } = await up();
    assert.match(machine, new RegExp(`^webinfra-${stackSlug(name)}-db-1-[a-z0-9]{6}$`));
    assert.equal(address.split(".").slice(0, 3).join("."), cidr.split(".").slice(0, 3).join("."));
    await exec(machine, ["cloud-init", "status", "--wait"], {}, client);
    assert.deepEqual(await exec(machine, ["cat", "/root/secret"], {}, client), {
      code: 0,
      stdout: `${SECRET} one`,
      stderr: "",
    });
    assert.equal((await exec(machine, ["cat", "/var/lib/cloud/data/instance-id"], {}, client)).stdout.trim(), machine);
    assert.equal(
      (await exec(machine, ["cat", `/var/lib/webinfra-channel/inventory/${machine}.json`], {}, client)).stdout,
      address,
    );
    assert.notEqual((await exec(machine, ["touch", "/var/lib/webinfra-channel/x"], {}, client)).code, 0);
    assert.equal((await exec(machine, ["sh", "-c", "echo kept > /var/lib/data/kept; exit 3"], {}, client)).code, 3);
    const stored = join(directory, ".pulumi", "stacks", "webinfra", `${name}.json`);
    assert.ok(!(await readFile(stored, "utf8")).includes(SECRET), "the state shows user-data in plain text");
    assert.ok(!output.join("").includes(SECRET), "the output shows user-data");
  });

  it("shows no change when nothing changed", async () => {
    assert.deepEqual(await previewOps(), { same: 5 });
  });

  it("starts a machine again that somebody stopped", async () => {
    const [before] = await listInstances(name, client);
    await client.change("PUT", `/1.0/instances/${before!.name}/state`, { action: "stop", force: true });
    await stack.refresh({ onOutput });
    const { machine, steps } = await up();
    assert.equal(machine, before!.name);
    assert.deepEqual(steps, ["update db-1"]);
    assert.equal((await listInstances(name, client))[0]?.status, "Running");
  });

  it("finishes a machine that came up after the update that made it was killed", async () => {
    const [before] = await listInstances(name, client);
    await client.change("PATCH", `/1.0/instances/${before!.name}`, { config: { "user.webinfra.complete": "" } });
    await stack.refresh({ onOutput });
    const { machine, steps } = await up();
    assert.equal(machine, before!.name);
    assert.deepEqual(steps, ["update db-1"]);
    assert.equal((await listInstances(name, client))[0]?.complete, true);
  });

  it("makes a half-made machine once more under its name when it cannot be started", async () => {
    const [before] = await listInstances(name, client);
    const path = `/1.0/instances/${before!.name}`;
    await client.change("PUT", `${path}/state`, { action: "stop", force: true });
    await client.change("PATCH", path, {
      config: { "user.webinfra.complete": "", "raw.lxc": "lxc.init.cmd = /missing" },
    });
    await stack.refresh({ onOutput });
    const { machine, steps } = await up();
    assert.equal(machine, before!.name);
    assert.deepEqual(steps, ["update db-1"]);
    assert.equal((await exec(machine, ["cat", "/var/lib/data/kept"], {}, client)).stdout, "kept\n");
  });

  it("makes a machine again that somebody deleted, with its volume", async () => {
    const [before] = await listInstances(name, client);
    await deleteInstance(before!.name, { stopTimeoutSeconds: 0 }, client);
    await stack.refresh({ onOutput });
    const { machine, steps } = await up();
    assert.notEqual(machine, before!.name);
    assert.deepEqual(steps, ["create db-1"]);
    assert.equal((await exec(machine, ["cat", "/var/lib/data/kept"], {}, client)).stdout, "kept\n");
    assert.deepEqual(await readdir(join(channel, "inventory")), [`${machine}.json`]);
  });

  it("makes the replacement of a machine before the old one goes", async () => {
    await up({ web: true });
    const before = (await listInstances(name, client)).find((one) => one.host === "web-1");
    const { steps } = await up({ web: true, content: "two" });
    assert.deepEqual(steps, ["create-replacement web-1", "replace web-1", "delete-replaced web-1"]);
    const after = (await listInstances(name, client)).filter((one) => one.host === "web-1");
    assert.equal(after.length, 1);
    assert.notEqual(after[0]?.name, before!.name);
  });

  it("never lets two machines mount one volume", async () => {
    const error = await failingUp({ web: true, webUsesVolume: true });
    assert.match(
      error,
      /web-1: the volume webinfra-\S+-db-1-data is in use by the machine webinfra-\S+-db-1-\w+ \(Running\), and two machines must never mount one data volume/,
    );
    // The web host of before still runs, in the definition that this update asks for.
    assert.equal((await listInstances(name, client)).length, 2);
    assert.deepEqual((await up({ web: true, content: "two" })).steps, []);
  });

  it("makes networks at the same moment, each with a subnet of its own", async () => {
    const context = quietContext(AbortSignal.timeout(60_000));
    const names = Array.from({ length: 4 }, () => `webinfra-${randomBytes(3).toString("hex")}`);
    try {
      const made = await Promise.all(names.map((one) => makeNetwork(client, { name: one, stack: name }, context)));
      assert.equal(new Set(made.map(({ cidr }) => cidr)).size, names.length);
    } finally {
      for (const one of names) {
        await deleteNetwork(one, client);
      }
    }
  });

  it("refuses a subnet that is taken, and says by whom", async () => {
    const { cidr } = await up({ web: true });
    const error = await failingUp({ web: true, takenCidr: cidr });
    assert.ok(
      error.includes(
        `the network's cidr ${cidr} is taken: the Incus network ${networkName(name)} of stack "${name}" has ${cidr}. ` +
          "Leave cidr out to have a free one chosen (now 10.77.",
      ),
      error,
    );
  });

  it("deletes what a killed update left of a host", async () => {
    const leftover = `webinfra-${stackSlug(name)}-web-1-killed`;
    await up();
    await client.change("POST", "/1.0/instances", {
      name: leftover,
      source: { type: "image", alias: "webinfra-debian-13" },
      profiles: [],
      config: { "user.webinfra.stack": name, "user.webinfra.host": "web-1" },
      devices: { root: { type: "disk", path: "/", pool: "webinfra" } },
    });
    const known = new Set((await listInstances(name, client)).filter((one) => one.complete).map((one) => one.name));
    assert.deepEqual(
      (await listOrphans(name, known, client)).map((one) => one.name),
      [leftover],
    );
    await up({ web: true });
    const hosts = (await listInstances(name, client)).map((one) => one.host).sort();
    assert.deepEqual(hosts, ["db-1", "web-1"]);
    assert.deepEqual(
      await listOrphans(name, new Set(), client).then((all) => all.filter((one) => one.name === leftover)),
      [],
    );
  });

  it("leaves nothing but a retained volume, which the next update adopts with its data", async () => {
    await up({ retain: true });
    await stack.destroy({ onOutput });
    assert.deepEqual(await listInstances(name, client), []);
    assert.deepEqual(await listNetworks(name, client), []);
    assert.deepEqual(
      (await listVolumes(name, client)).map((one) => one.name),
      [volumeName(name, "db-1", "data")],
    );
    const { machine } = await up();
    assert.equal((await exec(machine, ["cat", "/var/lib/data/kept"], {}, client)).stdout, "kept\n");
  });

  it("leaves nothing after destroy", async () => {
    await stack.destroy({ onOutput });
    assert.deepEqual(await listInstances(name, client), []);
    assert.deepEqual(await listVolumes(name, client), []);
    assert.deepEqual(await listNetworks(name, client), []);
    assert.deepEqual(await readdir(join(channel, "inventory")), []);
  });
});

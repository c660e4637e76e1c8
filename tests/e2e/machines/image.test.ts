/** Machines that start from an image with all packages: what two of them may not share, what time changes, and a package mirror that is away. */
import assert from "node:assert/strict";
import { z } from "zod";
import { IncusClient, listBakedImages } from "../../../provider/incus";
import { allInstances, deleteInstance } from "../../../provider/incus/instance";
import { eventually } from "../../support/eventually";
import { Mirror } from "../../support/mirror";
import { figure, manage, Site } from "../../support/site";

const DAY_MS = 86_400_000;

describe("machines from an image with all packages", function () {
  this.timeout(600_000);

  // A package that no other site asks for: its image is this test's own.
  const app = { packages: ["nodejs", "tree"] };
  const site = new Site({ web: 1, replicas: 1, app });
  const mirror = new Mirror(site);
  const client = new IncusClient();
  const hosts = ["lb-1", "web-1", "db-1", "db-2"];
  /** Of what the machines are made from. */
  let hash: string;
  manage(site);

  /** The oldest first. */
  const images = async (): Promise<string[]> =>
    (await listBakedImages())
      .filter((image) => image.hash === hash)
      .sort((a, b) => a.madeAt - b.madeAt)
      .map(({ fingerprint }) => fingerprint);
  const imageOf = async (host: string): Promise<string | undefined> => {
    const { machine } = await site.machine(host);
    return (await allInstances(client, undefined)).find(({ name }) => name === machine)?.config["volatile.base_image"];
  };
  const bakeries = async (): Promise<string[]> =>
    (await allInstances(client, undefined)).map(({ name }) => name).filter((name) => name === `webinfra-image-${hash}`);
  const scale = (web: number): void => {
    site.configure({ web });
  };

  before("up", async () => {
    const { seconds } = await site.up();
    figure("up with an image to be made", seconds, "s");
    const made = await imageOf("lb-1");
    hash = (await listBakedImages()).find(({ fingerprint }) => fingerprint === made)?.hash ?? assert.fail();
  });
  after(() => mirror.bringBack());
  after("its images", async () => {
    for (const fingerprint of await images()) {
      await client.change("DELETE", `/1.0/images/${fingerprint}`);
    }
  });

  it("all come from the same one, and have what it holds", async () => {
    const [image] = await images();
    for (const host of hosts) {
      assert.equal(await imageOf(host), image);
    }
    assert.match(await site.shell("web-1", "tree --version"), /^tree v/);
    assert.deepEqual(await bakeries(), []);
  });

  it("share nothing that tells them apart", async () => {
    const script = [
      "cat /etc/machine-id",
      "cat /etc/ssh/ssh_host_*_key.pub 2>/dev/null | cut -d ' ' -f 2 || true",
      "sha256sum /var/lib/systemd/random-seed /etc/ssl/private/ssl-cert-snakeoil.key 2>/dev/null | cut -d ' ' -f 1 || true",
      "sed -n s/^server-uuid=//p /var/lib/mysql/auto.cnf 2>/dev/null || true",
    ].join("; ");
    const marks = await Promise.all(hosts.map(async (host) => (await site.shell(host, script)).trim().split("\n")));
    for (const own of marks) {
      assert.match(own[0] ?? "", /^[0-9a-f]{32}$/);
    }
    // A database has its uuid beside.
    assert.ok((marks[2]?.length ?? 0) > (marks[0]?.length ?? 0));
    assert.deepEqual([...new Set(marks.flat())].sort(), marks.flat().sort());
  });

  it("run no service of another role", async () => {
    const units = ["haproxy", "nginx", "mysql"];
    const running = async (host: string): Promise<string[]> => {
      const script = `for unit in ${units.join(" ")}; do systemctl is-enabled "$unit" || true; systemctl is-active "$unit" || true; done`;
      const lines = (await site.shell(host, script)).trim().split("\n");
      return units.filter((_unit, index) => lines[2 * index] === "enabled" || lines[2 * index + 1] === "active");
    };
    assert.deepEqual(await running("lb-1"), ["haproxy"]);
    assert.deepEqual(await running("db-2"), ["mysql"]);
    assert.deepEqual(
      (await running("web-1")).filter((unit) => unit === "mysql"),
      [],
    );
  });

  it("stay as they are when their image has become old", async () => {
    const before = await site.machineIds();
    const [image = ""] = await images();
    const path = `/1.0/images/${image}`;
    const { properties } = await client.get(path, z.object({ properties: z.record(z.string(), z.string()) }));
    await client.change("PATCH", path, {
      properties: { ...properties, "webinfra.made": new Date(Date.now() - 30 * DAY_MS).toISOString() },
    });
    await site.succeed("preview", site.stack, "--config-file", site.configFile, "--expect-no-changes");
    await site.up();
    assert.deepEqual(await site.machineIds(), before);
    assert.deepEqual(await images(), [image]);
  });

  it("are joined by another one though the mirror is away, with a warning", async () => {
    const [image] = await images();
    await mirror.takeAway();
    scale(2);
    const { stdout, stderr } = await site.up();
    const day = new Date(Date.now() - 30 * DAY_MS).toISOString().slice(0, 10);
    assert.match(
      stdout + stderr,
      new RegExp(
        `the image with all packages could not be made anew, so the one of ${day} is used: installing packages failed 3 times`,
      ),
    );
    assert.equal(await imageOf("web-2"), image);
    await site.settled();
    assert.deepEqual(await bakeries(), []);
    await mirror.bringBack();
  });

  it("stay as they are when the image that they would want cannot be made: up says why", async () => {
    const before = await site.machineIds();
    site.configure({ web: 2, app: { packages: ["nodejs", "no-such-package"] } });
    const { code, stderr } = await site.run(site.upArguments());
    assert.equal(code, 1, stderr);
    assert.match(stderr, /the image with all packages could not be made: installing packages failed 3 times/);
    assert.match(stderr, /Unable to locate package no-such-package/);
    assert.match(
      stderr,
      /no machine was changed; with `webinfra:image.bake: false` each machine installs its own packages/,
    );
    assert.deepEqual(await site.machineIds(), before);
    scale(2);
  });

  it("are made again when somebody deleted one, from a new image, though the first attempt is killed", async () => {
    const [old] = await images();
    const before = await site.machineIds();
    await deleteInstance(before["web-1"] ?? "", { stopTimeoutSeconds: 0 });
    const going = site.start(site.upArguments());
    await eventually("an image to be in the making", async () => {
      assert.equal(going.child.exitCode, null, going.output());
      assert.equal((await bakeries()).length, 1);
    });
    site.killAll(going.child);
    await going.ended;
    await site.up();
    const after = await site.machineIds();
    assert.deepEqual({ ...after, "web-1": "any" }, { ...before, "web-1": "any" });
    const [image, ...more] = await images();
    assert.deepEqual(more, []);
    assert.notEqual(image, old);
    assert.equal(await imageOf("web-1"), image);
    assert.deepEqual(await bakeries(), []);
    await site.settled();
  });
});

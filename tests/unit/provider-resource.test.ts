import assert from "node:assert/strict";
import { z } from "zod";
import { instanceRequest, machineResource } from "../../provider/incus/machine";
import { makeNetwork, network, NETWORK_LOCK } from "../../provider/incus/network";
import { networkName, newMachineName, stackSlug, volumeName } from "../../provider/incus/labels";
import { IncusClient } from "../../provider/incus";
import { withLock } from "../../provider/lock";
import { volumeResource } from "../../provider/incus/volume";
import { typeOf, WebinfraProvider } from "../../provider/provider";
import { type Difference, HalfMadeError, resource } from "../../provider/resource";
import { changedKeys, holdsUnknown, secret, UNKNOWN, unwrap, unwrapBag, wrapBag } from "../../provider/values";
import { FakeIncus } from "../support/incus";
import { quietContext } from "../support/context";

const context = quietContext();

const given = {
  host: "web-1",
  stack: "dev",
  roles: ["webServer"],
  image: "webinfra-debian-13",
  network: "webinfra-abcdef",
  userData: "#cloud-config\n",
  channel: "/srv/channel",
};
const made = { ...given, machine: "webinfra-dev-web-1-abc123", address: "10.77.0.2", status: "Running" };

const machine = machineResource(() => new IncusClient("/nowhere"));

describe("provider: values", () => {
  it("unwraps secrets at every depth and wraps them again", () => {
    const wire = { a: secret("x"), b: [{ c: secret({ d: 1 }) }], e: null };
    assert.deepEqual(unwrapBag(wire), { a: "x", b: [{ c: { d: 1 } }] });
    assert.deepEqual(wrapBag({ a: "x", b: 1, gone: undefined }, new Set(["a"])), { a: secret("x"), b: 1 });
  });

  it("takes output values apart, known and unknown", () => {
    const signature = { "4dabf18193072939515e22adb298388d": "d0e6a833031e9bbcd3f4e8bde6ca49a4" };
    assert.equal(unwrap({ ...signature, value: "x" }), "x");
    assert.ok(holdsUnknown({ deep: [unwrap(signature)] }));
  });

  it("compares deeply", () => {
    assert.deepEqual(changedKeys({ a: [1], b: 1, c: {} }, { a: [1], b: 2 }, ["a", "b", "c"]), ["b", "c"]);
  });
});

describe("provider: names", () => {
  it("are valid host names and short enough, whatever the stack is called", () => {
    assert.equal(stackSlug("dev"), "dev");
    assert.match(stackSlug("My_Stack.1"), /^my-stack-1-[0-9a-f]{6}$/);
    const longest = newMachineName("x".repeat(100), "a".repeat(24));
    assert.ok(longest.length <= 63, longest);
    assert.match(newMachineName("dev", "web-1"), /^webinfra-dev-web-1-[a-z0-9]{6}$/);
    assert.ok(networkName("x".repeat(100)).length <= 15);
    assert.equal(volumeName("dev", "db-1", "data"), "webinfra-dev-db-1-data");
  });

  it("differ for stacks that look alike", () => {
    assert.notEqual(stackSlug("a_b"), stackSlug("a.b"));
    assert.notEqual(stackSlug("x".repeat(100)), stackSlug("x".repeat(101)));
  });
});

describe("provider: check", () => {
  it("names a machine once, and anew for a replacement", () => {
    const first = machine.check({}, given);
    assert.deepEqual(first.failures, []);
    assert.match(String(first.inputs["machine"]), /^webinfra-dev-web-1-[a-z0-9]{6}$/);
    assert.equal(machine.check(first.inputs, given).inputs["machine"], first.inputs["machine"]);
    assert.notEqual(machine.check({}, given).inputs["machine"], first.inputs["machine"]);
  });

  it("keeps user-data secret though the program did not say so", () => {
    assert.deepEqual(machine.check({}, given).inputs["userData"], secret("#cloud-config\n"));
  });

  it("names each property that does not fit, its value, and what would be right", () => {
    const bad = { ...given, host: "Web_1", roles: "webServer", volumes: [{ name: "v", path: "data" }], size: 3 };
    assert.deepEqual(machine.check({}, bad).failures, [
      {
        property: "host",
        reason: 'must be a host name of a-z, 0-9 and -, at most 24 characters, such as web-1 (it is "Web_1")',
      },
      { property: "roles", reason: 'Invalid input: expected array, received string (it is "webServer")' },
      { property: "volumes.0.path", reason: 'must be an absolute path (it is "data")' },
      { property: "size", reason: "unknown property: size" },
    ]);
  });

  it("says what is missing, and never shows a secret", () => {
    const { userData: _userData, ...without } = given;
    assert.deepEqual(machine.check({}, without).failures, [
      { property: "userData", reason: "Invalid input: expected string, received undefined (it is missing)" },
    ]);
    assert.deepEqual(machine.check({}, { ...given, userData: secret(17) }).failures, [
      { property: "userData", reason: "Invalid input: expected string, received number (it is a secret)" },
    ]);
  });

  it("leaves what a preview does not know alone", () => {
    const unknown = { ...given, network: UNKNOWN, roles: UNKNOWN, volumes: [{ name: UNKNOWN, path: UNKNOWN }] };
    assert.deepEqual(machine.check({}, unknown).failures, []);
  });

  it("refuses subnets with host bits", () => {
    const [failure] = network.check({}, { name: "webinfra-abcdef", stack: "dev", cidr: "10.77.0.1/24" }).failures;
    assert.deepEqual(failure, {
      property: "cidr",
      reason: 'must be an IPv4 subnet of /16 to /28 with no host bits, for example 10.77.0.0/24 (it is "10.77.0.1/24")',
    });
  });
});

describe("provider: diff of a machine", () => {
  const news = { ...given, machine: made.machine };
  let incus: FakeIncus;
  let client: IncusClient;
  beforeEach(async () => {
    incus = new FakeIncus();
    client = await incus.start();
    incus.instances.set(made.machine, { status: "Running", config: {} });
  });
  afterEach(() => {
    incus.stop();
  });
  const diff = (change: object = {}, old: object = {}): Promise<Difference> =>
    machineResource(() => client).diff(
      { ...made, userData: secret(made.userData), ...old },
      { ...news, ...change },
      context,
    );

  const table: [string, object, object, boolean, string[]][] = [
    ["nothing", {}, {}, false, []],
    ["user-data", {}, { userData: secret("#cloud-config\na: 1\n") }, true, ["userData"]],
    ["another image, which serves new machines only", {}, { image: "other" }, false, []],
    [
      "an image with packages",
      {},
      { image: { base: "webinfra-debian-13", userData: "#cloud-config\n", maxAgeDays: 7 } },
      false,
      [],
    ],
    ["an unknown network", {}, { network: UNKNOWN }, true, ["network"]],
    ["a volume more", {}, { volumes: [{ name: "v", path: "/v" }] }, true, ["volumes"]],
    ["the channel", {}, { channel: "/elsewhere" }, true, ["channel"]],
    ["roles", {}, { roles: ["webServer", "appServer"] }, true, []],
    ["a time-out", {}, { stopTimeoutSeconds: 5 }, true, []],
    ["found stopped", { status: "Stopped" }, {}, true, []],
    ["half made", { address: undefined }, {}, true, []],
  ];
  for (const [what, old, change, changes, replaces] of table) {
    it(what, async () => {
      assert.deepEqual(await diff(change, old), { changes, replaces });
    });
  }

  it("finds one that was stopped or deleted behind its back", async () => {
    incus.instances.set(made.machine, { status: "Stopped", config: {} });
    assert.deepEqual(await diff(), { changes: true, replaces: [] });
    incus.instances.clear();
    assert.deepEqual(await diff(), { changes: true, replaces: [] });
  });

  it("needs no Incus", async () => {
    incus.stop();
    assert.deepEqual(await diff(), { changes: false, replaces: [] });
  });
});

describe("provider: a host that holds data", () => {
  const volumes = [{ name: "webinfra-dev-db-1-data", path: "/var/lib/mysql" }];
  const database = { ...made, host: "db-1", roles: ["database"], volumes, userData: secret(made.userData) };
  const { address: _address, status: _status, ...news } = database;

  it("gets no other roles by an update, which says how it does", async () => {
    await assert.rejects(machine.diff(database, { ...news, roles: ["database", "appServer"] }, context), {
      message:
        "db-1 holds data, and an update leaves such a host as it is: it has the roles database, and database, appServer are wanted: " +
        "`webinfra replace db-1 --stack dev` makes it anew with them",
    });
  });

  it("gets them when its machine is another one anyway: made anew on purpose, or without its data", async () => {
    const roles = ["database", "appServer"];
    const anew = { ...news, roles, userData: secret("#cloud-config\na: 1\n") };
    assert.deepEqual(await machine.diff(database, anew, context), { changes: true, replaces: ["userData"] });
    const without = { ...news, roles: ["appServer"], volumes: undefined };
    assert.deepEqual(await machine.diff(database, without, context), { changes: true, replaces: ["volumes"] });
  });
});

describe("provider: a data volume", () => {
  const name = "webinfra-dev-db-1-data";
  const given = { name, stack: "dev", host: "db-1", sizeGiB: 20 };
  const labels = { "user.webinfra.stack": "dev", "user.webinfra.host": "db-1" };
  let incus: FakeIncus;
  let client: IncusClient;
  beforeEach(async () => {
    incus = new FakeIncus();
    client = await incus.start();
  });
  afterEach(() => {
    incus.stop();
  });
  const volume = () => volumeResource(() => client);
  const changes = (): string[] => incus.changes.map((one) => one.replace("storage-pools/webinfra/volumes/custom", "…"));

  it("that is there is taken over with its data", async () => {
    incus.volumes.set(name, labels);
    assert.deepEqual(await volume().create(given, context), { id: name, outs: { ...given, volume: name } });
    assert.deepEqual(changes(), [`PATCH …/${name}`]);
    assert.equal(incus.volumes.get(name)?.["size"], "20480MiB");
  });

  it("that is there is deleted when its data are to go, and made anew", async () => {
    incus.volumes.set(name, labels);
    const { outs } = await volume().create({ ...given, discard: true }, context);
    // The next update asks for the same without a word about data.
    assert.deepEqual(outs, { ...given, volume: name });
    assert.deepEqual(changes(), [`DELETE …/${name}`, "POST …"]);
  });

  it("of another stack stays, whatever is asked for", async () => {
    incus.volumes.set(name, { ...labels, "user.webinfra.stack": "staging" });
    await assert.rejects(
      volume().create({ ...given, discard: true }, context),
      /^Error: the volume webinfra-dev-db-1-data exists and belongs to stack "staging", not to stack "dev": /,
    );
    assert.deepEqual(changes(), []);
  });

  it("grows, and is never deleted by an update", async () => {
    incus.volumes.set(name, labels);
    const state = { ...given, volume: name };
    const news = { ...given, sizeGiB: 40, discard: true };
    assert.deepEqual(await volume().diff(state, news, context), { changes: true, replaces: [] });
    await volume().update(name, state, news, context);
    assert.deepEqual(changes(), [`PATCH …/${name}`]);
    assert.equal(incus.volumes.get(name)?.["size"], "40960MiB");
  });

  it("gets no smaller", () =>
    assert.rejects(volume().diff({ ...given, volume: name }, { ...given, sizeGiB: 10 }, context), {
      message:
        "db-1 has a data volume of 20 GiB, and 10 are wanted (webinfra:mysql.volumeGiB): a volume never gets smaller. " +
        "Set 20 or more, or have it made anew, with its data copied from the primary: `webinfra replace db-1 --stack dev --discard-data`",
    }));
});

describe("provider: a resource that is made no more", () => {
  const urn = "urn:pulumi:dev::webinfra::webinfra:index:Definition::db-1-definition";
  const state = { host: "db-1", machine: "i-1", definition: "a" };

  it("is forgotten by an update, and found as it was by a refresh", async () => {
    const provider = new WebinfraProvider();
    assert.deepEqual(await provider.read("i-1", urn, state), { id: "i-1", props: state });
    await provider.delete("i-1", urn, state);
  });

  it("is not made", () =>
    assert.rejects(new WebinfraProvider().create(urn, state), {
      message: "webinfra:index:Definition is made no more: run the update with the webinfra of this provider",
    }));
});

describe("provider: diff of a network", () => {
  const olds = {
    name: "webinfra-abcdef",
    stack: "dev",
    cidr: "10.77.0.0/24",
    gateway: "10.77.0.1",
    network: "webinfra-abcdef",
  };
  const { name, stack, cidr } = olds;

  it("takes a cidr that was chosen as no change, written out or not", async () => {
    assert.deepEqual(await network.diff(olds, { name, stack }, context), { changes: false, replaces: [] });
    assert.deepEqual(await network.diff(olds, { name, stack, cidr }, context), { changes: false, replaces: [] });
  });

  it("refuses another cidr", async () => {
    await assert.rejects(network.diff(olds, { name, stack, cidr: "10.99.0.0/24" }, context), {
      message:
        "the network webinfra-abcdef has 10.77.0.0/24, and addresses do not change while machines use them: " +
        "set cidr back to 10.77.0.0/24 or leave it out; for 10.99.0.0/24 destroy the stack first",
    });
  });
});

describe("provider: a network in the making", () => {
  it("does not wait for another one without end", async () => {
    const made = { name: "webinfra-abcdef", stack: "dev" };
    await withLock(
      NETWORK_LOCK,
      () =>
        assert.rejects(makeNetwork(new IncusClient("/nowhere"), made, context, 0.1), {
          message:
            "the network webinfra-abcdef was not made: another update has been making its own for 0.1 s; end it, and try again",
        }),
      30,
    );
  });
});

describe("provider: dispatch", () => {
  it("finds the type in a URN, also of a child", () => {
    assert.equal(
      typeOf("urn:pulumi:dev::webinfra::webinfra:index:Host$webinfra:incus:Machine::web-1"),
      "webinfra:incus:Machine",
    );
  });

  it("says which types there are", () => {
    const provider = new WebinfraProvider();
    assert.throws(
      () => provider.check("urn:pulumi:dev::webinfra::webinfra:incus:Rocket::r", {}, {}),
      /^Error: provider webinfra has no resource type "webinfra:incus:Rocket"; it has webinfra:incus:Network, /,
    );
  });

  it("aborts the work in flight on cancel", async () => {
    const provider = new WebinfraProvider();
    await provider.cancel();
    const inputs = {
      site: "http://127.0.0.1",
      machines: [{ machine: "m", name: "n", roles: [], address: "127.0.0.1" }],
      release: "",
    };
    await assert.rejects(provider.create("urn:pulumi:dev::webinfra::webinfra:index:Ready::r", inputs), {
      message: "cancelled",
    });
  });

  it("wraps secrets of a half-made resource, too", async () => {
    const shape = z.object({ open: z.string(), hidden: z.string() });
    const never = (): Promise<never> =>
      Promise.reject(new HalfMadeError("id", { open: "o", hidden: "h", address: undefined }, "late"));
    const kind = resource({
      inputs: shape,
      state: shape,
      stateVersion: 1,
      migrations: [],
      replaceOn: [],
      updateOn: [],
      create: never,
      read: never,
      update: never,
      delete: never,
    });
    await assert.rejects(kind.create({ open: "o", hidden: secret("h") }, context), {
      id: "id",
      message: "late",
      reasons: ["late"],
      properties: { open: "o", hidden: secret("h") },
    });
  });
});

describe("provider: the instance that Incus is asked to make", () => {
  it("starts with Incus, hides its user-data from users of the machine, and mounts what it needs", () => {
    assert.deepEqual(
      instanceRequest(
        {
          ...given,
          machine: made.machine,
          volumes: [{ name: "webinfra-dev-db-1-data", path: "/var/lib/mysql" }],
        },
        { alias: "webinfra-debian-13" },
      ),
      {
        name: "webinfra-dev-web-1-abc123",
        type: "container",
        description: "web-1 of webinfra stack dev",
        source: { type: "image", alias: "webinfra-debian-13" },
        profiles: [],
        config: {
          "user.webinfra.stack": "dev",
          "user.webinfra.host": "web-1",
          "user.webinfra.roles": "webServer",
          "boot.autostart": "true",
          "cloud-init.user-data": "#cloud-config\n",
          "security.guestapi": "false",
        },
        devices: {
          root: { type: "disk", path: "/", pool: "webinfra" },
          eth0: { type: "nic", name: "eth0", network: "webinfra-abcdef" },
          channel: { type: "disk", source: "/srv/channel", path: "/var/lib/webinfra-channel", readonly: "true" },
          "webinfra-dev-db-1-data": {
            type: "disk",
            pool: "webinfra",
            source: "webinfra-dev-db-1-data",
            path: "/var/lib/mysql",
          },
        },
      },
    );
  });
});

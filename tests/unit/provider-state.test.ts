import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { z } from "zod";
import { resources, WebinfraProvider } from "../../provider/provider";
import { HalfMadeError, resource } from "../../provider/resource";
import { type Bag, secret } from "../../provider/values";
import { goldenRoot } from "../support/golden";
import { quietContext } from "../support/context";

const goldenSchema = z.object({
  id: z.string(),
  inputs: z.record(z.string(), z.unknown()),
  state: z.record(z.string(), z.unknown()),
});

const goldenPath = (type: string, version: number): string =>
  join(goldenRoot, "provider-state", `v${String(version)}`, `${type.replaceAll(":", ".")}.json`);
const urnOf = (type: string): string => `urn:pulumi:dev::webinfra::${type}::one`;

/** What Incus answers for what the golden states name. */
const incus: Readonly<Record<string, object>> = {
  "/1.0/networks/webinfra-abcdef": {
    name: "webinfra-abcdef",
    type: "bridge",
    managed: true,
    config: { "ipv4.address": "10.77.0.1/24", "user.webinfra.stack": "dev" },
  },
  "/1.0/storage-pools/webinfra/volumes/custom/webinfra-dev-db-1-data": {
    name: "webinfra-dev-db-1-data",
    type: "custom",
    config: { "user.webinfra.host": "db-1" },
  },
  "/1.0/instances/webinfra-dev-db-1-abc123": {
    name: "webinfra-dev-db-1-abc123",
    status: "Running",
    config: { "user.webinfra.complete": "true" },
  },
  "/1.0/instances/webinfra-dev-db-1-abc123/state": {
    status: "Running",
    network: { eth0: { addresses: [{ family: "inet", address: "10.77.0.9", scope: "global" }] } },
  },
};

describe("provider: states that stacks hold", () => {
  const servers: Server[] = [];
  const socketBefore = process.env["INCUS_SOCKET"];
  let directory: string;
  let channel: string;
  let site: string;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "webinfra-state-"));
    channel = join(directory, "channel");
    const socket = join(directory, "unix.socket");
    const server = createServer((request, response) => {
      const metadata = incus[new URL(request.url ?? "", "http://incus").pathname];
      response.end(JSON.stringify({ type: "sync", metadata }));
    });
    const page = createServer((_request, response) => response.end("page"));
    servers.push(server, page);
    await once(server.listen(socket), "listening");
    await once(page.listen(0, "127.0.0.1"), "listening");
    process.env["INCUS_SOCKET"] = socket;
    site = `http://127.0.0.1:${String((page.address() as AddressInfo).port)}`;
  });
  after(() => {
    if (socketBefore === undefined) {
      delete process.env["INCUS_SOCKET"];
    } else {
      process.env["INCUS_SOCKET"] = socketBefore;
    }
    for (const server of servers) {
      server.close();
    }
    rmSync(directory, { recursive: true });
  });

  /** A golden state, with this test's places in it. */
  const golden = (type: string, version: number): z.infer<typeof goldenSchema> => {
    const text = readFileSync(goldenPath(type, version), "utf8");
    return goldenSchema.parse(
      JSON.parse(text.replaceAll("/srv/channel", channel).replaceAll("http://10.77.0.5", site)),
    );
  };

  for (const [type, { stateVersion }] of resources) {
    for (let version = 1; version <= stateVersion; version++) {
      it(`of ${type}, version ${String(version)}, are read, and are no change`, async () => {
        assert.ok(existsSync(goldenPath(type, version)), `${goldenPath(type, version)} is missing`);
        const { id, state } = golden(type, version);
        // What today's program gives.
        const { inputs } = golden(type, stateVersion);
        if (type.startsWith("webinfra:channel:")) {
          const content = state["content"] ?? "a release\n";
          assert.ok(typeof content === "string");
          mkdirSync(dirname(id), { recursive: true });
          writeFileSync(id, content);
        }
        const warnings: string[] = [];
        const provider = new WebinfraProvider((_urn, message) => warnings.push(message));
        assert.deepEqual(await provider.check(urnOf(type), inputs, inputs), { inputs, failures: [] });
        assert.deepEqual(await provider.diff(id, urnOf(type), state, inputs), { changes: false, replaces: [] });
        const read = await provider.read(id, urnOf(type), state);
        assert.equal(read.id, id);
        if (version === stateVersion) {
          assert.deepEqual(read.props, state);
        }
        assert.deepEqual(warnings, []);
      });
    }
  }
});

describe("provider: versions of states", () => {
  const context = quietContext();
  const never = (): Promise<never> => Promise.reject(new Error("not asked for"));
  const inputs = z.strictObject({ place: z.string(), key: z.string() });
  const state = z.object({ ...inputs.shape, size: z.number() });
  const made = { place: "a", key: "hidden", size: 1 };
  /** Version 1 called the place a room, version 2 had no size. */
  const third = resource<z.infer<typeof inputs>, z.infer<typeof state>>({
    inputs,
    state,
    stateVersion: 3,
    migrations: [({ room, ...rest }) => ({ ...rest, place: room }), (old) => ({ ...old, size: 1 })],
    replaceOn: ["place"],
    updateOn: ["key"],
    secrets: ["key"],
    drifted: ({ size }) => Promise.resolve(size !== 1),
    create: (given) => Promise.resolve({ id: "one", state: { ...given, size: 1 } }),
    read: (_id, current) => Promise.resolve(current),
    update: (_id, current, given) => Promise.resolve({ ...current, ...given }),
    delete: (_id, current) => {
      assert.deepEqual(current, made);
      return Promise.resolve();
    },
  });
  const wired = { place: "a", key: secret("hidden") };
  const stored: readonly Bag[] = [
    { room: "a", key: secret("hidden") },
    { ...wired, __stateVersion: 2 },
    { ...wired, size: 1, __stateVersion: 3 },
  ];

  it("are taken one after the other to today's, whatever the engine asks", async () => {
    for (const old of stored) {
      assert.deepEqual(await third.diff(old, wired, context), { changes: false, replaces: [] });
      assert.deepEqual(await third.diff(old, { ...wired, place: "b" }, context), {
        changes: true,
        replaces: ["place"],
      });
      assert.deepEqual(await third.read("one", old, context), { id: "one", props: stored[2] });
      assert.deepEqual(await third.update("one", old, wired, context), { outs: stored[2] });
      await third.delete("one", old, context);
    }
  });

  it("are written with what is made, also by halves, but for the first", async () => {
    assert.deepEqual(await third.create(wired, context), { id: "one", outs: stored[2] });
    const halves = (stateVersion: number) =>
      resource({
        inputs,
        state: inputs,
        stateVersion,
        migrations: Array.from({ length: stateVersion - 1 }, () => (old: Bag) => old),
        replaceOn: [],
        updateOn: [],
        create: () => Promise.reject(new HalfMadeError("one", { place: "a" }, "late")),
        read: never,
        update: never,
        delete: never,
      });
    await assert.rejects(halves(2).create(wired, context), { properties: { place: "a", __stateVersion: 2 } });
    await assert.rejects(halves(1).create(wired, context), { properties: { place: "a" } });
  });

  it("that a newer webinfra wrote are refused", async () => {
    const newer = { ...wired, size: 1, __stateVersion: 4 };
    const message =
      "the stack holds version 4 of this resource's state, which a newer webinfra wrote (this one knows up to version 3): update webinfra, and try again";
    await assert.rejects(third.diff(newer, wired, context), { message });
    await assert.rejects(third.read("one", newer, context), { message });
    await assert.rejects(third.update("one", newer, wired, context), { message });
    await assert.rejects(third.delete("one", newer, context), { message });
    await assert.rejects(third.diff({ ...newer, __stateVersion: "x" }, wired, context), /holds version "x" of/);
  });

  it("need a migration each", () => {
    const kind = { inputs, state: inputs, replaceOn: [], updateOn: [], create: never, read: never, update: never };
    assert.throws(() => resource({ ...kind, stateVersion: 2, migrations: [], delete: never }), {
      message: "state version 2 needs 1 migrations, and there are 0",
    });
  });
});

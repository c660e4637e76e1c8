import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { answerError, connectionError, IncusClient, IncusError, socketPath } from "../../provider/incus/client";
import { deleteNetwork, makeNetwork } from "../../provider/incus/network";
import { remove } from "../../provider/incus/retry";
import { deleteVolume } from "../../provider/incus/volume";
import { quietContext } from "../support/context";

describe("provider: Incus client", () => {
  let directory: string;
  let socket: string;
  let server: Server | undefined;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "webinfra-socket-"));
    socket = join(directory, "unix.socket");
  });
  afterEach(async () => {
    server?.closeAllConnections();
    server?.close();
    server = undefined;
    await rm(directory, { recursive: true });
  });

  const serve = async (answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<IncusClient> => {
    server = createServer(answer).listen(socket);
    await once(server, "listening");
    return new IncusClient(socket);
  };
  const json = (response: ServerResponse, status: number, body: object): void => {
    response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
  };

  it("finds the socket where the environment says, else where it usually is", () => {
    assert.equal(
      socketPath({ INCUS_SOCKET: "/a", INCUS_DIR: "/b" }, () => true),
      "/a",
    );
    assert.equal(
      socketPath({ INCUS_DIR: "/b" }, () => true),
      "/b/unix.socket",
    );
    assert.equal(
      socketPath({}, (path) => path.startsWith("/run")),
      "/run/incus/unix.socket",
    );
    assert.equal(
      socketPath({}, () => false),
      "/var/lib/incus/unix.socket",
    );
  });

  it("says what to do when Incus is not there", async () => {
    await assert.rejects(new IncusClient(socket).get("/1.0", z.unknown()), {
      name: "IncusError",
      kind: "absent",
      message:
        `Incus is not running or not installed (nothing answers at ${socket}): ` +
        "run `npm run setup`, or start its service with `sudo systemctl start incus`",
    });
    await writeFile(socket, "");
    await assert.rejects(new IncusClient(socket).get("/1.0", z.unknown()), { kind: "absent" });
  });

  it("says which group to join when Incus refuses the user", () => {
    const refused = Object.assign(new Error("connect EACCES"), { code: "EACCES" });
    assert.equal(
      connectionError(refused, "/s").message,
      "no permission to use Incus at /s: join its group with `sudo usermod -aG incus-admin $USER` and log in again",
    );
    assert.equal(connectionError(new Error("boom"), "/s").message, "the connection to Incus at /s failed: boom");
  });

  it("tells what is missing from what was never set up", () => {
    assert.equal(answerError(404, "Instance not found", "GET /x").kind, "notFound");
    const project = answerError(404, "Project not found", "GET /x");
    assert.equal(project.kind, "failed");
    assert.equal(project.message, 'Incus has no project "webinfra": run `npm run setup`');
    assert.equal(
      answerError(404, "Storage pool not found", "GET /x").message,
      'Incus has no storage pool "webinfra": run `npm run setup`',
    );
    assert.equal(answerError(500, "no space left", "POST /x").message, "Incus answered 500 to POST /x: no space left");
  });

  it("asks within the project and checks what it gets", async () => {
    const asked: (string | undefined)[] = [];
    const client = await serve((request, response) => {
      asked.push(request.url);
      json(response, 200, { type: "sync", metadata: { name: "x" } });
    });
    assert.deepEqual(await client.get("/1.0/instances/x", z.object({ name: z.string() })), { name: "x" });
    await client.get("/1.0/networks?recursion=1&project=default", z.unknown());
    assert.deepEqual(asked, ["/1.0/instances/x?project=webinfra", "/1.0/networks?recursion=1&project=default"]);
    await assert.rejects(client.get("/1.0/instances/x", z.object({ name: z.number() })), z.ZodError);
  });

  it("takes 404 for absence where that is an answer", async () => {
    const client = await serve((_request, response) => {
      json(response, 404, { type: "error", error: "Instance not found", error_code: 404 });
    });
    assert.equal(await client.find("/1.0/instances/x", z.unknown()), undefined);
    await assert.rejects(client.get("/1.0/instances/x", z.unknown()), { kind: "notFound" });
  });

  it("waits for an operation and reports how it ended", async () => {
    const ends = [
      { id: "op", status_code: 200, metadata: { done: true } },
      { id: "op", status_code: 400, err: "Failed creating instance" },
      { id: "op", status_code: 103 },
      "Failed to run: forkstart",
      "Instance not found",
      "context deadline exceeded",
    ];
    const client = await serve((request, response) => {
      if (request.method === "POST") {
        json(response, 202, { type: "async", metadata: { id: "op", status_code: 103 } });
      } else {
        assert.equal(request.url, "/1.0/operations/op/wait?timeout=2&project=webinfra");
        const end = ends.shift();
        if (typeof end === "string") {
          json(response, 500, { type: "error", error: end, error_code: 500 });
        } else {
          json(response, 200, { type: "sync", metadata: end });
        }
      }
    });
    const change = (): Promise<unknown> => client.change("POST", "/1.0/instances", {}, { timeoutMs: 2000 });
    assert.deepEqual(await change(), { done: true });
    await assert.rejects(change(), {
      kind: "failed",
      message: "Incus failed at POST /1.0/instances: Failed creating instance",
    });
    await assert.rejects(change(), { kind: "timeout", message: "Incus did not finish POST /1.0/instances within 2 s" });
    await assert.rejects(change(), {
      kind: "failed",
      message: "Incus failed at POST /1.0/instances: Failed to run: forkstart",
    });
    await assert.rejects(change(), { kind: "notFound" });
    await assert.rejects(change(), { kind: "timeout" });
  });

  it("gives up in time, and at once when the caller aborts", async () => {
    const client = await serve(() => undefined);
    await assert.rejects(client.get("/1.0", z.unknown(), { timeoutMs: 50 }), {
      kind: "timeout",
      message: "Incus did not answer GET /1.0 within 0.05 s",
    });
    const controller = new AbortController();
    const waiting = client.get("/1.0", z.unknown(), { signal: controller.signal });
    setTimeout(() => {
      controller.abort(new Error("cancelled"));
    }, 20);
    await assert.rejects(waiting, { message: "cancelled" });
  });

  it("does not take something else for Incus", async () => {
    const client = await serve((_request, response) => response.end("<html>"));
    await assert.rejects(client.get("/1.0", z.unknown()), {
      message: `Incus at ${socket} answered GET /1.0 with something else than JSON`,
    });
  });

  describe("what fails for a moment", () => {
    // As Incus 6.0.4 said it while another stack's machine stopped.
    const going =
      "Failed to delete bridge children interfaces: Failed to run: ip -d -j link show vethd0: exit status 1 " +
      '(Device "vethd0" does not exist.)';
    const busy = new IncusError("failed", going);
    const goneNow = new IncusError("notFound", "Network not found");
    /** Fails as told, one error an attempt, and counts. */
    const failing = (...errors: readonly Error[]) => {
      const attempts = { count: 0 };
      const attempt = (): Promise<void> => {
        const error = errors[attempts.count++];
        return error === undefined ? Promise.resolve() : Promise.reject(error);
      };
      return { attempts, attempt };
    };
    const soon = { count: 3, waitMs: 1 };

    it("removal is tried again while Incus fails, and done when the thing is gone", async () => {
      const twice = failing(busy, busy);
      await remove(twice.attempt, undefined, soon);
      assert.equal(twice.attempts.count, 3);
      const gone = failing(busy, goneNow, busy);
      await remove(gone.attempt, undefined, soon);
      assert.equal(gone.attempts.count, 2);
    });

    it("removal gives Incus's reason when it goes on failing, and a defect at once", async () => {
      const always = failing(busy, busy, busy, busy);
      await assert.rejects(remove(always.attempt, undefined, soon), busy);
      assert.equal(always.attempts.count, 3);
      const defect = failing(new TypeError("a defect"));
      await assert.rejects(remove(defect.attempt, undefined, soon), TypeError);
      assert.equal(defect.attempts.count, 1);
    });

    it("removal ends when the caller aborts", async () => {
      const controller = new AbortController();
      const waiting = remove(failing(busy).attempt, controller.signal, { count: 2, waitMs: 60_000 });
      controller.abort(new Error("cancelled"));
      await assert.rejects(waiting, { message: "cancelled" });
    });

    it("makes a network though an interface of another stack goes meanwhile, and tells other failures at once", async () => {
      const context = quietContext();
      const answers = [going, undefined, "no space left"];
      let asked = 0;
      const client = await serve((request, response) => {
        if (request.method === "GET") {
          const listing = (request.url ?? "").startsWith("/1.0/networks?");
          if (listing) {
            json(response, 200, { type: "sync", metadata: [] });
          } else {
            json(response, 404, { type: "error", error: "Network not found", error_code: 404 });
          }
          return;
        }
        const error = answers[asked++];
        if (error === undefined) {
          json(response, 200, { type: "sync" });
        } else {
          json(response, 500, { type: "error", error, error_code: 500 });
        }
      });
      const given = { name: "webinfra-a", stack: "a" };
      assert.equal((await makeNetwork(client, given, context)).network, "webinfra-a");
      assert.equal(asked, 2);
      await assert.rejects(makeNetwork(client, given, context), {
        message: "Incus answered 500 to POST /1.0/networks?project=default: no space left",
      });
      assert.equal(asked, 3);
    });

    it("deletes a network and a volume that cannot be deleted for a moment", async () => {
      const asked: string[] = [];
      const client = await serve((request, response) => {
        const path = (request.url ?? "").split("?")[0] ?? "";
        if (request.method === "GET") {
          const metadata = { name: path.split("/").at(-1), type: "bridge", managed: true, used_by: [] };
          json(response, 200, { type: "sync", metadata });
          return;
        }
        const again = asked.includes(path);
        asked.push(path);
        if (again) {
          json(response, 200, { type: "sync" });
        } else {
          json(response, 500, { type: "error", error: going, error_code: 500 });
        }
      });
      await deleteNetwork("webinfra-a", client);
      await deleteVolume("webinfra-a-db-1", client);
      const [network, volume] = [
        "/1.0/networks/webinfra-a",
        "/1.0/storage-pools/webinfra/volumes/custom/webinfra-a-db-1",
      ];
      assert.deepEqual(asked, [network, network, volume, volume]);
    });
  });
});

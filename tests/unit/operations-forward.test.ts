/** A port of this machine that leads to one of a host. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { portNumber } from "../../cli/commands/mysql";
import { forward, type Forwarding, listenProblem } from "../../operations/forward";

describe("operations: a port that leads to a host", () => {
  let far: Server;
  let there: () => Socket;
  const ends: Socket[] = [];
  let forwarding: Forwarding | undefined;

  beforeEach(async () => {
    // Greets first, as MySQL does.
    far = createServer((socket) => {
      ends.push(socket);
      socket.on("error", () => undefined);
      socket.write("hello\n");
      socket.pipe(socket);
    });
    await once(far.listen(0, "127.0.0.1"), "listening");
    const { port } = far.address() as AddressInfo;
    there = () => connect(port, "127.0.0.1");
  });
  afterEach(async () => {
    await forwarding?.close();
    forwarding = undefined;
    ends.splice(0).forEach((socket) => socket.destroy());
    far.close();
  });

  const begun = async (port: number): Promise<Socket> => {
    const near = connect(port, "127.0.0.1");
    assert.equal(String((await once(near, "data"))[0]), "hello\n");
    return near;
  };

  it("carries both ways, each connection for itself, and on the loopback interface alone", async () => {
    forwarding = await forward(0, there);
    const [one, other] = [await begun(forwarding.port), await begun(forwarding.port)];
    one.write("one");
    assert.equal(String((await once(one, "data"))[0]), "one");
    other.write("other");
    assert.equal(String((await once(other, "data"))[0]), "other");
    one.destroy();
    other.write("still");
    assert.equal(String((await once(other, "data"))[0]), "still");
    other.destroy();
  });

  it("ends when either end does, and with the forwarding", async () => {
    forwarding = await forward(0, there);
    const near = await begun(forwarding.port);
    const [first] = ends;
    near.end();
    await once(first!, "close");
    const again = await begun(forwarding.port);
    const closed = once(again, "close");
    ends.at(-1)!.destroy();
    await closed;
    const last = await begun(forwarding.port);
    const gone = once(last, "close");
    await forwarding.close();
    forwarding = undefined;
    await gone;
  });

  it("closes a connection whose other end is away, and goes on", async () => {
    let away = true;
    const { port } = far.address() as AddressInfo;
    const closed = createServer();
    await once(closed.listen(0, "127.0.0.1"), "listening");
    const nobody = (closed.address() as AddressInfo).port;
    closed.close();
    await once(closed, "close");
    forwarding = await forward(0, () => connect(away ? nobody : port, "127.0.0.1"));
    const near = connect(forwarding.port, "127.0.0.1");
    near.on("error", () => undefined);
    await once(near, "close");
    away = false;
    (await begun(forwarding.port)).destroy();
  });

  it("says that a port is in use", async () => {
    const { port } = far.address() as AddressInfo;
    await assert.rejects(forward(port, there), {
      name: "UserError",
      message: `port ${String(port)} of 127.0.0.1 is in use: name another one, or none, for one that is free`,
    });
  });

  it("says that a port is for root, and what else is wrong as it is", () => {
    const problem = (code: string) => listenProblem(22, Object.assign(new Error("no"), { code })).message;
    assert.equal(
      problem("EACCES"),
      "port 22 of 127.0.0.1 is for root alone: name one above 1023, or none, for one that is free",
    );
    assert.equal(problem("EADDRNOTAVAIL"), "no");
  });

  it("has a number", () => {
    assert.equal(portNumber("3307"), 3307);
    for (const text of ["0", "65536", "33x", "", "-1", "3307.5"]) {
      assert.throws(() => portNumber(text), {
        message: "It must be a port from 1 to 65535, such as 3307; without one, one is taken that is free.",
      });
    }
  });
});

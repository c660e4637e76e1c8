import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { probe } from "../../provider/probe";

describe("provider: probe", () => {
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  const { signal } = new AbortController();
  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    for (const server of servers.splice(0)) server.close();
  });

  const listen = async (server: Server): Promise<string> => {
    servers.push(server);
    server.on("connection", (socket: Socket) => sockets.add(socket));
    await once(server.listen(0, "127.0.0.1"), "listening");
    return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  };
  const serve = (listener: RequestListener): Promise<string> => listen(createServer(listener));
  /** Does `answer` with the connection once a request came. */
  const serveRaw = (answer: (socket: Socket) => void): Promise<string> =>
    listen(createTcpServer((socket) => socket.once("data", () => answer(socket))));

  it("tells status, headers and text, and asks by the name that it is given", async () => {
    const site = await serve((request, response) => {
      response.writeHead(302, { Location: "/elsewhere", "X-Twice": ["a", "b"] });
      response.end(`${request.method ?? ""} ${request.url ?? ""} of ${request.headers.host ?? ""}`);
    });
    const found = await probe(`${site}/shop?x=1`, signal, { host: "www.foobar.com:8080" });
    assert.ok(found.status !== undefined);
    assert.deepEqual([found.status, found.body], [302, "GET /shop?x=1 of www.foobar.com:8080"]);
    assert.deepEqual([found.headers["location"], found.headers["x-twice"]], ["/elsewhere", "a, b"]);
  });

  it("reads the beginning of an answer that does not end, and hangs up", async () => {
    const left = new AbortController();
    const site = await serve((_request, response) => {
      const writing = setInterval(() => response.write("é".repeat(10_000)), 1);
      response.on("close", () => {
        clearInterval(writing);
        left.abort();
      });
    });
    const found = await probe(site, signal);
    assert.ok(found.status === 200 && found.body.length >= 64 * 1024);
    assert.match(found.body, /^é+$/);
    if (!left.signal.aborted) await once(left.signal, "abort");
  });

  it("gives up on a server that does not answer, and on one that stops in the middle", async () => {
    const problem = "no answer within 0.1 s";
    const silent = await serve(() => undefined);
    assert.deepEqual(await probe(silent, signal, { timeoutMs: 100 }), { status: undefined, problem });
    const halting = await serveRaw((socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"));
    assert.deepEqual(await probe(halting, signal, { timeoutMs: 100 }), { status: undefined, problem });
  });

  it("tells a connection that is refused, and one that is cut", async () => {
    const site = await serveRaw((socket) => socket.destroy());
    assert.deepEqual(await probe(site, signal), { status: undefined, problem: "connection reset" });
    servers.pop()?.close();
    assert.deepEqual(await probe(site, signal), { status: undefined, problem: "connection refused" });
  });

  it("throws when the caller aborts, and only then", async () => {
    const site = await serve(() => undefined);
    const controller = new AbortController();
    const waiting = probe(site, controller.signal);
    controller.abort(new Error("cancelled"));
    await assert.rejects(waiting, { message: "cancelled" });
  });
});

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { TLSSocket } from "node:tls";
import { promisify } from "node:util";
import { probe } from "../../provider/probe";
import { makeAuthority, makeCertificate } from "../../provider/secrets/certificates";

/** A certificate for these names, and the authority that signed it. */
async function certified(...dnsNames: string[]): Promise<{ ca: string; cert: string; key: string }> {
  const authority = await makeAuthority({ commonName: "test" });
  const own = { caCertificate: authority.certificate, caKey: authority.key };
  const { certificate, key } = await makeCertificate({ ...own, commonName: "site", dnsNames });
  return { ca: authority.certificate, cert: certificate, key };
}

describe("provider: probe", () => {
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  const { signal } = new AbortController();
  afterEach(() => {
    for (const socket of sockets) {
      socket.destroy();
    }
    for (const server of servers.splice(0)) {
      server.close();
    }
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
    if (!left.signal.aborted) {
      await once(left.signal, "abort");
    }
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

  describe("with https", () => {
    const problemOf = async (...asked: Parameters<typeof probe>): Promise<string> => {
      const found = await probe(...asked);
      assert.ok(found.status === undefined, `answered ${String(found.status)}`);
      return found.problem;
    };
    /** Answers with the name that TLS was asked for. */
    const serveTls = async (certificate: { readonly cert: string; readonly key: string }): Promise<string> => {
      const server = createTlsServer(certificate, ({ socket }, response) => {
        response.end(socket instanceof TLSSocket && socket.servername !== false ? socket.servername : "");
      });
      return (await listen(server)).replace("http:", "https:");
    };

    it("connects to an address and wants the certificate of the name", async () => {
      const { ca, ...certificate } = await certified("www.foobar.com");
      const site = await serveTls(certificate);
      const found = await probe(site, signal, { host: "www.foobar.com:8443", ca });
      assert.deepEqual(found.status !== undefined && [found.status, found.body], [200, "www.foobar.com"]);
      assert.equal(
        await problemOf(site, signal, { host: "shop.foobar.com", ca }),
        "Hostname/IP does not match certificate's altnames: Host: shop.foobar.com. is not in the cert's altnames: DNS:www.foobar.com",
      );
      assert.match(
        await problemOf(site, signal, { ca }),
        /^Hostname\/IP does not match certificate's altnames: IP: 127.0.0.1 /,
      );
    });

    it("takes the certificate of another address, when that is the site's name", async () => {
      const { ca, ...certificate } = await certified("10.77.0.5");
      const found = await probe(await serveTls(certificate), signal, { host: "10.77.0.5", ca });
      assert.deepEqual(found.status !== undefined && [found.status, found.body], [200, ""]);
    });

    it("trusts the authorities of this computer, and no others", async () => {
      const { ca, ...certificate } = await certified("www.foobar.com");
      const site = await serveTls(certificate);
      const problem = "its certificate is from no authority that this computer trusts";
      assert.equal(await problemOf(site, signal, { host: "www.foobar.com" }), problem);
      const directory = await mkdtemp(join(tmpdir(), "webinfra-probe-"));
      try {
        const file = join(directory, "ca.pem");
        await writeFile(file, ca);
        const program =
          `import { probe } from ${JSON.stringify(resolve(__dirname, "../../provider/probe.ts"))};` +
          `console.log((await probe("${site}", new AbortController().signal, { host: "www.foobar.com" })).body);`;
        // Where OpenSSL, and so Node.js, finds what this computer trusts.
        const env = { ...process.env, SSL_CERT_FILE: file };
        const argv = ["--import", "tsx", "--input-type=module", "-e", program];
        const { stdout } = await promisify(execFile)(process.execPath, argv, { env });
        assert.equal(stdout, "www.foobar.com\n");
      } finally {
        await rm(directory, { recursive: true });
      }
    });
  });
});

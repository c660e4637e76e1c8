import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const BUILD = join(__dirname, "../../app/build.mjs");

interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/** The bundle as hosts run it: a process of its own, in the folder of the release. */
class Bundle {
  private stdout = "";
  private stderr = "";
  private readonly exit: Promise<number | null>;

  public constructor(private readonly child: ChildProcess) {
    child.stdout?.on("data", (chunk: Buffer) => (this.stdout += chunk.toString()));
    child.stderr?.on("data", (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.exit = once(child, "close").then(([code]: unknown[]) => (typeof code === "number" ? code : null));
  }

  public get output(): Output {
    return { stdout: this.stdout, stderr: this.stderr };
  }

  public ended(): Promise<number | null> {
    return this.exit;
  }

  /** The port it chose, from its first log line. */
  public async port(): Promise<number> {
    for (let tries = 0; tries < 200; tries += 1) {
      const port = /"event":"started".*"port":(\d+)/.exec(this.stdout)?.[1];
      if (port !== undefined) {
        return Number(port);
      }
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error(`the application did not start: ${this.stderr}${this.stdout}`);
  }

  public stop(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}

describe("app: the built application", function () {
  this.timeout(20_000);

  let folder = "";
  let silent: Server;
  let silentPort = 0;
  const running: Bundle[] = [];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "webinfra-app-"));
    execFileSync(process.execPath, [BUILD, join(folder, "dist")]);
    writeFileSync(join(folder, "ca.pem"), "-----BEGIN CERTIFICATE-----\n");
    // A database that takes connections and says nothing, like a frozen server behind a proxy.
    silent = createServer((socket) => socket.on("error", () => undefined));
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    const address = silent.address();
    silentPort = typeof address === "object" && address !== null ? address.port : 0;
  });

  afterEach(() => {
    for (const bundle of running.splice(0)) {
      bundle.stop("SIGKILL");
    }
  });

  after(() => {
    silent.close();
    rmSync(folder, { recursive: true });
  });

  const start = (change: Record<string, string> = {}): Bundle => {
    const endpoint = (prefix: string): Record<string, string> => ({
      [`${prefix}_HOST`]: "127.0.0.1",
      // Nothing listens on port 1.
      [`${prefix}_PORT`]: "1",
      [`${prefix}_USER`]: "guestbook",
      [`${prefix}_PASSWORD`]: "secret-word",
      [`${prefix}_NAME`]: "guestbook",
      [`${prefix}_CA`]: join(folder, "ca.pem"),
      [`${prefix}_SERVER_NAME`]: "mysql.webinfra.internal",
    });
    const bundle = new Bundle(
      spawn(process.execPath, ["server.js"], {
        cwd: join(folder, "dist"),
        env: {
          PORT: "0",
          SERVER_NAME: "web-1",
          DRAIN_SECONDS: "0",
          ...endpoint("DATABASE_WRITE"),
          ...endpoint("DATABASE_READ"),
          ...change,
        },
      }),
    );
    running.push(bundle);
    return bundle;
  };

  it("is the same bytes whenever it is built", () => {
    const digest = (out: string): string[] =>
      readdirSync(out, { recursive: true, withFileTypes: true })
        .filter((file) => file.isFile())
        .map(
          ({ parentPath, name }) =>
            `${name} ${createHash("sha256")
              .update(readFileSync(join(parentPath, name)))
              .digest("hex")}`,
        )
        .sort();
    const again = join(folder, "elsewhere", "again");
    execFileSync(process.execPath, [BUILD, again], { cwd: tmpdir() });
    assert.deepEqual(digest(again), digest(join(folder, "dist")));
    assert.deepEqual(readdirSync(again).sort(), ["LICENSES.txt", "server.js", "static"]);
  });

  it("does not start on a bad environment, and says why in one line", async () => {
    const bundle = start({ DATABASE_WRITE_USER: "" });
    assert.equal(await bundle.ended(), 1);
    assert.deepEqual(bundle.output, {
      stdout: "",
      stderr: "environment: DATABASE_WRITE_USER is not set, it must be the application's database account\n",
    });
  });

  it("does not start on a port that is taken, and says so", async () => {
    const bundle = start({ PORT: String(silentPort) });
    assert.equal(await bundle.ended(), 1);
    assert.match(bundle.output.stderr, /^cannot listen on HOST 127\.0\.0\.1, PORT \d+: .*EADDRINUSE.*\n$/);
  });

  it("serves without a database: healthy, a clean 503 within its time, no secret in the log", async () => {
    // One whose port is closed, one whose database takes the connection and never speaks.
    const bundles = [start(), start({ DATABASE_READ_PORT: String(silentPort) })];
    await Promise.all(
      bundles.map(async (bundle) => {
        const site = `http://127.0.0.1:${String(await bundle.port())}`;
        assert.equal((await fetch(`${site}/static/style.css`)).status, 200);
        const begin = performance.now();
        const answer = await fetch(`${site}/api/entries`);
        assert.equal(answer.status, 503);
        assert.ok(performance.now() - begin < 5000);
        assert.equal((await fetch(`${site}/healthz`)).status, 200);
        assert.match(bundle.output.stdout, /"event":"request-failed".*"reason":"[^"]+"/);
        assert.doesNotMatch(bundle.output.stdout + bundle.output.stderr, /secret-word/);
      }),
    );
  });

  it("finishes a request in flight on SIGTERM, then exits with 0", async () => {
    const bundle = start();
    const port = await bundle.port();
    const body = JSON.stringify({ name: "", message: "Hello" });
    const post = request({
      port,
      host: "127.0.0.1",
      method: "POST",
      path: "/api/entries",
      headers: { "Content-Type": "application/json", "Content-Length": body.length },
    });
    post.write(body.slice(0, 5));
    const answered = once(post, "response");
    // The request has arrived when a later one has been answered.
    await (await fetch(`http://127.0.0.1:${String(port)}/healthz`)).text();
    bundle.stop("SIGTERM");
    let health = 0;
    for (let tries = 0; health !== 503 && tries < 100; tries += 1) {
      health = (await fetch(`http://127.0.0.1:${String(port)}/healthz`)).status;
    }
    assert.equal(health, 503);
    post.end(body.slice(5));
    const [response] = (await answered) as [{ statusCode?: number; resume(): void }];
    assert.equal(response.statusCode, 400);
    response.resume();
    assert.equal(await bundle.ended(), 0);
    assert.match(bundle.output.stdout, /"event":"stopping".*\n.*"event":"stopped"/);
  });
});

/** An application of one's own: what it is given, and what is said of one that is broken, as the first release and as one beside a good one. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { applicationVariables } from "../../../services/app/environment";
import { assertNothingFailed, type Ended, figure, manage, Site } from "../../support/site";

/** Answers whatever it is asked for with its own environment. */
const good = `
const { createServer } = require("node:http");
const { HOST, PORT } = process.env;
createServer((request, response) => {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(process.env));
}).listen(Number(PORT), HOST, () => console.log("listening on " + HOST + ":" + PORT));
`;

describe("an application of one's own", function () {
  // Above what a command may take, so that the command says what it waited for.
  this.timeout(600_000);

  const site = new Site({ web: 1, replicas: 0 });
  manage(site);
  const directory = join(site.directory, "shop");
  const start = "/usr/bin/env node server.js";

  /** Makes this the application. */
  function write(server: string): void {
    mkdirSync(join(directory, "static"), { recursive: true });
    writeFileSync(join(directory, "static", "style.css"), "body {}\n");
    writeFileSync(join(directory, "server.js"), server);
  }

  /** Runs `up`, which must fail. @returns what it says of web-1, and the lines below that */
  async function broken(
    what: string,
    config: object = {},
  ): Promise<Ended & { readonly told: string; readonly below: string[] }> {
    site.configure({ app: { directory, start }, ...config });
    const ended = await site.run(site.upArguments());
    assert.equal(ended.code, 1, ended.stdout + ended.stderr);
    const [, report = ""] =
      /^ready: the site \S+ is not ready after \d+ s:\n([^]*?)^Nothing was deleted: /m.exec(ended.stderr) ?? [];
    const [first = "", ...below] = report.trimEnd().split("\n");
    const [, told] = /^ {2}web-1 \(machine webinfra-\S+ at \S+\): (.*)$/.exec(first) ?? [];
    assert.ok(told, ended.stderr);
    figure(`up with ${what}`, ended.seconds, "s");
    return { ...ended, told, below };
  }

  /** What `up` shows of its log, without the time in front of each line. */
  const logged = (below: readonly string[]): string[] => {
    assert.equal(below[0], "    the application's log, its last 20 lines:");
    return below.slice(1).map((line) => line.replace(/^ {6}\d\d:\d\d:\d\d /, ""));
  };

  /** The release that serves, as the site says it. */
  const serving = async (): Promise<string> => (await site.fetch("/")).headers["x-release"]!;

  it("that cannot be started ends its first up at once, with its command, and no log of how its host was set up", async () => {
    write(good);
    const command = "/opt/shop/serve --fast";
    const { seconds, told, below } = await broken("a start command that does not exist", {
      app: { directory, start: command },
    });
    assert.match(
      told,
      /^release [0-9a-f]{12}: the application's start command cannot be run: \/opt\/shop\/serve: no such file or directory \(exit status 203\/EXEC, app\.start is "\/opt\/shop\/serve --fast"\)$/,
    );
    const [log, ...others] = below;
    assert.equal(log, "    the application's log, its last 20 lines: nothing: it wrote no line to its output");
    for (const line of others) {
      // Hosts that were not waited for.
      assert.match(line, /^ {2}(db|lb)-1 \(machine /);
    }
    assert.ok(seconds < 180, `it took ${String(seconds)} s`);
  });

  it("finds each variable in its environment", async () => {
    site.configure({ app: { directory, start } });
    await site.up();
    const answer = await site.fetch("/");
    const environment = JSON.parse(answer.body) as Readonly<Record<string, string>>;
    const { machine, address } = await site.machine("web-1");
    const {
      DATABASE_WRITE_PASSWORD: password,
      PORT: port,
      ...found
    } = Object.fromEntries(
      Object.values(applicationVariables)
        .flat()
        .map((name) => [name, environment[name]]),
    );
    assert.ok(port === "3000" || port === "3001", port);
    assert.ok(password);
    const database = (kind: string, at: number) => ({
      [`DATABASE_${kind}_HOST`]: "127.0.0.1",
      [`DATABASE_${kind}_PORT`]: String(at),
      [`DATABASE_${kind}_USER`]: "app",
      [`DATABASE_${kind}_NAME`]: "site",
      [`DATABASE_${kind}_CA`]: "/etc/webinfra/tls/ca.pem",
      [`DATABASE_${kind}_SERVER_NAME`]: "db.webinfra.internal",
    });
    assert.deepEqual(found, {
      HOST: "127.0.0.1",
      SERVER_NAME: "web-1",
      MACHINE_ID: machine,
      PRIVATE_ADDRESS: address,
      RELEASE: answer.headers["x-release"],
      ...database("WRITE", 3306),
      ...database("READ", 3307),
      DATABASE_READ_PASSWORD: password,
    });
  });

  it("finds another RELEASE as another release, which takes over without a failed request", async () => {
    const before = await serving();
    write(`${good}// another release\n`);
    const load = await site.load({ requests: [["GET", "/"]] });
    await site.up();
    const { body } = await site.fetch("/");
    assertNothingFailed(await load.stop(0));
    const { RELEASE: release } = JSON.parse(body) as { readonly RELEASE: string };
    assert.equal(release, await serving());
    assert.notEqual(release, before);
  });

  for (const { what, server, seconds, told, log } of [
    {
      what: "nobody who listens on the port",
      server: 'console.log("waiting for nothing"); setInterval(() => undefined, 1000);\n',
      seconds: 20,
      told: /the application runs, but nothing listens on port 300[01] \(PORT\) after \d+ s \(app\.start is "\/usr\/bin\/env node server\.js"\)/,
      log: /^waiting for nothing$/,
    },
    {
      what: "another port",
      server: 'console.log("on 8765"); require("node:http").createServer().listen(8765, "127.0.0.1");\n',
      seconds: 20,
      told: /the application runs, but nothing listens on port 300[01] \(PORT\) after \d+ s, but on 127\.0\.0\.1:8765 \(app\.start is "\/usr\/bin\/env node server\.js"\)/,
      log: /^on 8765$/,
    },
    {
      what: "a health path that answers 500",
      server: `
require("node:http").createServer((request, response) => {
  console.error("refused as", process.env.DATABASE_WRITE_PASSWORD);
  response.writeHead(500).end("<h1>Error</h1>\\n<p>no table\\x1b[31m orders</p>");
}).listen(Number(process.env.PORT), process.env.HOST);\n`,
      seconds: 20,
      told: /GET \/healthz answers 500 and not 200: "Error no table orders" \(app\.healthPath is "\/healthz"\)/,
      log: /^refused as \[secret\]$/,
    },
    {
      what: "an end after five seconds",
      // It answers well until then.
      server: `${good}setTimeout(() => { console.error("cannot go on"); process.exit(1); }, 5000);\n`,
      seconds: 300,
      told: /the application ended after 5 s with exit code 1, \d times in a row \(app\.start is "\/usr\/bin\/env node server\.js"\)/,
      log: /^(listening on 127\.0\.0\.1:300[01]|cannot go on)$/,
    },
    {
      what: "a command that does not exist",
      server: 'console.log("looking for the shop"); process.exit(127);\n',
      seconds: 300,
      told: /the application's start command cannot be run: exit code 127, a command that does not exist \(app\.start is "\/usr\/bin\/env node server\.js"\)/,
      log: /^looking for the shop$/,
    },
  ]) {
    it(`with ${what} is told so, with its own log first, and the old one serves on`, async () => {
      const before = await serving();
      write(server);
      const load = await site.load({ requests: [["GET", "/"]] });
      const ended = await broken(what, { readyTimeoutSeconds: seconds });
      const report = await load.stop(0);
      const [, said = ""] = /^release [0-9a-f]{12}: (.*)$/.exec(ended.told) ?? [];
      const goesOn = `, and release ${before.slice(0, 12)} goes on serving`;
      assert.match(said.replace(goesOn, ""), new RegExp(`^${told.source}$`));
      assert.ok(said.endsWith(goesOn), said);
      const lines = logged(ended.below);
      assert.ok(lines.length > 0 && lines.length <= 20, ended.stderr);
      for (const line of lines) {
        assert.match(line, log);
      }
      // Those that are sure to be broken do not make anybody wait.
      assert.ok(ended.seconds < Math.min(seconds + 60, 150), `it took ${String(ended.seconds)} s`);
      assertNothingFailed(report);
      assert.deepEqual(Object.keys(report.releases), [before]);
      assert.equal(await serving(), before);
    });
  }

  it("that is good again takes over", async () => {
    const before = await serving();
    write(`${good}// mended\n`);
    site.configure({ app: { directory, start } });
    await site.up();
    assert.notEqual(await serving(), before);
    assert.equal((await site.state("web-1")).error, null);
  });
});

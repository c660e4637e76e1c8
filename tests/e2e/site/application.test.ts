/** An application of one's own: what it is given, what is said of one that is broken, as the first release and as one beside a good one, and working on it each day. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { createConnection } from "mysql2/promise";
import { applicationVariables } from "../../../services/app/environment";
import { eventually } from "../../support/eventually";
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

  /** What the command says on its standard output, a line each. */
  const said = async (...args: readonly string[]): Promise<string[]> =>
    (await site.succeed(...args, "--stack", site.stack)).stdout.trimEnd().split("\n");

  it("goes back to the release before without a failed request, and the next up releases its folder again", async () => {
    const folder = await serving();
    write(`${good}// a mistake\n`);
    await site.up();
    const mistake = await serving();
    const load = await site.load({ requests: [["GET", "/"]] });
    const lines = await said("rollback");
    assertNothingFailed(await load.stop(0));
    assert.equal(await serving(), folder);
    assert.equal(lines[0], `going back from release ${mistake.slice(0, 12)} to ${folder.slice(0, 12)}`);
    assert.match(
      lines.at(-2) ?? "",
      new RegExp(`^release ${folder.slice(0, 12)} runs on web-1 again, and not ${mistake.slice(0, 12)}; after `),
    );
    assert.equal(
      lines.at(-1),
      `the next \`webinfra up --stack ${site.stack}\` releases the application's folder as it is then: take the change back there first ` +
        `(such as with git revert), then \`webinfra up --stack ${site.stack}\``,
    );
    const there = await site.run(["rollback", folder.slice(0, 8), "--stack", site.stack]);
    assert.equal(there.code, 1);
    assert.equal(
      there.stderr,
      `webinfra: release ${folder.slice(0, 12)} is the one that the site is to run already. Nothing was changed.\n`,
    );
    await site.up();
    assert.equal(await serving(), mistake);
    const { stdout } = await site.succeed("rollback", folder.slice(0, 8), "--stack", site.stack, "--json");
    const { release, from, hosts } = JSON.parse(stdout) as Readonly<Record<string, unknown>>;
    assert.deepEqual({ release, from, hosts }, { release: folder, from: mistake, hosts: ["web-1"] });
    await site.up("--refresh");
    assert.equal(await serving(), mistake);
  });

  it("is started anew on request without a failed one", async () => {
    const started = async (): Promise<string> => {
      const { body } = await site.fetch("/");
      return (JSON.parse(body) as { readonly PORT: string }).PORT;
    };
    const before = await started();
    const load = await site.load({ requests: [["GET", "/"]] });
    const lines = await said("restart", "app", "web-1");
    assertNothingFailed(await load.stop(0));
    assert.notEqual(await started(), before);
    assert.equal(lines[0], "web-1: starting the application anew, beside the one that runs");
    assert.match(lines[1] ?? "", /^web-1: the new one serves, after \S+ s$/);
    assert.match(lines[2] ?? "", /^the application was started anew on web-1; after \S+ s$/);
  });

  it("is on the page with each change while it is written, a broken one shows its log, and up goes on from there", async () => {
    const before = await serving();
    const pointer = () =>
      JSON.parse(readFileSync(site.document("pointers/release.json"), "utf8")) as { readonly previous: string[] };
    const previous = [...new Set([before, ...pointer().previous])];
    const dev = site.start(["dev", "--stack", site.stack, "--config-file", site.configFile]);
    await eventually("dev to watch", async () => {
      assert.match(dev.output(), /^release [0-9a-f]{12} is what the folder holds$/m, dev.output());
      return Promise.resolve();
    });
    const load = await site.load({ requests: [["GET", "/"]] });
    const times: number[] = [];
    for (const change of ["one", "two", "three"]) {
      const begun = performance.now();
      write(good.replace("response.end(", `response.setHeader("x-change", "${change}");\n  response.end(`));
      await eventually("the change on the page", async () => {
        assert.equal((await site.fetch("/")).headers["x-change"], change);
      });
      times.push((performance.now() - begun) / 1000);
      await eventually("dev to tell it", () => {
        assert.equal(
          dev.output().match(/^released [0-9a-f]{12} on web-1 in \S+ s$/gm)?.length,
          times.length,
          dev.output(),
        );
        return Promise.resolve();
      });
    }
    figure("from a saved file to the page, with dev", Math.min(...times), "s");
    const last = await serving();
    write("this is no program(\n");
    await eventually("dev to tell that it is broken", () => {
      assert.match(
        dev.output(),
        /^release [0-9a-f]{12} is not healthy on web-1, and the one before goes on: the application ended after \d+ s with exit code 1/m,
      );
      assert.match(dev.output(), /^ {2}\d\d:\d\d:\d\d SyntaxError: /m);
      return Promise.resolve();
    });
    assert.equal(await serving(), last);
    // A build may take it all away for a moment.
    rmSync(directory, { recursive: true });
    await eventually("dev to miss the folder", () => {
      assert.match(
        dev.output(),
        /^not released: .*\n {2}- webinfra:app\.directory is .*: there is no such folder at /m,
      );
      return Promise.resolve();
    });
    write(`${good}// while it was written\n`);
    await eventually("the mended one", async () => {
      const now = await serving();
      assert.ok(now !== last && now !== before, now);
    });
    const mended = await serving();
    await eventually("dev to tell it", () => {
      assert.ok(dev.output().includes(`released ${mended.slice(0, 12)} on web-1 in `), dev.output());
      return Promise.resolve();
    });
    dev.child.kill("SIGINT");
    const ended = await dev.ended;
    assert.equal(ended.code, 0, ended.stderr);
    assert.equal(
      ended.stdout.trimEnd().split("\n").at(-1),
      `ended: the site goes on with release ${mended.slice(0, 12)}; \`webinfra up --stack ${site.stack}\` releases the folder as it is then, and makes that the stack's`,
    );
    assertNothingFailed(await load.stop(0));
    assert.deepEqual(pointer(), { version: 2, release: mended, previous, quick: true });
    await site.up();
    assert.equal(await serving(), mended);
    assert.deepEqual(pointer(), { version: 2, release: mended, previous });
    // What was tried in between is nothing that anybody goes back to, and takes no room.
    await said("rollback");
    assert.equal(await serving(), before);
    const packages = readdirSync(site.document("releases"));
    assert.ok(packages.includes(`${mended}.tar.gz`) && !packages.includes(`${last}.tar.gz`), packages.join(" "));
  });

  it("finds its database also from this machine, through a port that leads there", async () => {
    const going = site.start(["mysql", "--port-forward", "--stack", site.stack]);
    const [, port = ""] = await eventually("the port", () => {
      const found = /^127\.0\.0\.1:(\d+) is MySQL on db-1, which takes writes; Ctrl-C ends it$/m.exec(going.output());
      assert.ok(found, going.output());
      return Promise.resolve(found);
    });
    const [, fetching = ""] = /^ {2}MYSQL_PWD="\$\((.*)\)" mysql --host 127\.0\.0\.1 /m.exec(going.output()) ?? [];
    const { stdout: password } = await promisify(execFile)("sh", ["-c", fetching], {
      env: { ...process.env, PATH: site.path, WEBINFRA_HOME: site.home },
    });
    assert.ok(password);
    assert.ok(!going.output().includes(password));
    const connection = await createConnection({
      ...{ host: "127.0.0.1", port: Number(port), user: "app", password, database: "site" },
      ssl: { ca: await site.shell("db-1", "cat /etc/webinfra/tls/ca.pem"), verifyIdentity: false },
    });
    const [rows] = await connection.query("select @@hostname as host");
    await connection.end();
    assert.deepEqual(JSON.parse(JSON.stringify(rows)), [{ host: "db-1" }]);
    going.child.kill("SIGINT");
    assert.equal((await going.ended).code, 0);
  });
});

/** What somebody at a terminal meets: questions before something goes, hints that can be pasted, and another run that is in the way. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { eventually } from "../../support/eventually";
import { type Ended, manage, mysql, Site } from "../../support/site";

/** The commands that a text names, each once. */
const hintsIn = (text: string): readonly string[] => [
  ...new Set([...text.matchAll(/`(webinfra [^`]+)`/g)].map(([, hint = ""]) => hint)),
];

describe("the command at a terminal", function () {
  this.timeout(600_000);

  const site = new Site({ web: 1, replicas: 0, mysql: mysql({ memoryMiB: 384 }) });
  manage(site);

  const hosts = async (): Promise<readonly string[]> => (await site.machines()).map(({ host }) => host).sort();
  const withoutYes = (...more: readonly string[]): readonly string[] => [
    ...site.upArguments().filter((word) => word !== "--yes"),
    ...more,
  ];

  /** Runs the command on a terminal, and answers its question. */
  async function answering(args: readonly string[], answer: string): Promise<string> {
    const words = ["webinfra", ...args].map((word) => `'${word}'`).join(" ");
    const child = spawn("script", ["--quiet", "--return", "--command", words, "/dev/null"], {
      env: {
        ...process.env,
        PATH: site.path,
        WEBINFRA_HOME: site.home,
        PULUMI_CREDENTIALS_PATH: site.directory,
        CI: "true",
        COLUMNS: "100",
      },
      stdio: ["pipe", "pipe", "inherit"],
    });
    let shown = "";
    let asked = false;
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      shown += text;
      if (!asked && shown.includes("[y/N]")) {
        asked = true;
        child.stdin.write(`${answer}\r`);
      }
    });
    await new Promise((resolve) => child.on("close", resolve));
    assert.ok(asked, shown);
    return shown;
  }

  /** Runs a hint as whoever reads it would: pasted into a shell. */
  const pasted = async (hint: string): Promise<Ended> => {
    const words = hint.split(" ").slice(1);
    return site.run(words);
  };

  before("up with a value for one run", async () => {
    const { stdout } = await site.up("--config", "web=2");
    assert.match(stdout, /^for this run alone: web=2; the next `webinfra up --stack \S+` takes that back$/m);
    assert.match(stdout, /^to keep it: `webinfra config set --stack \S+ --config-file \S+ web=2`$/m);
  });

  it("does not take a host away where nobody can be asked", async () => {
    const { code, stdout, stderr } = await site.run(withoutYes());
    assert.equal(code, 1, stdout + stderr);
    assert.match(stdout, /^the last run was given values .* takes them back: web from 2 to 1$/m);
    assert.match(stdout, /^this update deletes or replaces:\n {2}- delete web-2 \[webinfra:incus:Machine\]$/m);
    assert.equal(
      stderr,
      "webinfra: nothing was changed: this update deletes or replaces 1 resource (web-2), and there is no terminal to ask at: give --yes to go ahead\n",
    );
    assert.deepEqual(await hosts(), ["db-1", "lb-1", "web-1", "web-2"]);
  });

  it("asks nothing where nothing is taken away, and looks at no plan where nothing changed", async () => {
    const { code, stdout } = await site.run(withoutYes("--config", "web=2"));
    assert.equal(code, 0, stdout);
    assert.doesNotMatch(stdout, /looking at what would change/);
    assert.match(stdout, /nothing changed/);
  });

  it("asks at a terminal, and takes a no for one", async () => {
    const shown = await answering(withoutYes(), "n");
    assert.match(shown, /delete web-2/);
    assert.match(shown, /webinfra: nothing was changed/);
    assert.deepEqual(await hosts(), ["db-1", "lb-1", "web-1", "web-2"]);
  });

  it("goes ahead after a yes", async () => {
    const shown = await answering(withoutYes(), "y");
    assert.match(shown, /done in /);
    assert.deepEqual(await hosts(), ["db-1", "lb-1", "web-1"]);
  });

  it("writes what is to stay into the stack's file, and brings it up", async () => {
    const before = readFileSync(site.configFile, "utf8");
    await site.succeed("scale", "web=2", "--stack", site.stack, "--config-file", site.configFile);
    assert.equal(readFileSync(site.configFile, "utf8"), before.replace("webinfra:web: 1", "webinfra:web: 2"));
    assert.deepEqual(await hosts(), ["db-1", "lb-1", "web-1", "web-2"]);
  });

  describe("shows logs", () => {
    const logs = async (...args: readonly string[]): Promise<string[]> =>
      (await site.succeed("logs", "--stack", site.stack, ...args)).stdout.trimEnd().split("\n");

    it("of all hosts as one, in the order of time", async () => {
      for (const _ of Array(4)) {
        assert.equal((await site.fetch("/")).status, 200);
      }
      await eventually("the visits in the logs", async () => {
        const lines = await logs("--since", "10m");
        const hostsIn = new Set(lines.map((line) => line.split(" ")[3]));
        assert.deepEqual(
          [...hostsIn].filter((host) => host !== undefined && /^(lb|web|db)-\d$/.test(host)).sort(),
          await hosts(),
        );
        const times = lines.flatMap((line) => /^\w{3} \d\d (\d\d:\d\d:\d\d) /.exec(line)?.[1] ?? []);
        assert.deepEqual(times, times.toSorted());
      });
    });

    it("that hold something, of a time, of the application, or of a host", async () => {
      const visits = await logs("--grep", '"GET / HTTP', "--since", "10m");
      assert.ok(visits.length >= 8, visits.join("\n"));
      assert.ok(visits.every((line) => line.includes('"GET / HTTP')));
      const application = await logs("--app");
      assert.ok(
        application.some((line) => /web-\d node\[\d+\]: .*"event":"started"/.test(line)),
        application.join("\n"),
      );
      assert.ok(!application.some((line) => line.includes(" nginx: ")));
      assert.ok((await logs("lb-1", "--lines", "5")).length <= 5);
      assert.deepEqual(await logs("--grep", "no line has this"), [""]);
    });

    it("as they come, until nobody reads them", async () => {
      const going = site.start(["logs", "-f", "--stack", site.stack, "--grep", "followed-mark"]);
      await eventually("a visit that is followed", async () => {
        await site.fetch("/?followed-mark");
        assert.match(going.output(), /followed-mark/);
      });
      going.child.kill("SIGINT");
      assert.equal((await going.ended).code, 0);
      await eventually("nobody follows on the hosts", async () => {
        for (const host of await hosts()) {
          assert.equal(await site.shell(host, "pgrep -fc '[w]ebinfra.*logs.*--follow' || true"), "0\n", host);
        }
      });
    });
  });

  it("opens the database: a client, statements, and all data as SQL", async () => {
    const mysqlOn = async (...args: readonly string[]): Promise<string> =>
      (await site.succeed("mysql", "--stack", site.stack, ...args)).stdout;
    assert.equal(await mysqlOn("--execute", "select 40 + 2 as answer"), "answer\n42\n");
    const dump = await mysqlOn("--dump");
    assert.match(dump, /^CREATE TABLE `entries`/m);
    assert.match(dump, /^-- Dump completed/m);
    const { code, stderr } = await site.run(["mysql", "web-1", "--stack", site.stack]);
    assert.deepEqual([code, stderr], [1, 'webinfra: "web-1" has no database; databases: db-1\n']);
  });

  describe("while another run holds the stack", () => {
    /** A lock as Pulumi makes it, of a process that looks like one. */
    async function locked<T>(operation: (end: () => void, pid: number) => Promise<T>): Promise<T> {
      const holder = spawn("bash", ["-c", "exec -a pulumi sleep 300"]);
      const { pid } = holder;
      assert.ok(pid !== undefined);
      const folder = join(site.home, "state", ".pulumi", "locks", "organization", "webinfra", site.stack);
      mkdirSync(folder, { recursive: true });
      writeFileSync(
        join(folder, "other.json"),
        JSON.stringify({ pid, username: "ada", hostname: hostname(), timestamp: "2026-01-02T03:04:05Z" }),
      );
      try {
        return await operation(() => holder.kill(), pid);
      } finally {
        holder.kill();
      }
    }

    it("says who does, and gives up", async () => {
      await locked(async (_end, pid) => {
        const { code, stdout, stderr } = await site.run(site.upArguments());
        assert.equal(code, 1);
        const holder = `process ${String(pid)} of ada on ${hostname()}, since 2026-01-02T03:04:05Z`;
        assert.ok(
          stdout.includes(`another run holds the stack "${site.stack}" (${holder}); waiting up to 15 s\n`),
          stdout,
        );
        assert.equal(
          stderr,
          `webinfra: the stack "${site.stack}" is being changed by another run (${holder}); --wait waits until that ends. ` +
            `If it cannot be running any more, \`eval "$(webinfra env --stack ${site.stack})" && pulumi cancel --yes\` removes its lock\n`,
        );
      });
    });

    it("waits with --wait until that ends", async () => {
      await locked(async (end) => {
        const going = site.start(site.upArguments("--wait"));
        going.child.stdout?.on("data", () => {
          if (going.output().includes("waiting until it ends")) {
            end();
          }
        });
        const { code, stdout, stderr } = await going.ended;
        assert.equal(code, 0, stdout + stderr);
        assert.match(stdout, /waiting until it ends/);
      });
    });
  });

  it("prints hints that can be pasted: each of them is run", async () => {
    await site.run(["status", "--stack", site.stack]);
    await site.run(["database", "--stack", site.stack]);
    await site.run(["doctor", "--stack", site.stack]);
    await site.run(["exec", "web-9", "--stack", site.stack]);
    await site.up();
    // Those that bring the site down come last, for the others need it.
    const order = (hint: string): number => (hint.includes(" down ") ? 1 : 0);
    const hints = hintsIn(site.transcript).toSorted((a, b) => order(a) - order(b));
    for (const command of ["status", "logs", "up", "config", "down"]) {
      assert.ok(
        hints.some((hint) => hint.startsWith(`webinfra ${command} `)),
        `none of ${hints.join(", ")} is of ${command}`,
      );
    }
    for (const hint of hints) {
      const { code, stdout, stderr } = await pasted(hint);
      assert.equal(code, 0, `${hint} ended with ${String(code)}:\n${stdout}${stderr}`);
    }
    const { stdout } = await site.run(["status", "--stack", site.stack]);
    const afterwards = hintsIn(stdout);
    assert.deepEqual(afterwards, [`webinfra up --stack ${site.stack}`]);
    for (const hint of afterwards) {
      assert.equal((await pasted(hint)).code, 0, hint);
    }
  });
});

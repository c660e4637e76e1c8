/** A site of its own for end-to-end tests: the real command, a temporary WEBINFRA_HOME, a stack of a random name. */
import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { type Dispatcher, request } from "undici";
import { parse, stringify } from "yaml";
import { stackMachines } from "../../operations/access/incus";
import type { HostMachine } from "../../operations/machines";
import {
  deleteInstance,
  deleteNetwork,
  deleteVolume,
  exec,
  listInstances,
  listNetworks,
  listVolumes,
  networkName,
  PROJECT,
} from "../../provider/incus";
import { eventually } from "./eventually";
import { type HostState, stateOf } from "./agent";
import { startMachine } from "./machine";

/** Runs the incus client on the project of ours. */
export const incus = (...args: string[]) => promisify(execFile)("incus", ["--project", PROJECT, ...args]);

/** A command that takes longer hangs. `up` gives up before, with a report of what is missing. */
const [COMMAND_SECONDS, READY_SECONDS] = [450, 360];

/** The repository. */
export const repository = resolve(__dirname, "../..");

const dev = parse(readFileSync(join(repository, "Pulumi.dev.yaml"), "utf8")) as { config: Record<string, object> };
/** The databases' settings of the committed stack, with others on top. */
export const mysql = (settings: object = {}) => ({ ...dev.config["webinfra:mysql"], ...settings });

/** Runs a shell script as root in a machine; its output is the error when it fails. */
export async function shell(machine: string, script: string): Promise<string> {
  const { code, stdout, stderr } = await exec(machine, ["bash", "-euo", "pipefail", "-c", script]);
  assert.equal(code, 0, `exit code ${String(code)} in ${machine} of: ${script}\n${stdout}\n${stderr}`);
  return stdout;
}

/** What a run of the command left behind. */
export interface Ended {
  /** Exit code; 128 and more when a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

/** A run of the command that is going on. */
export interface Going {
  readonly child: ChildProcess;
  /** All that it has written. */
  readonly output: () => string;
  readonly ended: Promise<Ended>;
}

/** An answer of the site. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What to send and how fast; see load.py. */
export interface LoadPlan {
  /** Workers that keep their connection. Default 3. */
  readonly keep?: number;
  /** Workers that open a connection a request. Default 2. */
  readonly new?: number;
  /** Requests a second of each worker. Default 8. */
  readonly rate?: number;
  readonly requests?: readonly (readonly ["GET" | "HEAD" | "POST", string])[];
}

/** What came of a load. */
export interface LoadReport {
  readonly seconds: number;
  /** Requests by "METHOD path outcome". */
  readonly counts: Readonly<Record<string, number>>;
  /** Answers by web server, by machine, by database and by release. */
  readonly servedBy: Readonly<Record<string, number>>;
  readonly machines: Readonly<Record<string, number>>;
  readonly databases: Readonly<Record<string, number>>;
  readonly releases: Readonly<Record<string, number>>;
  /** The first failures; empty when every request was answered with success. */
  readonly failures: readonly object[];
  /** When the last failure was, in seconds from the start. */
  readonly lastFailure: number;
  /** Seconds that the slowest request took. */
  readonly slowest: number;
  /** Seconds of the longest time in which no write was acknowledged. */
  readonly writeGap: number;
  /** Ids of the entries whose POST was acknowledged. */
  readonly acknowledged: readonly string[];
}

/** What an error tells of a load. */
export const summaryOf = ({ counts, failures }: LoadReport): string => JSON.stringify({ counts, failures });

export function assertNothingFailed(report: LoadReport): void {
  assert.deepEqual(report.failures, [], summaryOf(report));
}

/** A load that is going on. */
export interface Load {
  /**
   * Ends it when enough writes were acknowledged, and tells what came of it: how long a test takes does not say how much load it had.
   * @param writes how many are enough. Default 6.
   */
  stop(writes?: number): Promise<LoadReport>;
}

/** GET requests to send, for `seconds`: `rate` a second however slow the answers are, or `workers` under way all the time. */
export type Offer = { readonly path: string; readonly seconds: number } & (
  { readonly rate: number } | { readonly workers: number }
);

/** What came of one request of an offer, in seconds from the offer's start. Status 0: no answer. */
export interface Offered {
  readonly began: number;
  readonly seconds: number;
  readonly status: number;
}

/** An offer that is going on. */
export interface Offering {
  /** Seconds since it began. */
  elapsed(): number;
  /** Waits for its last answer. */
  end(): Promise<readonly Offered[]>;
}

/** Adds a line to the file that WEBINFRA_FIGURES names; does nothing without it. */
export function figure(name: string, value: number, unit: string): void {
  const file = process.env["WEBINFRA_FIGURES"];
  if (file) {
    appendFileSync(file, `${JSON.stringify({ name, value: Math.round(value * 1000) / 1000, unit })}\n`);
  }
}

function randomName(): string {
  const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
  return `t${Array.from({ length: 6 }, () => alphabet.charAt(randomInt(alphabet.length))).join("")}`;
}

/** Processes started by `pid`, and by those. */
function descendants(pid: number): number[] {
  const file = `/proc/${String(pid)}/task/${String(pid)}/children`;
  const children = existsSync(file) ? readFileSync(file, "utf8").trim().split(" ").filter(Boolean).map(Number) : [];
  return children.flatMap((child) => [child, ...descendants(child)]);
}

export class Site {
  readonly stack = randomName();
  /** Folder of everything below. Made when it is first used, because a site may stand in a suite that does not run; gone after {@link remove}. */
  readonly directory = join(tmpdir(), `webinfra-site-${this.stack}`);
  readonly home = join(this.directory, "home");
  readonly configFile = join(this.directory, "site.yaml");
  /** A PATH with the command on it, as a user has it: it is called `webinfra` then, also in what it says. */
  readonly path = `${join(this.directory, "bin")}:${process.env["PATH"] ?? ""}`;
  readonly network = networkName(this.stack);
  /** All that the commands have written. */
  transcript = "";
  private readonly going = new Set<ChildProcess>();
  private loadMachine: Promise<string> | undefined;

  /**
   * @param config keys without `webinfra:` on top of Pulumi.dev.yaml and a time-out for tests
   * @param shared the state is in a folder apart from WEBINFRA_HOME, with a passphrase of its own, as operators share it
   */
  constructor(
    private readonly config: Readonly<Record<string, unknown>> = {},
    private readonly shared = false,
  ) {}

  /** What finds the state and opens it, where it is shared. */
  private backend(): Readonly<Record<string, string>> {
    const folder = join(this.directory, "state");
    mkdirSync(folder, { recursive: true });
    return { PULUMI_BACKEND_URL: pathToFileURL(folder).href, PULUMI_CONFIG_PASSPHRASE: "what operators share" };
  }

  /** Writes the configuration file anew: that of the constructor, and `config` on top. */
  configure(config: Readonly<Record<string, unknown>>): void {
    const own = Object.fromEntries(
      Object.entries({ readyTimeoutSeconds: READY_SECONDS, ...this.config, ...config }).map(([key, value]) => [
        `webinfra:${key}`,
        value,
      ]),
    );
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    writeFileSync(this.configFile, stringify({ config: { ...dev.config, ...own } }, { version: "1.1" }));
  }

  /** The variables of a command: a login of the user's own must not decide where the state goes. */
  environment(): NodeJS.ProcessEnv {
    const {
      PULUMI_BACKEND_URL: _url,
      PULUMI_CONFIG_PASSPHRASE: _word,
      PULUMI_CONFIG_PASSPHRASE_FILE: _file,
      // The test run may be one of npm's; the command that it starts is not.
      npm_lifecycle_event: _script,
      INIT_CWD: _folder,
      ...own
    } = process.env;
    return {
      ...own,
      WEBINFRA_HOME: this.home,
      PULUMI_CREDENTIALS_PATH: this.directory,
      ...(this.shared ? this.backend() : {}),
    };
  }

  /**
   * Starts the command as a process of its own.
   * @param root folder of the webinfra that it is of. Default: this one.
   */
  start(args: readonly string[], environment: Readonly<Record<string, string>> = {}, root: string = repository): Going {
    if (!existsSync(this.configFile)) {
      this.configure({});
    }
    const bin = join(this.directory, "bin");
    if (!existsSync(bin)) {
      mkdirSync(bin);
      symlinkSync(join(repository, "webinfra"), join(bin, "webinfra"));
    }
    const started = Date.now();
    const child = spawn(join(root, "webinfra"), args, {
      cwd: this.directory,
      env: { ...this.environment(), PATH: this.path, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.going.add(child);
    let stdout = "";
    let stderr = "";
    this.transcript += `\n$ webinfra ${args.join(" ")}\n`;
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      this.transcript += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
      this.transcript += text;
    });
    const ended = new Promise<Ended>((done, failed) => {
      child.on("error", failed);
      child.on("close", (code) => {
        this.going.delete(child);
        done({ code: code ?? 128, stdout, stderr, seconds: (Date.now() - started) / 1000 });
      });
    });
    return { child, output: () => stdout + stderr, ended };
  }

  /** Runs the command to its end, whatever that is. */
  async run(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Ended> {
    return this.start(args, environment).ended;
  }

  /** Runs the command and returns what it printed. One that fails, or does not end, leaves the hosts' journals in the log: a hook has no other chance. */
  async succeed(...args: readonly string[]): Promise<Ended> {
    return this.succeeded(this.start(args), args);
  }

  /** `up` by the webinfra in another folder, such as an earlier version. */
  async upBy(root: string): Promise<Ended> {
    // What every version knows: one from before knows neither --stack nor --yes here.
    const args = ["up", this.stack, "--config-file", this.configFile];
    return this.succeeded(this.start(args, {}, root), args);
  }

  private async succeeded(going: Going, args: readonly string[]): Promise<Ended> {
    const limit = setTimeout(() => {
      this.killAll(going.child);
    }, COMMAND_SECONDS * 1000);
    const ended = await going.ended;
    clearTimeout(limit);
    if (ended.code !== 0) {
      console.error(await this.dump());
    }
    const how =
      ended.seconds < COMMAND_SECONDS
        ? `ended with ${String(ended.code)}`
        : `did not end within ${String(COMMAND_SECONDS)} s`;
    assert.equal(ended.code, 0, `webinfra ${args.join(" ")} ${how}:\n${ended.stdout}${ended.stderr}`);
    return ended;
  }

  /** Arguments of `up` for this stack, which asks nothing: nobody would answer. */
  upArguments(...args: readonly string[]): readonly string[] {
    return ["up", "--stack", this.stack, "--config-file", this.configFile, "--yes", ...args];
  }

  up(...args: readonly string[]): Promise<Ended> {
    return this.succeed(...this.upArguments(...args));
  }

  /** Kills a run and all that it started, as a power cut would. */
  killAll({ pid }: ChildProcess): void {
    if (pid === undefined) {
      return;
    }
    for (const one of [pid, ...descendants(pid)]) {
      try {
        process.kill(one, "SIGKILL");
      } catch {
        // It has just ended by itself.
      }
    }
  }

  /** The site's machines, without the load generator. */
  machines(): Promise<HostMachine[]> {
    return stackMachines(this.stack);
  }

  /** The only machine of a host. */
  async machine(host: string): Promise<HostMachine> {
    const found = (await this.machines()).filter((one) => one.host === host);
    assert.equal(found.length, 1, `${host} has ${String(found.length)} machines`);
    return found[0]!;
  }

  /** The machine of each host, by the host's name. */
  async machineIds(): Promise<Record<string, string>> {
    return Object.fromEntries((await this.machines()).map(({ host, machine }) => [host, machine]));
  }

  async address(host: string): Promise<string> {
    const { address } = await this.machine(host);
    assert.ok(address, `${host} has no address`);
    return address;
  }

  /** What a host says of itself. */
  async state(host: string): Promise<HostState> {
    return stateOf(await this.address(host));
  }

  /** What a database host says of its database. */
  async database(host: string): Promise<NonNullable<HostState["database"]>> {
    const { database } = await this.state(host);
    assert.ok(database, `${host} says nothing of its database`);
    return database;
  }

  /** A document of the stack's channel. */
  document(key: string): string {
    return join(this.home, "channels", this.stack, key);
  }

  /** Writes a document of the channel as nothing of the product would. */
  publish(key: string, text: string): void {
    const fresh = join(this.directory, "fresh.json");
    writeFileSync(fresh, text, { mode: 0o644 });
    renameSync(fresh, this.document(key));
  }

  /** The primary pointer. */
  pointer(): { readonly epoch: number; readonly nonce: string; readonly primary: string } {
    return JSON.parse(readFileSync(this.document("pointers/primary.json"), "utf8")) as ReturnType<Site["pointer"]>;
  }

  /** Moves the primary pointer with a writer of the tests' own. */
  point(primary: string, more: object = {}): void {
    const { epoch, nonce, primary: before } = this.pointer();
    const previous = { epoch, nonce, primary: before };
    const next = { version: 2, epoch: epoch + 1, nonce: randomBytes(16).toString("hex"), primary, previous, ...more };
    this.publish("pointers/primary.json", JSON.stringify(next));
  }

  /** {@link shell} on a host. */
  async shell(host: string, script: string): Promise<string> {
    return shell((await this.machine(host)).machine, script);
  }

  /** Runs a statement as MySQL's root on a database host; rows as lines. */
  async sql(host: string, statement: string): Promise<string> {
    return (await this.shell(host, `mysql --batch --skip-column-names -e ${JSON.stringify(statement)}`)).trimEnd();
  }

  /** One request to the site's balancer, on a connection of its own. */
  async fetch(
    path: string,
    options: {
      readonly method?: "GET" | "POST";
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
      readonly port?: number;
    } = {},
  ): Promise<Answer> {
    const { method = "GET", headers = {}, body, port = 80 } = options;
    const answer: Dispatcher.ResponseData = await request(
      `http://${await this.address("lb-1")}:${String(port)}${path}`,
      {
        method,
        headers: { ...headers, connection: "close" },
        body: body ?? null,
        reset: true,
        headersTimeout: 15_000,
        bodyTimeout: 15_000,
      },
    );
    const flat = Object.entries(answer.headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(", ") : value] as const],
    );
    return { status: answer.statusCode, headers: Object.fromEntries(flat), body: await answer.body.text() };
  }

  /** Asks for an entry to be written. */
  post(message: string): Promise<Answer> {
    return this.fetch("/api/entries", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name: "e2e", message }),
    });
  }

  /** Writes an entry; its id. */
  async write(message: string): Promise<string> {
    const answer = await this.post(message);
    assert.equal(answer.status, 201, answer.body);
    return (JSON.parse(answer.body) as { id: string }).id;
  }

  /** Which of the entries a database does not have. */
  async missing(host: string, ids: readonly string[]): Promise<string[]> {
    const stored = new Set((await this.sql(host, "select id from site.entries")).split("\n"));
    return ids.filter((id) => !stored.has(id));
  }

  /** Waits until every host is healthy and every web machine answers through the balancer. */
  async settled(seconds = 90): Promise<void> {
    await eventually(
      `the stack ${this.stack} to be well`,
      async () => {
        const machines = await this.machines();
        for (const { host, machine, address } of machines) {
          assert.ok(address, `${host} has no address`);
          const state = await stateOf(address);
          assert.ok(state.healthy, `${host}: ${String(state.error)}`);
          assert.equal(state.machine, machine);
        }
        const web = machines.filter(({ roles }) => roles.includes("webServer")).map(({ machine }) => machine);
        const seen = await this.sightings(2 * web.length, "/-/host");
        assert.deepEqual([...new Set(seen.map((one) => one.headers["x-machine"]))].sort(), web.sort());
      },
      seconds,
    );
  }

  /** Asks for a page some times, one after the other; every answer must be a success. */
  async sightings(times: number, path = "/"): Promise<Answer[]> {
    const answers: Answer[] = [];
    for (let i = 0; i < times; i++) {
      const answer = await this.fetch(path);
      assert.equal(answer.status, 200, `${path} answers ${String(answer.status)}`);
      answers.push(answer);
    }
    return answers;
  }

  /** Sends a load to the balancer from a container of its own in the stack's network. */
  async load(plan: LoadPlan = {}): Promise<Load> {
    const full = {
      host: await this.address("lb-1"),
      port: 80,
      seconds: 240,
      keep: 3,
      new: 2,
      rate: 8,
      requests: [
        ["GET", "/"],
        ["POST", "/api/entries"],
        ["GET", "/static/style.css"],
        ["POST", "/"],
        ["GET", "/api/entries"],
      ],
      ...plan,
    };
    const { child, report } = await this.generate("load.py", full);
    return {
      stop: async (writes = 6) => {
        child.stdin?.end(String(writes));
        const loaded = (await report()) as LoadReport;
        const written = loaded.acknowledged.length;
        assert.ok(
          written >= writes,
          `hardly any load: ${String(written)} writes of ${String(writes)}: ${summaryOf(loaded)}`,
        );
        return loaded;
      },
    };
  }

  /** Sends GET requests to the balancer from a container of its own in the stack's network, whatever comes of them. */
  async offer({ path, ...plan }: Offer): Promise<Offering> {
    const url = `http://${await this.address("lb-1")}${path}`;
    const { report } = await this.generate("offered.py", { url, ...plan });
    const began = Date.now();
    return {
      elapsed: () => (Date.now() - began) / 1000,
      end: async () => (await report()) as Offered[],
    };
  }

  /**
   * Sends numbered GET requests to the balancer from a container of its own, as fast as they are answered, while `during` runs.
   * @param path each request's number comes at its end
   * @returns how many had each status; 0: no answer
   */
  async burst(path: string, requests: number, during: () => Promise<void>): Promise<Readonly<Record<string, number>>> {
    const { report } = await this.generate("burst.py", {
      host: await this.address("lb-1"),
      path,
      requests,
      connections: 16,
    });
    await during();
    return (await report()) as Record<string, number>;
  }

  /** Starts a script of this folder in the load generator. It says `started`, and prints what it reports as a line of JSON when it ends. */
  private async generate(
    name: string,
    plan: object,
  ): Promise<{ readonly child: ChildProcess; readonly report: () => Promise<unknown> }> {
    const machine = await (this.loadMachine ??= this.makeLoadMachine());
    const script = readFileSync(join(__dirname, name), "utf8");
    const child = spawn(
      "incus",
      ["exec", "--project", PROJECT, "-T", machine, "--", "python3", "-c", script, JSON.stringify(plan)],
      { stdio: ["pipe", "pipe", "pipe"] },
    );
    this.going.add(child);
    let output = "";
    let problems = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (problems += text));
    const closed = new Promise<void>((done) => {
      child.on("close", () => {
        this.going.delete(child);
        done();
      });
    });
    await eventually("the load to start", () => {
      assert.match(output, /^started\n/, problems);
      return Promise.resolve();
    });
    return {
      child,
      report: async () => {
        await closed;
        const report = output.split("\n")[1];
        assert.ok(report, `the load generator failed: ${problems}`);
        return JSON.parse(report) as unknown;
      },
    };
  }

  private async makeLoadMachine(): Promise<string> {
    const name = `webinfra-${this.stack}-load`;
    await startMachine(name, this.network);
    const lb = await this.address("lb-1");
    await eventually("the load generator to reach the balancer", async () => {
      const script = `import urllib.request as r; r.urlopen("http://${lb}/-/balancer", timeout=2)`;
      const { code, stderr } = await exec(name, ["python3", "-c", script]);
      assert.equal(code, 0, stderr);
    });
    return name;
  }

  private async removeLoadMachine(): Promise<void> {
    if (this.loadMachine !== undefined) {
      await deleteInstance(await this.loadMachine, { stopTimeoutSeconds: 0 });
    }
    this.loadMachine = undefined;
  }

  /** Takes the stack down, with or without its data. */
  async down(...args: readonly string[]): Promise<Ended> {
    await this.removeLoadMachine();
    return this.succeed("down", this.stack, ...args);
  }

  /** What Incus has of the stack: machines, volumes, networks. */
  async remains(): Promise<string[]> {
    const prefix = `webinfra-${this.stack}-`;
    const all = [...(await listInstances()), ...(await listVolumes()), ...(await listNetworks())];
    const { stdout } = await incus("list", "--format", "csv", "--columns", "n");
    const names = [
      ...all.filter(({ stack }) => stack === this.stack).map(({ name }) => name),
      ...stdout.trim().split("\n"),
    ];
    return [...new Set(names.filter((name) => name.startsWith(prefix) || name === this.network))].sort();
  }

  /** Takes away what there may be of the stack. Ends with an error when `down` alone would have left something. */
  async remove(): Promise<void> {
    for (const child of this.going) {
      this.killAll(child);
    }
    try {
      const { code, stdout, stderr } = existsSync(this.home)
        ? await this.down("--delete-data", "--yes")
        : { code: 0, stdout: "", stderr: "" };
      assert.equal(code, 0, stdout + stderr);
      assert.deepEqual(await this.remains(), []);
    } finally {
      const names = (await incus("list", "--format", "csv", "--columns", "n")).stdout;
      for (const name of names.split("\n").filter((one) => one.startsWith(`webinfra-${this.stack}-`))) {
        await deleteInstance(name, { stopTimeoutSeconds: 0 });
      }
      for (const { name } of await listVolumes(this.stack)) {
        await deleteVolume(name);
      }
      for (const { name } of await listNetworks(this.stack)) {
        await deleteNetwork(name);
      }
      rmSync(this.directory, { recursive: true, force: true });
    }
  }

  /** What helps to find out why a test failed: the last of the commands' output and of each host's journal. All of it stays in test-results/. */
  async dump(): Promise<string> {
    // Of Nginx no more than its troubles: a line a request would leave no room for the rest.
    const script =
      'systemctl list-units --failed --plain --no-legend; journal() { journalctl --no-pager -o short-precise "$@" | cut -c 1-300; }; ' +
      "journal -n 40 -u 'webinfra-*' -u mysql -u haproxy; journal -n 10 -p warning -u nginx; tail -n 10 /var/log/mysql/error.log 2>/dev/null";
    const kept = join(repository, "test-results", this.stack);
    mkdirSync(kept, { recursive: true });
    writeFileSync(join(kept, "commands"), this.transcript);
    const logs = await Promise.all(
      (await this.machines()).map(async ({ host, machine, running }) => {
        if (!running) {
          return `--- ${host} (${machine}) does not run`;
        }
        const journal = await exec(machine, ["journalctl", "--no-pager", "--output=short-precise"]);
        writeFileSync(join(kept, `${machine}.journal`), journal.stdout);
        const { stdout } = await exec(machine, ["bash", "-c", script]);
        return `--- ${host} (${machine})\n${stdout}`;
      }),
    );
    const printed = "--- the last of what was printed";
    return [`--- whole journals: ${kept}`, printed, this.transcript.slice(-4000), ...logs].join("\n");
  }
}

/** Makes a describe block print {@link Site.dump} after a test that failed, and {@link Site.remove} the site at its end. */
export function manage(site: Site): void {
  afterEach(async function () {
    this.timeout(60_000);
    // The error comes at the very end otherwise, far from what helps to understand it.
    if (this.currentTest?.state === "failed") {
      console.error(`site ${site.stack}:`, this.currentTest.err, await site.dump());
    }
  });
  after(async function () {
    this.timeout(600_000);
    await site.remove();
  });
}

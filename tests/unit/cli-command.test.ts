import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { PassThrough } from "node:stream";
import { promisify } from "node:util";
import { createColors } from "picocolors";
import { sinceOption } from "../../cli/commands/logs";
import { keptLines, refusedOnCloud, staysText } from "../../cli/engine/down";
import { plainText, Progress } from "../../cli/engine/progress";
import { begunDeletions, leftovers, lockedText, orphanLines } from "../../cli/engine/recover";
import { applyOverrides, parseOverride } from "../../cli/engine/stackfile";
import { knownMachines, lockIsDead, parseDeployment, plainOutput } from "../../cli/engine/state";
import { closingLines as replacedLines } from "../../cli/engine/replace";
import { closingLines } from "../../cli/engine/up";
import { describeFailure, exitCode, InterruptedError } from "../../cli/errors";
import { commandLine } from "../../cli/main";
import { withTopology } from "../../cli/options";
import { confirm } from "../../cli/terminal/confirm";
import { logLineText } from "../../cli/terminal/logs";
import { duration, table } from "../../cli/terminal/format";
import { Interruption } from "../../cli/terminal/interrupt";
import { Output } from "../../cli/terminal/output";
import { planLines, progressLines } from "../../cli/terminal/progress";
import { databaseLines, reportLines } from "../../cli/terminal/status";
import { UserError } from "../../core/errors";
import { agentPort } from "../../core/ports";
import type { DatabaseState } from "../../core/protocol";
import { type Answer, askAgent } from "../../operations/access/agent";
import { execArguments } from "../../operations/access/incus";
import { inOrder, logsCommand, type LogSelection, parseSince, readLogLines } from "../../operations/logs";
import { type HostMachine, machineOf, withGone } from "../../operations/machines";
import { checkOwnership } from "../../operations/remains";
import { allWell, report } from "../../operations/status";
import { databaseState, hostState, memberState } from "../support/state";

const machine = (host: string, roles: string[], address: string | null = "10.77.0.9"): HostMachine => ({
  host,
  machine: `webinfra-dev-${host}-abc123`,
  roles,
  running: address !== null,
  address,
});
const healthy = (host: string, database: Partial<DatabaseState> | null = null): Answer =>
  hostState({
    machine: `webinfra-dev-${host}-abc123`,
    name: host,
    database: database && databaseState(database),
  });

describe("cli: command line", () => {
  const quiet = { writeErr: () => undefined, writeOut: () => undefined };
  const parse = (...args: string[]) => {
    const line = commandLine({ context: () => Promise.reject(new Error("not reached")), exit: () => undefined });
    line.configureOutput(quiet);
    for (const command of line.commands) {
      command.configureOutput(quiet);
    }
    return line.parseAsync(["node", "webinfra", ...args]);
  };

  it("has the commands", () => {
    const line = commandLine({ context: () => Promise.reject(new Error("not reached")), exit: () => undefined });
    assert.deepEqual(
      line.commands.map((command) => command.name()),
      [
        ...[
          "up",
          "dev",
          "preview",
          "status",
          "review",
          "down",
          "doctor",
          "open",
          "exec",
          "logs",
          "database",
          "mysql",
          "rollback",
          "restart",
          "replace",
        ],
        ...["scale", "config", "secrets", "validate"],
        ...["init", "setup", "env", "completion", "__complete"],
      ],
    );
  });

  it("suggests the command and the option that were meant", async () => {
    let said = "";
    const line = commandLine({ context: () => Promise.reject(new Error("not reached")), exit: () => undefined });
    for (const command of [line, ...line.commands]) {
      command.configureOutput({ writeErr: (text) => (said += text) });
    }
    await assert.rejects(line.parseAsync(["node", "webinfra", "statsu"]));
    await assert.rejects(line.parseAsync(["node", "webinfra", "up", "--refesh"]));
    assert.match(said, /unknown command 'statsu'\n\(Did you mean status\?\)/);
    assert.match(said, /unknown option '--refesh'\n\(Did you mean --refresh\?\)/);
  });

  it("names the topologies there are, and the one that was meant", async () => {
    await assert.rejects(
      parse("up", "--topology", "split-tires"),
      /There is no topology "split-tires" \(did you mean "split-tiers"\?\); topologies: dedicated-databases, .*custom\./,
    );
  });

  it("has examples in the help of every command", () => {
    const line = commandLine({ context: () => Promise.reject(new Error("not reached")), exit: () => undefined });
    for (const command of line.createHelp().visibleCommands(line)) {
      let help = "";
      command.configureOutput({ writeOut: (text) => (help += text) });
      command.outputHelp();
      if (command.name() !== "help") {
        assert.match(help, /\nExamples:\n {2}\S/, command.name());
      }
    }
  });

  it("takes --topology for a value of the configuration, without the hosts of another one", () => {
    const config = [parseOverride("web=3")];
    assert.deepEqual(withTopology({ config }), { config });
    assert.deepEqual(
      applyOverrides(
        { "webinfra:hosts": [], "webinfra:primary": "db-1", "webinfra:topology": "custom" },
        withTopology({ topology: "split-tiers", config }).config,
      ),
      {
        "webinfra:hosts": undefined,
        "webinfra:primary": undefined,
        "webinfra:topology": "split-tiers",
        "webinfra:web": 3,
      },
    );
    assert.deepEqual(
      withTopology({ topology: "custom", config }).config.map(({ key }) => key),
      ["webinfra:topology", "webinfra:web"],
    );
  });

  it("refuses an unknown command and a wrong number of lines", async () => {
    await assert.rejects(parse("upp"), /unknown command 'upp'/);
    await assert.rejects(parse("logs", "web-1", "--lines", "0"), /must be a whole number of at least 1, such as 100/);
  });

  it("takes --stack for itself before --, and leaves all after it to the command on the host", () => {
    const line = commandLine({ context: () => Promise.reject(new Error("not reached")), exit: () => undefined });
    const exec = line.commands.find((command) => command.name() === "exec")!;
    const { operands, unknown } = exec.parseOptions(["web-1", "--stack", "prod", "--", "ls", "--stack", "-la"]);
    assert.deepEqual([operands, unknown], [["web-1", "ls", "--stack", "-la"], []]);
    assert.deepEqual(exec.opts(), { stack: "prod" });
  });

  it("tells a bad --config before anything is started", async () => {
    await assert.rejects(parse("up", "--config", "x"), { name: "UserError" });
  });
});

describe("cli: errors", () => {
  it("prints what the user can act on without a stack trace, and defects with it", () => {
    assert.deepEqual(describeFailure(new UserError("no stack")), { text: "no stack", code: 1 });
    assert.deepEqual(describeFailure(new InterruptedError("stopped")), { text: "stopped", code: 130 });
    const defect = describeFailure(new TypeError("x is undefined"));
    assert.equal(defect.code, exitCode.defect);
    assert.match(defect.text, /^unexpected error, a defect of webinfra: TypeError: x is undefined\n {4}at /);
  });
});

describe("cli: output", () => {
  const written = (json: boolean): [Output, { stdout: string; stderr: string }] => {
    const texts = { stdout: "", stderr: "" };
    const output = new Output(json, {
      streams: {
        stdout: { write: (text) => (texts.stdout += text) },
        stderr: { write: (text) => (texts.stderr += text) },
      },
    });
    return [output, texts];
  };

  it("keeps stdout for the JSON alone", () => {
    const [output, texts] = written(true);
    output.progress("working");
    output.result("done");
    output.data({ a: 1 });
    assert.deepEqual(texts, { stdout: '{\n  "a": 1\n}\n', stderr: "working\n" });
  });

  it("writes durations and tables", () => {
    assert.deepEqual([0.44, 12.4, 59.9, 200].map(duration), ["0.4 s", "12 s", "1 min 0 s", "3 min 20 s"]);
    assert.deepEqual(
      table([
        ["A", "BB"],
        ["CCC", ""],
      ]),
      ["A    BB", "CCC"],
    );
  });

  it("takes Pulumi's colours out", () => {
    assert.equal(plainText("<{%fg 1%}>red<{%reset%}> \u001b[31mtoo\u001b[0m"), "red too");
  });

  it("says at the end of up where the site is and what to do next", () => {
    const ended = { stack: "dev", url: "http://10.77.0.5", changes: {}, seconds: 3, outputs: {} };
    assert.deepEqual(closingLines(ended, 0, ["web-1", "lb-1"]), [
      "done in 3.0 s: everything is as it should be, nothing changed",
      "the site: http://10.77.0.5",
      "next: `webinfra status` shows each host, `webinfra logs web-1` its log, `webinfra down` takes it down",
    ]);
    assert.equal(
      closingLines(ended, 1, []).at(-1),
      "next: `webinfra status` shows each host, `webinfra down` takes it down",
    );
    const older = { ...{ stack: "dev", url: null, changes: {}, seconds: 3 }, outputs: { outdated: ["db-1", "db-2"] } };
    assert.deepEqual(closingLines(older, 0, []).slice(1, -1), [
      "db-1 was made from an older definition: `webinfra replace db-1 --stack dev` makes it anew from this one",
      "db-2 was made from an older definition: `webinfra replace db-2 --stack dev` makes it anew from this one",
    ]);
    const onCloud = { stack: "prod", url: null, changes: {}, seconds: 3, outputs: { platform: "aws" } };
    assert.deepEqual(closingLines(onCloud, 2, []), [
      "done in 3.0 s: 2 resources changed",
      "next: `webinfra open` opens it, `webinfra review` says what is weak in it and what it costs, `webinfra down` takes it down",
    ]);
  });
});

describe("cli: progress", () => {
  const urn = "urn:pulumi:dev::webinfra::webinfra:index:Host$webinfra:incus:Machine::web-1";
  const step = (op: "create" | "same") => ({
    metadata: {
      op,
      urn,
      type: "webinfra:incus:Machine",
      provider: "",
      new: {
        type: "webinfra:incus:Machine",
        urn,
        custom: true,
        id: "",
        parent: "",
        inputs: {},
        outputs: {},
        provider: "",
      },
    },
  });
  const event = { sequence: 1, timestamp: 1 };
  let lines: string[];
  let progress: Progress;
  beforeEach(() => {
    lines = [];
    let clock = 0;
    const collect = { write: (text: string) => lines.push(text) };
    const output = new Output(false, { streams: { stdout: collect, stderr: collect } });
    progress = new Progress(progressLines(output, () => (clock += 1500)));
  });
  afterEach(() => progress.end());

  it("writes one line a resource, with its time", () => {
    progress.onEvent({ ...event, resourcePreEvent: step("create") });
    progress.onEvent({ ...event, resOutputsEvent: step("create") });
    assert.deepEqual(lines, ["  created web-1 [webinfra:incus:Machine] (1.5 s)\n"]);
  });

  it("does not call deleted what is kept", () => {
    const { metadata } = step("create");
    const kept = { metadata: { ...metadata, op: "delete" as const, old: { ...metadata.new, retainOnDelete: true } } };
    progress.onEvent({ ...event, resourcePreEvent: kept });
    progress.onEvent({ ...event, resOutputsEvent: kept });
    assert.deepEqual(lines, ["  kept web-1 [webinfra:incus:Machine] (1.5 s)\n"]);
  });

  it("says nothing of what stays", () => {
    progress.onEvent({ ...event, resourcePreEvent: step("same") });
    progress.onEvent({ ...event, resOutputsEvent: step("same") });
    assert.deepEqual(lines, []);
  });

  it("gathers errors, repeats no status, and leaves debug messages out", () => {
    const say = (severity: "info" | "error", message: string) =>
      progress.onEvent({ ...event, diagnosticEvent: { urn, message, color: "", severity } });
    say("info", "waiting for web-2");
    say("info", "waiting for web-2");
    say("error", "no address");
    progress.onEvent({ ...event, diagnosticEvent: { message: "update failed", color: "", severity: "error" } });
    assert.deepEqual(lines, ["  web-1: waiting for web-2\n"]);
    assert.deepEqual(progress.problems, [{ resource: "web-1", message: "no address" }]);
  });

  it("says of what is waited for only what has changed", () => {
    const say = (message: string) =>
      progress.onEvent({ ...event, diagnosticEvent: { urn, message, color: "", severity: "info" } });
    say("waiting for lb-1: starting; web-1: starting; db-1: starting (and 2 more)");
    say("waiting for lb-1: starting; web-1: installing packages; db-1: starting (and 2 more)");
    say("waiting for lb-1: starting; web-1: installing packages; db-1: starting (and 1 more)");
    say("waiting for web-1: 40-nginx; db-1: not healthy: no primary; db-2: starting");
    assert.deepEqual(lines, [
      "  web-1: waiting for lb-1: starting; web-1: starting; db-1: starting\n",
      "  web-1: waiting for web-1: installing packages\n",
      "  web-1: waiting for web-1: 40-nginx; db-1: not healthy: no primary; db-2: starting\n",
    ]);
  });

  it("gathers what policies say, without their descriptions, and which packs ran", () => {
    const say = (enforcementLevel: "mandatory" | "warning", message: string, resourceUrn?: string) =>
      progress.onEvent({
        ...event,
        policyEvent: {
          ...{ message, enforcementLevel, color: "never", policyName: "imdsv2", policyPackName: "webinfra" },
          ...{ policyPackVersion: "", policyPackVersionTag: "", ...(resourceUrn === undefined ? {} : { resourceUrn }) },
        },
      });
    say("mandatory", "<{%fg 13%}>IMDSv2 is required.\nthe host answers v1:\nrequire tokens<{%reset%}>\n", urn);
    say("warning", "only this", "urn:pulumi:dev::webinfra::pulumi:pulumi:Stack::webinfra-dev");
    say("warning", "nobody's");
    assert.deepEqual(progress.violations, [
      { policy: "imdsv2", mandatory: true, resource: "web-1", message: "the host answers v1: require tokens" },
      { policy: "imdsv2", mandatory: false, message: "only this" },
      { policy: "imdsv2", mandatory: false, message: "nobody's" },
    ]);
    assert.deepEqual(progress.policyPacks, []);
    const summaryEvent = { maybeCorrupt: false, durationSeconds: 1, resourceChanges: { same: 2 }, policyPacks: {} };
    progress.onEvent({
      ...event,
      summaryEvent: { ...summaryEvent, ...{ PolicyPacks: { "webinfra|local|/repo/policy": "1.0.0" } } },
    });
    assert.deepEqual(progress.policyPacks, ["webinfra"]);
  });

  it("shows a replacement once, however many steps it takes, and what is kept as let go of", () => {
    const { metadata } = step("create");
    const tell = (op: "create-replacement" | "replace" | "delete-replaced", diffs: string[]) => {
      progress.onEvent({ ...event, resourcePreEvent: { metadata: { ...metadata, op, diffs }, planning: true } });
    };
    tell("create-replacement", ["image"]);
    tell("replace", ["image", "userData"]);
    tell("delete-replaced", []);
    assert.deepEqual(planLines(progress.planned), ["  ± replace web-1 [webinfra:incus:Machine] (image, userData)"]);
    const other = new Progress(() => undefined);
    const deletion = { ...metadata, op: "delete" as const, old: { ...metadata.new, retainOnDelete: true } };
    other.onEvent({ ...event, resourcePreEvent: { metadata: deletion, planning: true } });
    assert.deepEqual(planLines(other.planned), ["  - let go of web-1 [webinfra:incus:Machine]"]);
  });

  it("shows a plan with the properties that differ", () => {
    progress.onEvent({ ...event, resourcePreEvent: { ...step("create"), planning: true } });
    assert.deepEqual(planLines(progress.planned), ["  + create web-1 [webinfra:incus:Machine]"]);
    assert.deepEqual(planLines([{ op: "update", type: "t", name: "n", diff: ["a", "b"] }]), [
      "  ~ update n [t] (a, b)",
    ]);
  });
});

describe("cli: status", () => {
  const facts = { stack: "dev", platform: "incus", topology: "dedicated-databases", url: null };
  const good: [HostMachine, Answer][] = [
    [machine("lb-1", ["loadBalancer"], "10.77.0.5"), healthy("lb-1")],
    [machine("db-1", ["database"]), healthy("db-1", { role: "primary", epoch: 5, nonce: "3f" })],
    [machine("db-2", ["database"]), healthy("db-2", { role: "replica", lagSeconds: 0.2 })],
  ];

  it("has the shape that --json promises, and takes the address from the balancer", () => {
    assert.deepEqual(report(facts, good), {
      stack: "dev",
      platform: "incus",
      topology: "dedicated-databases",
      url: "http://10.77.0.5",
      hosts: [
        {
          name: "lb-1",
          roles: ["loadBalancer"],
          address: "10.77.0.5",
          healthy: true,
          outdated: false,
          refused: [],
          settings: null,
          database: null,
        },
        {
          name: "db-1",
          roles: ["database"],
          address: "10.77.0.9",
          healthy: true,
          outdated: false,
          refused: [],
          settings: null,
          database: { role: "primary", epoch: 5, nonce: "3f", waiting: null, conflict: false },
        },
        {
          name: "db-2",
          roles: ["database"],
          address: "10.77.0.9",
          healthy: true,
          outdated: false,
          refused: [],
          settings: null,
          database: { role: "replica", epoch: null, nonce: null, waiting: null, conflict: false },
        },
      ],
      database: { primary: "db-1", replicas: [{ name: "db-2", lagSeconds: 0.2 }] },
    });
    assert.equal(allWell(report(facts, good)), true);
  });

  it("is not well with no hosts, a silent one, another machine's answer, or no primary", () => {
    assert.equal(allWell(report(facts, [])), false);
    const silent: [HostMachine, Answer] = [machine("web-1", ["webServer"]), { silent: "its agent does not answer" }];
    assert.equal(allWell(report(facts, [...good, silent])), false);
    assert.equal(allWell(report(facts, [[machine("web-1", ["webServer"]), healthy("web-2")]])), false);
    assert.equal(allWell(report(facts, [good[0]!, good[2]!])), false);
  });

  it("lists a host whose machine somebody deleted", async () => {
    const state = parseDeployment({
      resources: ["lb-1", "web-1"].map((host) => ({
        urn: "u",
        type: "webinfra:incus:Machine",
        id: `webinfra-dev-${host}-abc123`,
        outputs: { host, roles: ["webServer"] },
      })),
    });
    const [, gone] = withGone([machine("lb-1", ["loadBalancer"])], knownMachines(state));
    assert.deepEqual([gone!.host, gone!.address], ["web-1", null]);
    assert.deepEqual(await askAgent(gone!), { silent: "its machine is gone" });
  });

  it("says what ails a host", () => {
    const machines: [HostMachine, Answer][] = [[machine("web-1", ["webServer"], null), { silent: "does not run" }]];
    assert.deepEqual(reportLines(report(facts, machines), machines), [
      "stack dev (incus, dedicated-databases)",
      "HOST   ROLES      ADDRESS  HEALTH",
      "web-1  webServer  -        NOT HEALTHY  does not run",
      "`webinfra up --stack dev` brings web-1 back",
    ]);
  });

  it("says where the site is now, though a balancer has another address than the last up saw", () => {
    const urlOf = (url: string | null, address: string | null): string | null =>
      report({ ...facts, url }, [[machine("lb-1", ["loadBalancer"], address), healthy("lb-1")]]).url;
    assert.equal(urlOf("http://10.77.0.2", "10.77.0.2"), "http://10.77.0.2");
    assert.equal(urlOf("http://10.77.0.2", "10.77.0.9"), "http://10.77.0.9");
    assert.equal(urlOf("http://10.77.0.2:8080", "10.77.0.9"), "http://10.77.0.9:8080");
    assert.equal(urlOf("http://10.77.0.2", null), "http://10.77.0.2");
    assert.equal(urlOf(null, "10.77.0.9"), "http://10.77.0.9");
    assert.equal(urlOf(null, null), null);
  });

  it("says what became of a host's settings", () => {
    const db = hostState({
      machine: "webinfra-dev-db-2-abc123",
      settings: {
        applied: "a",
        refused: { settings: "b", reason: "MySQL does not take sql_mode = WRONG" },
        waiting: "MySQL is activating",
        pending: ["innodb_read_io_threads takes effect when MySQL starts next"],
      },
    });
    const machines: [HostMachine, Answer][] = [[machine("db-2", ["database"]), db]];
    const found = report(facts, machines);
    assert.deepEqual(found.hosts[0]?.settings, db.settings);
    assert.deepEqual(reportLines(found, machines).slice(3), [
      "db-2 refuses its settings: MySQL does not take sql_mode = WRONG; those before stay in force",
      "db-2 has not applied its settings yet: MySQL is activating",
      "db-2: innodb_read_io_threads takes effect when MySQL starts next",
    ]);
  });

  it("names hosts that were made from an older definition than the last update wanted", () => {
    const of = (host: string, definition: string | null): [HostMachine, Answer] => [
      machine(host, ["database"]),
      hostState({ machine: `webinfra-dev-${host}-abc123`, definition }),
    ];
    const digest = "b".repeat(64);
    const machines = [of("db-1", "a".repeat(64)), of("db-2", digest), of("db-3", null), of("db-4", "a".repeat(64))];
    // The outputs have the start of the digest; those of an older version have all of it.
    const wanted = new Map([
      ["db-1", digest],
      ["db-2", "b".repeat(12)],
      ["db-3", "b".repeat(12)],
    ]);
    const found = report(facts, machines, wanted);
    assert.deepEqual(
      found.hosts.map(({ outdated }) => outdated),
      // db-3 was made before hosts had any; of db-4 nothing is wanted.
      [true, false, true, false],
    );
    assert.deepEqual(
      reportLines(found, machines).slice(-2),
      ["db-1", "db-3"].map(
        (host) =>
          `${host} was made from an older definition: \`webinfra replace ${host} --stack dev\` makes it anew from this one`,
      ),
    );
  });

  it("says at the end of replace which machine the host has now, and what became of its data", () => {
    const result = {
      ...{ stack: "dev", host: "db-2", before: "m-1", machine: "m-2", volumes: ["v"], discardedData: false },
      ...{ url: null, changes: {}, seconds: 3 },
    };
    const next = "next: `webinfra status --stack dev` shows each host";
    assert.deepEqual(replacedLines(result, []), [
      'done in 3.0 s: "db-2" is m-2, and was m-1; its data volume (v) stayed',
      next,
    ]);
    assert.deepEqual(replacedLines({ ...result, before: null, discardedData: true }, ["db-1"]), [
      'done in 3.0 s: "db-2" is m-2; its data volume (v) is a new one, copied from the primary',
      "db-1 was made from an older definition: `webinfra replace db-1 --stack dev` makes it anew from this one",
      next,
    ]);
    assert.deepEqual(replacedLines({ ...result, host: "web-1", volumes: [] }, []), [
      'done in 3.0 s: "web-1" is m-2, and was m-1',
      next,
    ]);
  });

  it("says what a host refuses, what its database waits for, and a conflict", () => {
    const refused = [
      { document: "inventory/x.json", reason: "version 3 is none that this program knows (1, 2)" },
      { document: "pointers/primary.json", reason: "it is empty" },
    ];
    const web = hostState({ machine: "webinfra-dev-web-1-abc123", refused: refused.slice(0, 1) });
    const member = memberState({ waiting: "db-1 has not closed yet", conflict: true });
    const db = hostState({
      machine: "webinfra-dev-db-2-abc123",
      refused: refused.slice(1),
      database: databaseState({ epoch: 5, nonce: "3f", member }),
    });
    const machines: [HostMachine, Answer][] = [
      [machine("db-2", ["database"]), db],
      [machine("web-1", ["webServer"]), web],
    ];
    const found = report(facts, machines);
    assert.deepEqual(reportLines(found, machines), [
      "stack dev (incus, dedicated-databases)",
      "HOST   ROLES      ADDRESS    HEALTH",
      "db-2   database   10.77.0.9  healthy  none",
      "web-1  webServer  10.77.0.9  healthy",
      "db-2 refuses pointers/primary.json: it is empty; the last good one stays in use",
      "db-2 is closed for writes: two promotions used the number 5 at once: run promote again for the host that shall take writes, such as `webinfra database promote db-2 --stack dev`",
      "db-2 says: db-1 has not closed yet",
      "web-1 refuses inventory/x.json: version 3 is none that this program knows (1, 2); the last good one stays in use",
    ]);
    assert.deepEqual(
      found.hosts.map((host) => [host.refused, host.database]),
      [
        [refused.slice(1), { role: "none", epoch: 5, nonce: "3f", waiting: "db-1 has not closed yet", conflict: true }],
        [refused.slice(0, 1), null],
      ],
    );
  });

  it("asks an agent of either version, and says what is wrong with an answer", async () => {
    const answers = [
      '{"machine":"m","name":"web-1","roles":["webServer"],"converge":"done","step":"","healthy":true,"error":null,"release":"","later":1}',
      '{"machine":"m"}',
      "<html>",
    ];
    const server = createServer((_request, response) => response.writeHead(200).end(answers.shift()));
    server.listen(agentPort, "127.0.0.77");
    await once(server, "listening");
    try {
      const web = machine("web-1", ["webServer"], "127.0.0.77");
      assert.deepEqual(await askAgent(web), hostState({ roles: ["webServer"], release: "" }));
      const other = "its agent answered 200 with something else than its state: ";
      assert.match(JSON.stringify(await askAgent(web)), new RegExp(`${other}name is missing: should be a text; `));
      assert.deepEqual(await askAgent(web), { silent: `${other}it is no JSON, or was cut off: it is "<html>"` });
    } finally {
      server.close();
    }
  });
});

describe("cli: databases", () => {
  const facts = { stack: "dev", platform: "incus", topology: "dedicated-databases", url: null };
  const lines = (machines: readonly [HostMachine, Answer][]): string[] =>
    databaseLines(report(facts, machines), machines);

  it("are shown with who takes writes, and how another one would", () => {
    assert.deepEqual(
      lines([
        [machine("db-1", ["database"]), healthy("db-1", { role: "primary", epoch: 5, nonce: "3f" })],
        [machine("db-2", ["database"]), healthy("db-2", { role: "replica", lagSeconds: 0.123 })],
        [machine("web-1", ["webServer"]), healthy("web-1")],
      ]),
      [
        "HOST  DATABASE",
        "db-1  primary",
        "db-2  replica, 0.1 s behind",
        "db-1 takes writes",
        "`webinfra database promote db-2 --stack dev` makes db-2 the one that does",
      ],
    );
  });

  it("may take no writes, or not be there", () => {
    assert.deepEqual(lines([[machine("db-1", ["database"], null), { silent: "stopped" }]]), [
      "HOST  DATABASE",
      "db-1  stopped",
      "no database takes writes",
    ]);
    assert.deepEqual(lines([]), ['the stack "dev" has no databases; `webinfra up --stack dev` makes its hosts']);
  });
});

describe("cli: hosts", () => {
  const machines = [machine("lb-1", ["loadBalancer"]), machine("web-1", ["webServer"], null)];

  it("finds a host by its name or its machine's", () => {
    assert.equal(machineOf(machines, "dev", "lb-1").machine, "webinfra-dev-lb-1-abc123");
    assert.equal(machineOf(machines, "dev", "webinfra-dev-lb-1-abc123").host, "lb-1");
  });

  it("names the hosts there are, and says what to do about one that does not run", () => {
    assert.throws(() => machineOf(machines, "dev", "web-9"), {
      message: 'there is no host "web-9" in the stack "dev" (did you mean "web-1"?); hosts: lb-1, web-1',
    });
    assert.throws(() => machineOf([], "dev", "web-9"), {
      message: 'there is no host "web-9" in the stack "dev"; it has no hosts: `webinfra up --stack dev` makes them',
    });
    assert.throws(() => machineOf(machines, "dev", "web-1"), {
      message: 'the host "web-1" does not run; `webinfra up --stack dev` brings it back',
    });
  });

  it("runs commands through the incus client, in our project", () => {
    assert.deepEqual(execArguments("m", logsCommand({ lines: 5, follow: true })), [
      ...["exec", "--project", "webinfra", "m", "--"],
      ...["sh", "-c", logsCommand({ lines: 5, follow: true })[2], "logs", "--lines=5", "--follow"],
    ]);
  });

  it("shows a host's logs by its own program, and without one by the journal alone", async () => {
    const scratch = mkdtempSync(join(tmpdir(), "webinfra-logs-"));
    try {
      const current = join(scratch, "current");
      const script = (path: string, ...lines: string[]): void => {
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, ["#!/bin/sh", ...lines, ""].join("\n"), { mode: 0o755 });
      };
      script(join(scratch, "bin/journalctl"), 'echo journalctl "$@"');
      script(join(current, "webinfra-host"), 'echo webinfra-host "$@"');
      const shown = async (selection: LogSelection = { lines: 7 }): Promise<string> => {
        const [program = "", ...rest] = logsCommand(selection);
        const words = rest.map((word) => word.replace("/usr/local/lib/webinfra/current", current));
        const env = { PATH: `${join(scratch, "bin")}:${process.env.PATH ?? ""}` };
        return (await promisify(execFile)(program, words, { env })).stdout;
      };
      assert.equal(await shown(), "journalctl --no-pager --lines=7\n");
      script(join(current, "webinfra/logs.py"));
      assert.equal(await shown(), "webinfra-host logs --lines=7\n");
      const part = { since: 1_795_694_138, grep: "a b", app: true };
      await assert.rejects(shown(part), {
        code: 1,
        stderr:
          "this host has no host package yet, or an older one, which shows its whole log alone: `webinfra up` renews it\n",
      });
      script(join(current, "webinfra/logs.py"), "# --times");
      assert.equal(await shown(), "webinfra-host logs --times --lines=7\n");
      assert.equal(await shown(part), "webinfra-host logs --times --since=1795694138 --grep=a b --app\n");
      assert.equal(await shown({}), "webinfra-host logs --times --lines=100\n");
    } finally {
      rmSync(scratch, { recursive: true });
    }
  });
});

describe("cli: logs of several hosts", () => {
  it("are read with their times, and a line without one belongs to the one before it", () => {
    const first = readLogLines(["12.500000 web-1 app[1]: a", "  more"]);
    assert.deepEqual(first, [
      { time: 12.5, text: "web-1 app[1]: a", dated: false },
      { time: 12.5, text: "  more", dated: true },
    ]);
    assert.deepEqual(readLogLines(["Nov 26 11:55:38 db-1 x"], first.at(-1)), [
      { time: 12.5, text: "Nov 26 11:55:38 db-1 x", dated: true },
    ]);
  });

  it("are one, in the order of time", () => {
    const [a, b] = [readLogLines(["1.0 a 1", "3.0 a 3", "  of 3"]), readLogLines(["2.0 b 2", "3.0 b 3"])];
    assert.deepEqual(
      inOrder([a, b]).map(({ text }) => text),
      ["a 1", "b 2", "a 3", "  of 3", "b 3"],
    );
  });

  it("show each host in a colour of its own", () => {
    const colours = createColors(true);
    const [line] = readLogLines([
      `${String(new Date(2026, 10, 6, 9, 5, 7).getTime() / 1000)}.000 web-1 nginx: GET web-1`,
    ]);
    assert.equal(
      logLineText(line ?? assert.fail(), ["db-1", "web-1"], colours),
      `Nov 06 09:05:07 ${colours.yellow("web-1")} nginx: GET web-1`,
    );
    assert.equal(logLineText({ time: 1, text: "as it is", dated: true }, ["as"], colours), "as it is");
  });

  it("begin at a time of the past", () => {
    const now = new Date(2026, 10, 28, 12).getTime();
    assert.equal(parseSince("90s", now), now / 1000 - 90);
    assert.equal(parseSince("10m", now), now / 1000 - 600);
    assert.equal(parseSince("2h", now), now / 1000 - 7200);
    assert.equal(parseSince("3d", now), now / 1000 - 259_200);
    assert.equal(parseSince("2026-11-28", now), new Date(2026, 10, 28).getTime() / 1000);
    assert.equal(parseSince("2026-11-28 09:30", now), new Date(2026, 10, 28, 9, 30).getTime() / 1000);
    assert.equal(parseSince("2026-11-28T09:30:05", now), new Date(2026, 10, 28, 9, 30, 5).getTime() / 1000);
    for (const wrong of ["", "10", "10 m", "yesterday", "2026-13-01", "2026-02-30", "99999999d", "m"]) {
      assert.equal(parseSince(wrong, now), undefined, wrong);
    }
    assert.throws(() => sinceOption("soon"), {
      message:
        'It must be how long ago, such as 30s, 10m, 2h or 3d, or a time, such as 2026-11-28 or "2026-11-28 09:30".',
    });
  });
});

describe("cli: after a kill", () => {
  const lock = { pid: 4242, username: "ada", hostname: "here", timestamp: "2026-01-02T03:04:05Z" };

  it("calls a lock dead only when its process of this machine is gone", () => {
    assert.equal(
      lockIsDead(lock, () => false, "here"),
      true,
    );
    assert.equal(
      lockIsDead(lock, () => true, "here"),
      false,
    );
    assert.equal(
      lockIsDead(lock, () => false, "elsewhere"),
      false,
    );
  });

  it("does not take another process with the lock's number for a Pulumi", () => {
    const other = spawn("sleep", ["60"]);
    try {
      assert.equal(lockIsDead({ ...lock, pid: other.pid ?? assert.fail() }, undefined, "here"), true);
    } finally {
      other.kill();
    }
  });

  it("says whose lock it is and what to do", () => {
    assert.equal(
      lockedText("dev", lock),
      'the stack "dev" is being changed by another run (process 4242 of ada on here, since 2026-01-02T03:04:05Z); ' +
        "--wait waits until that ends. If it cannot be running any more, " +
        '`eval "$(webinfra env --stack dev)" && pulumi cancel --yes` removes its lock',
    );
  });

  it("finds the machines that the killed run left, and no others", () => {
    const state = parseDeployment({
      resources: [{ urn: "u", type: "webinfra:incus:Machine", id: "known" }],
      pending_operations: [
        { type: "creating", resource: { urn: "u", type: "webinfra:incus:Machine", inputs: { machine: "begun" } } },
      ],
    });
    const machines = [
      { name: "known", complete: false },
      { name: "begun", complete: true },
      { name: "half", complete: false },
      { name: "of-another-home", complete: true },
    ];
    assert.deepEqual(leftovers(state, machines), ["begun", "half"]);
    assert.deepEqual(begunDeletions(state), []);
  });

  it("finds the machines that the killed run was deleting", () => {
    const pending = (type: string, of: string, id: string) => ({
      type,
      resource: { urn: `urn:pulumi:dev::webinfra::${of}::x`, type: of, id },
    });
    const state = parseDeployment({
      pending_operations: [
        pending("deleting", "webinfra:incus:Machine", "stopping"),
        pending("updating", "webinfra:incus:Machine", "stays"),
        pending("deleting", "webinfra:channel:Object", "no machine"),
      ],
    });
    assert.deepEqual(begunDeletions(state), ["stopping"]);
  });

  it("reads plain outputs, and none from a state that a failed run emptied", () => {
    const state = parseDeployment({
      resources: [{ urn: "u", type: "pulumi:pulumi:Stack", outputs: { url: "http://x" } }],
    });
    assert.equal(plainOutput(state, "url"), "http://x");
    assert.equal(plainOutput(parseDeployment(null), "url"), undefined);
  });
});

describe("cli: after a kill on a cloud", () => {
  it("names what Pulumi was making, which it will not know any more", () => {
    const urn = "urn:pulumi:staging::webinfra::webinfra:index:Host$digitalocean:index/droplet:Droplet::web-1";
    const state = parseDeployment({
      resources: [],
      pending_operations: [
        { type: "creating", resource: { urn, type: "digitalocean:index/droplet:Droplet" } },
        { type: "deleting", resource: { urn, type: "digitalocean:index/droplet:Droplet" } },
      ],
    });
    assert.deepEqual(orphanLines("staging", "digitalocean", state), [
      "an earlier run was killed while it made web-1 (digitalocean:index/droplet:Droplet): if it is on digitalocean, " +
        "with the tags of stack staging, delete it there, for this stack does not know it",
    ]);
  });
});

describe("cli: down", () => {
  it("says what it keeps and how to delete it", () => {
    assert.deepEqual(keptLines("dev", []), []);
    assert.deepEqual(keptLines("dev", ["webinfra-dev-db-1-data"]), [
      "kept: the databases' data (webinfra-dev-db-1-data) and who was primary; `webinfra up --stack dev` takes both up again",
      "to delete them: `webinfra down --stack dev --delete-data`",
    ]);
  });

  it("deletes nothing of a stack of the same name that another home knows", () => {
    assert.throws(() => checkOwnership("dev", new Set(["mine"]), [{ name: "theirs", complete: true }], "/h"), {
      message:
        'nothing was deleted: Incus has machines of a stack "dev" that the state in /h does not know (theirs). They ' +
        "belong to a stack of the same name under another WEBINFRA_HOME or backend: take it down from there, or delete " +
        "them with `incus delete --project webinfra --force theirs` when that state is lost",
    });
    assert.doesNotThrow(() =>
      checkOwnership(
        "dev",
        new Set(["mine"]),
        [
          { name: "mine", complete: true },
          { name: "half", complete: false },
        ],
        "/h",
      ),
    );
  });

  it("deletes nothing on a cloud that is protected, and no data there", () => {
    const resources = [
      { urn: "urn:pulumi:prod::webinfra::webinfra:index:Host$aws:ec2/instance:Instance::db-1", protect: true },
      { urn: "urn:pulumi:prod::webinfra::webinfra:index:Host$aws:ebs/volume:Volume::db-1-data", protect: true },
      { urn: "urn:pulumi:prod::webinfra::webinfra:index:Host$aws:ec2/instance:Instance::web-1" },
    ];
    assert.equal(
      refusedOnCloud("prod", "aws", resources, false),
      'nothing was deleted: the stack "prod" protects db-1, db-1-data: set webinfra:mysql.protect to false and run `webinfra up --stack prod` first; data volumes stay even then',
    );
    assert.equal(refusedOnCloud("prod", "aws", resources.slice(2), false), undefined);
    assert.equal(
      refusedOnCloud("staging", "digitalocean", [], true),
      "nothing was deleted: --delete-data knows the data of platform incus only; docs/platforms.md says how to find the volumes that stay on digitalocean",
    );
    assert.equal(refusedOnCloud("dev", "incus", resources, true), undefined);
  });

  it("leaves the Incus project when something is in it", () => {
    assert.equal(
      staysText(["a", "b"], []),
      "the Incus project webinfra stays: it holds a, b. `bash setup/teardown.sh` deletes everything in the project, whosever it is",
    );
    const stacks = [
      { stack: "dev", kept: ["a", "b"] },
      { stack: "gone", kept: [] },
    ];
    assert.match(
      staysText(["a", "b"], stacks),
      /holds a, b\. `webinfra down --stack dev --delete-data` deletes a and b; `bash /,
    );
  });

  it("needs a terminal or --yes before data goes", async () => {
    await assert.rejects(confirm("Delete?", { input: new PassThrough(), output: new PassThrough() }), {
      message: "Delete? There is no terminal to ask at: give --yes to go ahead",
    });
  });

  it("is not answered by Ctrl-C", async () => {
    const input = Object.assign(new PassThrough(), { isTTY: true });
    const asked = confirm("Delete?", { input, output: Object.assign(new PassThrough(), { isTTY: true }) });
    input.write("\u0003");
    await assert.rejects(asked, { name: "InterruptedError", code: 130, message: "nothing was changed" });
  });

  it("takes only y or yes for yes", async () => {
    for (const [answer, expected] of [
      ["y", true],
      ["YES", true],
      ["", false],
      ["yup", false],
    ] as const) {
      const input = Object.assign(new PassThrough(), { isTTY: true });
      const asked = confirm("Delete?", { input, output: new PassThrough() });
      input.write(`${answer}\n`);
      assert.equal(await asked, expected, answer);
    }
  });
});

describe("cli: Ctrl-C", () => {
  it("interrupts the child in order first, and ends it at the third press", async () => {
    const source = new EventEmitter();
    const said: string[] = [];
    const interruption = new Interruption((line) => said.push(line), source);
    const child = spawn("sh", ["-c", "trap 'echo asked' INT; echo ready; while :; do sleep 0.05; done"]);
    const heard: string[] = [];
    const line = () => new Promise<void>((resolve) => child.stdout.once("data", () => resolve()));
    child.stdout.on("data", (data: Buffer) => heard.push(data.toString().trim()));
    const release = interruption.guard(child);
    await line();
    for (let press = 0; press < 2; press++) {
      const answered = line();
      source.emit("SIGINT");
      await answered;
    }
    const ended = new Promise((resolve) => child.on("exit", (_code, signal) => resolve(signal)));
    source.emit("SIGINT");
    assert.equal(await ended, "SIGKILL");
    release();
    assert.deepEqual(heard, ["ready", "asked", "asked"]);
    assert.deepEqual(said, [
      "\nstopping: finishing what is in flight; press Ctrl-C again to end it at once",
      "ending at once; the next run repairs what is left half-made",
    ]);
    assert.equal(interruption.requested, true);
    assert.throws(() => interruption.check(), { name: "InterruptedError", code: 130 });
    interruption.dispose();
    assert.equal(source.listenerCount("SIGINT"), 0);
  });
});

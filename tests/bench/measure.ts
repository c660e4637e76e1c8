/** What the benchmark measures on a running stack. Nothing here judges: it only reports. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { request } from "undici";
import { z } from "zod";
import { type Answer, askAgent } from "../../operations/access/agent";
import { stackMachines } from "../../operations/access/incus";
import type { HostMachine } from "../../operations/machines";
import { exec, PROJECT } from "../../provider/incus";
import { eventually } from "../support/eventually";
import type { Generator, Probe } from "./generator";
import { PLAIN_PORT, withPlainHaproxy, withPlainNginx } from "./plain";

const run = promisify(execFile);

/** A running stack. */
export interface Target {
  readonly stack: string;
  /** Runs the command to its end and returns what it wrote to stdout. */
  command(...args: readonly string[]): Promise<string>;
  /** What `up` and `preview` are told beside the stack's name. */
  readonly configured: readonly string[];
}

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

/** A group of measurements. */
export type Measure = (target: Target, generator: Generator) => Promise<Figure[]>;

const LOAD_SECONDS = 8;
const LAG_SECONDS = 20;
const LAG_WRITES = 200;
const SWITCHOVERS = 5;
const COMMANDS = 5;
const IDLE_SECONDS = 300;
const [COST_ROUNDS, COST_SECONDS] = [5, 3];

/** The value that `share` (0 to 1) of the values do not exceed; NaN when there is none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

async function hostsOf(target: Target, role: string): Promise<(HostMachine & { readonly address: string })[]> {
  return (await stackMachines(target.stack)).flatMap((machine) =>
    machine.address !== null && machine.roles.includes(role) ? [{ ...machine, address: machine.address }] : [],
  );
}

async function balancer(target: Target): Promise<string> {
  const [first] = await hostsOf(target, "loadBalancer");
  assert.ok(first, `the stack "${target.stack}" has no running host with the role loadBalancer`);
  return first.address;
}

const isOk = ({ status }: Probe): boolean => status >= 200 && status < 300;

/** Waits until all hosts say that they are healthy. */
async function healthy(target: Target): Promise<void> {
  await eventually(
    `all hosts of ${target.stack} to be healthy`,
    async () => {
      for (const machine of await stackMachines(target.stack)) {
        const answer = await askAgent(machine);
        assert.ok(!("silent" in answer) && answer.healthy, `${machine.host} is not`);
      }
    },
    120,
  );
}

/** CPU time that a machine has used, in microseconds. Not asked of Incus: where the cgroups are of both versions it says 0. */
async function cpuOf(machine: string): Promise<number> {
  const { stdout } = await exec(machine, ["cat", "/sys/fs/cgroup/cpu.stat"]);
  const used = /^usage_usec (\d+)$/m.exec(stdout)?.[1];
  assert.ok(used !== undefined, `${machine} does not tell its CPU time`);
  return Number(used);
}

/** How long the command takes when there is nothing to do. */
export const commands: Measure = async (target) => {
  const { stack, configured } = target;
  const runs: Readonly<Record<string, readonly string[]>> = {
    "--help": ["--help"],
    "completion bash": ["completion", "bash"],
    status: ["status", stack],
    preview: ["preview", stack, ...configured],
    "up with nothing to change": ["up", stack, ...configured],
  };
  const figures: Figure[] = [];
  for (const [name, args] of Object.entries(runs)) {
    const seconds: number[] = [];
    for (let i = 0; i < COMMANDS; i++) {
      const started = Date.now();
      await target.command(...args);
      seconds.push((Date.now() - started) / 1000);
    }
    figures.push({
      name: `webinfra ${name}, median of ${String(COMMANDS)}`,
      value: quantile(seconds, 0.5),
      unit: "s",
    });
  }
  return figures;
};

/** One more web server, and back. */
export const scale: Measure = async (target) => {
  const { stack, configured } = target;
  const count = (await hostsOf(target, "webServer")).length;
  const change = async (web: number): Promise<number> => {
    const started = Date.now();
    await target.command("up", stack, ...configured, "--config", `web=${String(web)}`);
    return (Date.now() - started) / 1000;
  };
  const [more, fewer] = [await change(count + 1), await change(count)];
  const [from, to] = [String(count), String(count + 1)];
  return [
    { name: `up from ${from} web servers to ${to}`, value: more, unit: "s" },
    { name: `up from ${to} web servers to ${from}`, value: fewer, unit: "s" },
  ];
};

/** What each host takes of a processor while nobody asks for anything. */
export const idle: Measure = async (target) => {
  const machines = await stackMachines(target.stack);
  const look = (): Promise<number[]> => Promise.all(machines.map(({ machine }) => cpuOf(machine)));
  const before = await look();
  const started = Date.now();
  await sleep(IDLE_SECONDS * 1000);
  const after = await look();
  const microseconds = 1000 * (Date.now() - started);
  return machines.map(({ host }, index) => ({
    name: `${host}: CPU while idle`,
    value: (100 * (after[index]! - before[index]!)) / microseconds,
    unit: "% of a core",
  }));
};

/** Requests a second and latency of the static file and the page, through the balancer and of one Nginx alone. */
export const requests: Measure = async (target, generator) => {
  const [web] = await hostsOf(target, "webServer");
  assert.ok(web, `the stack "${target.stack}" has no running host with the role webServer`);
  const ways = { balancer: `http://${await balancer(target)}`, "one Nginx": `http://${web.address}:8080` };
  const figures: Figure[] = [];
  for (const [what, path] of [
    ["static file", "/static/style.css"],
    ["page", "/"],
  ] as const) {
    const rates: number[] = [];
    for (const [way, url] of Object.entries(ways)) {
      const load = await generator.load(`${url}${path}`, LOAD_SECONDS);
      rates.push(load.perSecond);
      figures.push(
        { name: `${what}, ${way}`, value: load.perSecond, unit: "requests/s" },
        { name: `${what}, ${way}: p50`, value: load.p50, unit: "ms" },
        { name: `${what}, ${way}: p99`, value: load.p99, unit: "ms" },
        { name: `${what}, ${way}: failed`, value: load.failed, unit: "requests" },
      );
    }
    figures.push({ name: `${what}, balancer to one Nginx`, value: rates[0]! / rates[1]!, unit: "times" });
  }
  return figures;
};

/** What a request costs a machine by two ways, in turn: what else this computer does hits both. */
async function paired(
  generator: Generator,
  machine: string,
  what: string,
  urls: { readonly ours: string; readonly plain: string },
): Promise<Figure[]> {
  const costs: { readonly ours: number[]; readonly plain: number[] } = { ours: [], plain: [] };
  for (let round = 0; round < COST_ROUNDS; round++) {
    for (const way of ["ours", "plain"] as const) {
      const before = await cpuOf(machine);
      const { requests, failed } = await generator.load(urls[way], COST_SECONDS);
      assert.equal(failed, 0, `${urls[way]} failed`);
      // Log lines are written a second later at most.
      await sleep(1500);
      costs[way].push(((await cpuOf(machine)) - before) / requests);
    }
  }
  const ratios = costs.ours.map((cost, round) => cost / costs.plain[round]!);
  return [
    { name: `${what}: CPU a request`, value: quantile(costs.ours, 0.5), unit: "µs" },
    { name: `${what}: plain, in the same turn`, value: quantile(costs.plain, 0.5), unit: "µs" },
    { name: `${what}: ours to plain`, value: quantile(ratios, 0.5), unit: "times" },
  ];
}

/** What a request costs balancer and web host, against plain HAProxy and plain Nginx on the same hosts; logs are in it. */
export const cost: Measure = async (target, generator) => {
  const webs = await hostsOf(target, "webServer");
  const [web] = webs;
  const [lb] = await hostsOf(target, "loadBalancer");
  assert.ok(web && lb, `the stack "${target.stack}" has no running balancer or web host`);
  const plain = String(PLAIN_PORT);
  const file = "/static/style.css";
  const servers = webs.map(({ address }) => `${address}:8080`);
  const balancing = await withPlainHaproxy(lb.machine, servers, () =>
    paired(generator, lb.machine, "static file, balancer", {
      ours: `http://${lb.address}${file}`,
      plain: `http://${lb.address}:${plain}${file}`,
    }),
  );
  const serving = await withPlainNginx(web.machine, async (runsApp) => {
    const figures: Figure[] = [];
    for (const [what, path] of [
      ["static file, web host", file],
      ...(runsApp ? [["page, web host", "/"]] : []),
    ] as const) {
      const ways = { ours: `http://${web.address}:8080${path}`, plain: `http://${web.address}:${plain}${path}` };
      figures.push(...(await paired(generator, web.machine, what, ways)));
    }
    return figures;
  });
  return [...balancing, ...serving];
};

const LAST_APPLIED = `select timestampdiff(microsecond, last_applied_transaction_original_commit_timestamp,
  last_applied_transaction_end_apply_timestamp) from performance_schema.replication_applier_status_by_worker
  where channel_name = '' and last_applied_transaction <> '' order by last_applied_transaction_end_apply_timestamp desc limit 1;
  do sleep(0.1);`;

/** How far a replica is behind under writes: from commit on the primary to commit on the replica, and what its agent says. */
export const lag: Measure = async (target, generator) => {
  const databases = await hostsOf(target, "database");
  const answers = await Promise.all(databases.map(askAgent));
  const replica = databases.find((_, index) => roleOf(answers[index]) === "replica");
  assert.ok(replica, `the stack "${target.stack}" has no replica`);
  let applied: number[] = [];
  const told: number[] = [];
  const count = LAG_SECONDS * 10;
  const probes = await generator.probe(
    { host: await balancer(target), method: "POST", path: "/api/entries", rate: LAG_WRITES, workers: 40 },
    async () => {
      await sleep(1000);
      const sampling = exec(replica.machine, [
        "bash",
        "-c",
        `for i in {1..${String(count)}}; do echo "${LAST_APPLIED}"; done | mysql --batch --skip-column-names`,
      ]);
      for (let i = 0; i < count; i++) {
        const answer = await askAgent(replica);
        const seconds = "silent" in answer ? undefined : answer.database?.lagSeconds;
        if (typeof seconds === "number") {
          told.push(seconds * 1000);
        }
        await sleep(100);
      }
      const { code, stdout, stderr } = await sampling;
      assert.equal(code, 0, stderr);
      applied = stdout
        .trim()
        .split("\n")
        .map((line) => Number(line) / 1000);
    },
  );
  const acknowledged = probes.filter(isOk);
  const seconds = (probes.at(-1)?.end ?? 0) - (probes[0]?.start ?? 0);
  return [
    { name: "writes during the lag measurement", value: acknowledged.length / seconds, unit: "writes/s" },
    { name: "writes that failed then", value: probes.length - acknowledged.length, unit: "writes" },
    { name: "replica lag, commit to commit: p50", value: quantile(applied, 0.5), unit: "ms" },
    { name: "replica lag, commit to commit: p99", value: quantile(applied, 0.99), unit: "ms" },
    { name: "replica lag, as its agent says: p50", value: quantile(told, 0.5), unit: "ms" },
    { name: "replica lag, as its agent says: p99", value: quantile(told, 0.99), unit: "ms" },
  ];
};

function roleOf(answer: Answer | undefined): string | undefined {
  return answer === undefined || "silent" in answer ? undefined : answer.database?.role;
}

/** How many servers the balancer sends pages to. */
async function serversUp(address: string): Promise<number> {
  const { body } = await request(`http://${address}:8405/metrics`, { signal: AbortSignal.timeout(2000) });
  return [...(await body.text()).matchAll(/^haproxy_server_status\{proxy="web",server="[^"]+",state="UP"\} 1$/gm)]
    .length;
}

/** Seconds since 1970 when the balancer has `count` servers. */
async function whenUp(address: string, count: number): Promise<number> {
  const deadline = Date.now() + 120_000;
  for (;;) {
    if ((await serversUp(address)) === count) {
      return Date.now() / 1000;
    }
    assert.ok(Date.now() < deadline, `the balancer never had ${String(count)} servers`);
    await sleep(20);
  }
}

/** How long it takes until a web host that is killed gets no requests, and until it gets some when it is started again. */
export const rotation: Measure = async (target, generator) => {
  const web = await hostsOf(target, "webServer");
  const victim = web.at(-1);
  assert.ok(victim && web.length > 1, `the stack "${target.stack}" has fewer than two web hosts that run`);
  const address = await balancer(target);
  const before = await serversUp(address);
  const incus = (...args: string[]) => run("incus", ["--project", PROJECT, ...args, victim.machine]);
  const at = { killed: 0, out: 0, stopped: 0, started: 0, booted: 0, back: 0 };
  const probes = await generator.probe({ host: address, method: "GET", path: "/", rate: 50, workers: 5 }, async () => {
    await sleep(1000);
    at.killed = Date.now() / 1000;
    const out = whenUp(address, before - 1);
    try {
      await incus("stop", "--force");
      at.stopped = Date.now() / 1000;
      at.out = await out;
      await sleep(3000);
    } finally {
      // Not only for the figure: the site is to be whole again, whatever happened.
      at.started = Date.now() / 1000;
      await incus("start");
      at.booted = Date.now() / 1000;
    }
    at.back = await whenUp(address, before);
    await sleep(3000);
  });
  await healthy(target);
  const touched = probes.filter((probe) => probe.end > at.killed && probe.start < at.started);
  const last = touched.filter((probe) => !isOk(probe) || probe.server === victim.host).at(-1)?.end ?? at.killed;
  const first = probes.find((probe) => probe.start > at.started && isOk(probe) && probe.server === victim.host);
  return [
    { name: "killed web host: out of rotation (balancer)", value: at.out - at.killed, unit: "s" },
    { name: "killed web host: all answers from the others", value: last - at.killed, unit: "s" },
    { name: "killed web host: `incus stop --force` itself", value: at.stopped - at.killed, unit: "s" },
    {
      name: "killed web host: requests that failed",
      value: touched.filter((one) => !isOk(one)).length,
      unit: "requests",
    },
    {
      name: "killed web host: slowest request",
      value: Math.max(...touched.map(({ start, end }) => end - start)),
      unit: "s",
    },
    { name: "started web host: back in rotation (balancer)", value: at.back - at.started, unit: "s" },
    { name: "started web host: first answer from it", value: (first?.end ?? NaN) - at.started, unit: "s" },
    { name: "started web host: `incus start` itself", value: at.booted - at.started, unit: "s" },
  ];
};

/** The primary and the replicas, once there is one primary and every other database follows it. */
function databaseRoles(target: Target): Promise<{ readonly primary: string; readonly replicas: readonly string[] }> {
  return eventually(
    "one primary, and replicas that follow it",
    async () => {
      const hosts = await hostsOf(target, "database");
      const answers = await Promise.all(hosts.map(askAgent));
      const named = (role: string): string[] =>
        hosts.filter((_, index) => roleOf(answers[index]) === role).map(({ host }) => host);
      const [primary, ...more] = named("primary");
      const replicas = named("replica");
      assert.ok(primary !== undefined && more.length === 0 && replicas.length === hosts.length - 1, "not yet");
      return { primary, replicas };
    },
    90,
  );
}

const promotionSchema = z.object({ closedSeconds: z.number().nullable() });

/** How long no write is acknowledged while another host becomes the primary. */
export const switchover: Measure = async (target, generator) => {
  const address = await balancer(target);
  const { primary: original, replicas } = await databaseRoles(target);
  const partner = replicas[0];
  assert.ok(partner !== undefined, `the stack "${target.stack}" has no replica`);
  const promote = (host: string): Promise<string> =>
    target.command("database", "promote", host, "--stack", target.stack, "--json");
  const gaps: number[] = [];
  const closed: number[] = [];
  const seconds: number[] = [];
  let failed = 0;
  try {
    for (let turn = 0; turn < SWITCHOVERS; turn++) {
      const next = turn % 2 === 0 ? partner : original;
      const probes = await generator.probe(
        { host: address, method: "POST", path: "/api/entries", rate: 50, workers: 5 },
        async () => {
          await sleep(1500);
          const started = Date.now();
          const { closedSeconds } = promotionSchema.parse(JSON.parse(await promote(next)));
          seconds.push((Date.now() - started) / 1000);
          if (closedSeconds !== null) {
            closed.push(closedSeconds);
          }
          await sleep(1500);
        },
      );
      const acknowledged = probes.filter(isOk).map(({ end }) => end);
      gaps.push(Math.max(...acknowledged.slice(1).map((end, index) => end - acknowledged[index]!)));
      failed += probes.length - acknowledged.length;
      await databaseRoles(target);
      await healthy(target);
    }
  } finally {
    if ((await databaseRoles(target)).primary !== original) {
      await promote(original);
    }
  }
  await databaseRoles(target);
  return [
    { name: `switchover gap, median of ${String(SWITCHOVERS)}`, value: quantile(gaps, 0.5), unit: "s" },
    { name: `switchover gap, maximum of ${String(SWITCHOVERS)}`, value: Math.max(...gaps), unit: "s" },
    { name: "switchover: requests that failed, all together", value: failed, unit: "requests" },
    { name: "switchover: closed for writes as the command says, median", value: quantile(closed, 0.5), unit: "s" },
    { name: "switchover: the command, median", value: quantile(seconds, 0.5), unit: "s" },
  ];
};

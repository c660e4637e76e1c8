/**
 * Measures a site and prints a table; `npm run bench -- --help` tells the options. There are no thresholds: a figure means something only beside
 * others of the same machine, at rest.
 */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { presetNames } from "../../topology/schema";
import { repository, Site } from "../support/site";
import { Generator } from "./generator";
import {
  commands,
  cost,
  type Figure,
  idle,
  lag,
  type Measure,
  requests,
  rotation,
  scale,
  switchover,
  type Target,
} from "./measure";
import { performancePage } from "./page";
import { againstOurs, findAnsible, Peer } from "./peer";

const run = promisify(execFile);

const measures: Readonly<Record<string, Measure>> = {
  commands,
  idle,
  requests,
  cost,
  lag,
  rotation,
  scale,
  switchover,
};
const groups = ["presets", ...Object.keys(measures), "ansible"];

const USAGE = `npm run bench -- [options]

  --stack NAME   measure this stack, which is up, instead of one made for it; nothing is brought up then.
                 It gets some thousand entries, one web host of it is killed and started again, one more is made and
                 deleted, and its primary changes.
  --only A,B     only these groups: ${groups.join(", ")}
  --skip A,B     all groups but these
  --json FILE    also write the figures to a file, as JSON
  --page         also write docs/performance.md
  --help         show this

"presets" is the time of \`up\` of each topology from nothing; without it, only that of the one that is measured.
"ansible" makes the same five hosts by Ansible too, if ansible-playbook is on the PATH, and tells how many times as long as ours it takes. Its hosts
start from Debian's image, ours from the one with all packages that is made once. The roles come from Ansible Galaxy, or from where ANSIBLE_ROLES_PATH
says. Neither of the two is measured with --stack.
`;

interface Plan {
  readonly stack: string | undefined;
  readonly json: string | undefined;
  readonly page: boolean;
  readonly wanted: ReadonlySet<string>;
}

/** @throws Error that names the option's value and what there is */
export function plan(args: readonly string[]): Plan | "help" {
  const { values } = parseArgs({
    args: [...args],
    options: {
      stack: { type: "string" },
      only: { type: "string" },
      skip: { type: "string" },
      json: { type: "string" },
      page: { type: "boolean", default: false },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) {
    return "help";
  }
  const named = (option: "only" | "skip"): readonly string[] | undefined => {
    const list = values[option]?.split(",");
    const unknown = list?.find((group) => !groups.includes(group));
    if (unknown === undefined) {
      return list;
    }
    throw new Error(`--${option}: there is no group "${unknown}"; there are: ${groups.join(", ")}`);
  };
  const only = named("only") ?? groups;
  const skip = named("skip") ?? [];
  return {
    stack: values.stack,
    json: values.json,
    page: values.page,
    wanted: new Set(only.filter((group) => !skip.includes(group))),
  };
}

function show({ name, value, unit }: Figure): void {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 3;
  console.log(`  ${name.padEnd(60)} ${value.toFixed(digits).padStart(9)} ${unit}`);
}

/** What is to be taken away when the run is interrupted; the newest is last. */
type Undo = (() => Promise<void>)[];

/** Does something, and cleans up however it ended. */
async function cleaned<T>(undo: Undo, clean: () => Promise<void>, use: () => Promise<T>): Promise<T> {
  undo.push(clean);
  try {
    return await use();
  } finally {
    undo.splice(undo.indexOf(clean), 1);
    await clean();
  }
}

/** Measures a running stack, group by group; a group that fails is told and does not end the others. */
async function measure(undo: Undo, target: Target, wanted: ReadonlySet<string>, figures: Figure[]): Promise<boolean> {
  const chosen = Object.entries(measures).filter(([group]) => wanted.has(group));
  if (chosen.length === 0) {
    return true;
  }
  const generator = new Generator(target.stack);
  const remove = (): Promise<void> => generator.remove();
  return cleaned(undo, remove, async () => {
    let whole = true;
    await generator.make();
    for (const [group, one] of chosen) {
      console.log(`\n${group}`);
      try {
        const found = await one(target, generator);
        found.forEach(show);
        figures.push(...found);
      } catch (error) {
        whole = false;
        console.error(`  ${group} could not be measured:`, error);
      }
    }
    return whole;
  });
}

const existing = (stack: string): Target => ({
  stack,
  command: async (...args) => (await run(join(repository, "webinfra"), args)).stdout,
  configured: [],
});

/** Brings a site up, tells how long it took, does something with it, and takes it away. */
async function fresh(
  undo: Undo,
  topology: string,
  figures: Figure[],
  use: (target: Target) => Promise<boolean>,
): Promise<boolean> {
  const site = new Site({ topology });
  const remove = (): Promise<void> => site.remove();
  return cleaned(undo, remove, async () => {
    const { seconds } = await site.up();
    const figure = { name: `up of ${topology} from nothing`, value: seconds, unit: "s" };
    show(figure);
    figures.push(figure);
    return use({
      stack: site.stack,
      command: async (...args) => (await site.succeed(...args)).stdout,
      configured: ["--config-file", site.configFile],
    });
  });
}

/** Measures what Ansible takes for the same; says why not when it is not to be had. */
async function peer(undo: Undo, figures: Figure[]): Promise<boolean> {
  console.log("\nansible");
  const found = await findAnsible(process.env);
  if (typeof found === "string") {
    console.log(`  skipped: ${found}`);
    return true;
  }
  const other = new Peer(found);
  const remove = (): Promise<void> => other.remove();
  try {
    const taken = await cleaned(undo, remove, () => other.measure());
    const all = [...taken, ...againstOurs([...figures, ...taken])];
    all.forEach(show);
    figures.push(...all);
    return true;
  } catch (error) {
    console.error("  ansible could not be measured:", error);
    return false;
  }
}

async function main(args: readonly string[]): Promise<void> {
  const planned = plan(args);
  if (planned === "help") {
    process.stdout.write(USAGE);
    return;
  }
  const { stack, json, page, wanted } = planned;
  const figures: Figure[] = [];
  const before = loadavg()[0] ?? 0;
  console.log(`${String(cpus().length)} processors, load before: ${before.toFixed(1)}`);
  const undo: Undo = [];
  const interrupted = async (): Promise<void> => {
    console.error("interrupted: cleaning up");
    for (const clean of [...undo].reverse()) {
      await clean().catch(console.error);
    }
    if (stack !== undefined) {
      console.error(`\`webinfra up --stack ${stack}\` starts a host again that was stopped`);
    }
    process.exit(130);
  };
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.once(signal, () => void interrupted());
  }
  const [measured, ...others] = presetNames;
  let whole =
    stack === undefined
      ? await fresh(undo, measured, figures, (target) => measure(undo, target, wanted, figures))
      : await measure(undo, existing(stack), wanted, figures);
  for (const topology of stack === undefined && wanted.has("presets") ? others : []) {
    await fresh(undo, topology, figures, () => Promise.resolve(true));
  }
  if (stack === undefined && wanted.has("ansible")) {
    whole = (await peer(undo, figures)) && whole;
  }
  const facts = {
    at: new Date().toISOString(),
    stack: stack ?? null,
    commit: (await run("git", ["-C", repository, "describe", "--always", "--dirty"])).stdout.trim(),
    processors: cpus().length,
    processor: cpus()[0]?.model.trim() ?? "unknown",
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    loadBefore: before,
  };
  if (page) {
    writeFileSync(join(repository, "docs", "performance.md"), await performancePage(facts, figures));
  }
  if (json !== undefined) {
    const rounded = figures.map((figure) => ({ ...figure, value: Math.round(figure.value * 1000) / 1000 }));
    writeFileSync(json, `${JSON.stringify({ ...facts, figures: rounded }, undefined, 2)}\n`);
  }
  process.exitCode = whole ? 0 : 1;
}

if (require.main === module) {
  main(process.argv.slice(2)).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
}

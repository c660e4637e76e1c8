/** `webinfra down`: takes the site down; data goes only when that is asked for. */
import { spawn } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../core/errors";
import { listed } from "../../core/words";
import { isCloud, isLocal, localPlatform } from "../../operations/platforms";
import type { Remains, RemainsEvent } from "../../operations/remains";
import { didYouMean } from "../../operations/suggest";
import type { CommandContext } from "../context";
import { defaultStack } from "../command";
import { confirm } from "../terminal/confirm";
import { duration } from "../terminal/format";
import { withBoard } from "../terminal/live";
import { progressOn } from "../terminal/progress";
import { readLastRun, workDirectory, writeLastRun } from "./workfolder";
import { operate, preflight } from "./operate";
import { Progress } from "./progress";
import { recover } from "./recover";
import {
  channelDirectory,
  currentState,
  openStack,
  type OpenStack,
  platformOf,
  stackFacts,
  type StackFacts,
} from "./stack";
import { stacksWithFile } from "./stackfile";
import { forgetStack, knownMachines, stacksInDirectory } from "./state";

export interface DownOptions {
  /** Deletes the data volumes and everything else of the stack as well. */
  readonly deleteData?: boolean;
  /** Does not ask before data is deleted. */
  readonly yes?: boolean;
  /** Waits for another run to end, however long that takes. */
  readonly wait?: boolean;
}

/** What `down --json` prints. */
export interface DownResult {
  readonly stack: string;
  /** Whether there was such a stack. */
  readonly existed: boolean;
  /** The data volumes that were kept. */
  readonly kept: readonly string[];
  readonly seconds: number;
}

/** What `down --all --json` prints. */
export interface DownAllResult {
  readonly stacks: readonly DownResult[];
  /** Machines and volumes that are still in the Incus project, which stays for them. */
  readonly remaining: readonly string[];
}

/** What `down` says of what it keeps; nothing when nothing is kept. */
export function keptLines(stack: string, volumes: readonly string[]): string[] {
  if (volumes.length === 0) {
    return [];
  }
  return [
    `kept: the databases' data (${volumes.join(", ")}) and who was primary; \`webinfra up --stack ${stack}\` takes both up again`,
    `to delete them: \`webinfra down --stack ${stack} --delete-data\``,
  ];
}

/** Why a stack on a cloud is not taken down; undefined when it is. There nothing is deleted that was protected, nor data, which only volumes of this machine can. */
export function refusedOnCloud(
  stack: string,
  platform: string,
  resources: readonly { readonly urn: string; readonly protect?: boolean | undefined }[],
  deleteData: boolean,
): string | undefined {
  if (!isCloud(platform)) {
    return undefined;
  }
  if (deleteData) {
    return `nothing was deleted: --delete-data knows the data of platform ${localPlatform} only; docs/platforms.md says how to find the volumes that stay on ${platform}`;
  }
  const held = resources.filter(({ protect }) => protect === true).map(({ urn }) => urn.split("::").at(-1) ?? urn);
  return held.length === 0
    ? undefined
    : `nothing was deleted: the stack "${stack}" protects ${[...new Set(held)].sort().join(", ")}: ` +
        `set webinfra:mysql.protect to false and run \`webinfra up --stack ${stack}\` first; data volumes stay even then`;
}

async function destroy(context: CommandContext, open: OpenStack, wait: boolean): Promise<void> {
  const { output } = context;
  await recover(open, output, wait);
  open.interruption.check();
  const state = await currentState(open);
  if (state.resources.length === 0) {
    return;
  }
  if (state.resources.some((resource) => resource.protect === true)) {
    // Protection is against a change that replaces a database; taking all down was asked for.
    await open.pulumi(["state", "unprotect", "--all", "--yes", "--stack", open.name]);
  }
  output.progress(`taking down the stack "${open.name}"`);
  const hosts = knownMachines(state).map(({ host }) => host);
  await withBoard(output, "down", { hosts }, async (board) => {
    const progress = new Progress(progressOn(board, output));
    await operate(open, progress, "down", () => open.stack.destroy({ onEvent: progress.onEvent }));
  });
}

/** What Incus has of a stack; nothing where its platform is another. */
async function remainsOf(stack: string, onIncus: boolean): Promise<Remains> {
  return onIncus
    ? (await import("../../operations/remains.js")).remainsOf(stack)
    : { machines: [], volumes: [], networks: [] };
}

const remainsWords: Readonly<Record<RemainsEvent["kind"], string>> = {
  machine: "machine",
  volume: "data volume",
  network: "network",
};

async function deleteRemains(context: CommandContext, channel: string, remains: Remains): Promise<void> {
  const operations = await import("../../operations/remains.js");
  await operations.deleteRemains(remains, ({ kind, name }) =>
    context.output.progress(`  deleting the ${remainsWords[kind]} ${name}`),
  );
  rmSync(channel, { recursive: true, force: true });
}

/** The stacks that a state folder or a file is there for. */
function knownStacks({ root }: CommandContext, { backend, project }: StackFacts): string[] {
  const stacks = backend.directory === undefined ? [] : stacksInDirectory(backend.directory, project);
  return [...new Set([...stacks, ...stacksWithFile(root)])];
}

/** Takes a stack down. A stack that does not exist is no error. */
export async function down(context: CommandContext, name: string, options: DownOptions): Promise<DownResult> {
  const { output } = context;
  const started = Date.now();
  const deleteData = options.deleteData === true;
  const facts = stackFacts(context, name);
  const open = await openStack(context, name, { create: false });
  if (open === undefined && !deleteData) {
    const stacks = knownStacks(context, facts);
    output.result(`there is no stack "${name}" to take down${stacks.includes(name) ? "" : didYouMean(name, stacks)}`);
    return { stack: name, existed: false, kept: [], seconds: (Date.now() - started) / 1000 };
  }
  try {
    // Before the state forgets where it is.
    const channel = channelDirectory(facts, open === undefined ? undefined : await currentState(open));
    const platform = open === undefined ? localPlatform : platformOf(open.settings);
    const onIncus = isLocal(platform);
    if (open !== undefined) {
      await preflight(open);
      const refused = refusedOnCloud(name, platform, (await currentState(open)).resources, deleteData);
      if (refused !== undefined) {
        throw new UserError(refused);
      }
    }
    if (deleteData && onIncus) {
      const { checkOwnership, machineStore } = await import("../../operations/remains.js");
      const state = open === undefined ? undefined : await currentState(open);
      const resources = [...(state?.resources ?? []), ...(state?.pending ?? []).map(({ resource }) => resource)];
      const known = new Set(resources.flatMap(({ id, inputs }) => [id, inputs?.["machine"]]));
      checkOwnership(name, known, await machineStore.list(name), facts.home);
    }
    if (deleteData && options.yes !== true) {
      const { volumes } = await remainsOf(name, onIncus);
      const question = `Delete the stack "${name}" with all its data${volumes.length === 0 ? "" : ` (${volumes.join(", ")})`}?`;
      if (!(await confirm(question))) {
        throw new UserError("nothing was deleted");
      }
    }
    if (open !== undefined) {
      await destroy(context, open, options.wait === true);
      writeLastRun(facts.home, name, { ...readLastRun(facts.home, name), overrides: [], fingerprint: undefined });
    }
    const remains = await remainsOf(name, onIncus);
    if (deleteData) {
      await deleteRemains(context, channel, remains);
      if (open !== undefined) {
        // preserveConfig: without it, Pulumi deletes the stack's file, which may be the committed one.
        await open.stack.workspace.removeStack(name, { preserveConfig: true });
      }
      rmSync(workDirectory(facts.home, name), { recursive: true, force: true });
      if (facts.backend.kind === "own" && facts.backend.directory !== undefined) {
        // Pulumi leaves copies of a removed stack's state behind, with its (encrypted) passwords.
        forgetStack(facts.backend.directory, facts.project, name);
      }
    }
    const kept = deleteData ? [] : remains.volumes;
    const seconds = (Date.now() - started) / 1000;
    output.result(`the stack "${name}" is down (${duration(seconds)})`);
    for (const line of keptLines(name, kept)) {
      output.result(line);
    }
    return { stack: name, existed: open !== undefined, kept, seconds };
  } finally {
    open?.close();
  }
}

function runTeardown(packageFolder: string, json: boolean): Promise<void> {
  const script = join(packageFolder, "setup", "teardown.sh");
  if (!existsSync(script)) {
    throw new UserError(`${script} is missing; the checkout is not complete`);
  }
  const child = spawn("bash", [script], { stdio: ["inherit", json ? 2 : "inherit", "inherit"] });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => {
      if (code === 0) {
        resolve();
      } else {
        reject(new UserError(`setup/teardown.sh failed with exit code ${String(code)}; it said why`));
      }
    });
  });
}

/** What `down --all` says when something in the Incus project is not its to delete. */
export function staysText(remaining: readonly string[], stacks: readonly Pick<DownResult, "stack" | "kept">[]): string {
  const deletions = stacks
    .filter(({ kept }) => kept.length > 0)
    .map(({ stack, kept }) => ` \`webinfra down --stack ${stack} --delete-data\` deletes ${listed(kept)};`);
  return (
    `the Incus project webinfra stays: it holds ${remaining.join(", ")}.${deletions.join("")} ` +
    "`bash setup/teardown.sh` deletes everything in the project, whosever it is"
  );
}

/**
 * Takes every stack of the state folder down, then removes what set-up made in Incus, provided that nothing is left in
 * there: neither kept data, nor machines of stacks that another state folder knows.
 */
export async function downAll(context: CommandContext, options: DownOptions): Promise<DownAllResult> {
  const { output } = context;
  const { backend, project } = stackFacts(context, defaultStack);
  if (backend.kind !== "own" || backend.directory === undefined) {
    throw new UserError(
      `--all works on the stacks of webinfra's own state folder, but the state is at ${backend.url} (${backend.reason}); ` +
        "take its stacks down one by one",
    );
  }
  const stacks: DownResult[] = [];
  for (const name of stacksInDirectory(backend.directory, project)) {
    stacks.push(await down(context, name, options));
  }
  const { sweepProject } = await import("../../operations/remains.js");
  const remaining = await sweepProject();
  if (remaining.length > 0) {
    output.result(staysText(remaining, stacks));
    return { stacks, remaining };
  }
  await runTeardown(context.packageFolder, output.json);
  return { stacks, remaining };
}

/** Reads what Pulumi recorded: resources, outputs, unfinished operations, and who holds the stack's lock. */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { z } from "zod";
import type { KnownMachine } from "../../operations/machines";

const record = z.record(z.string(), z.unknown());

const resourceSchema = z.looseObject({
  urn: z.string(),
  type: z.string(),
  id: z.string().optional(),
  inputs: record.optional(),
  outputs: record.optional(),
  protect: z.boolean().optional(),
  retainOnDelete: z.boolean().optional(),
  /** It was replaced, and is not deleted yet. */
  delete: z.boolean().optional(),
});

const deploymentSchema = z.looseObject({
  resources: z.array(resourceSchema).nullish(),
  pending_operations: z.array(z.looseObject({ resource: resourceSchema, type: z.string() })).nullish(),
});

const checkpointSchema = z.object({ checkpoint: z.object({ latest: deploymentSchema.nullish() }) });

const lockSchema = z.object({ pid: z.number(), username: z.string(), hostname: z.string(), timestamp: z.string() });

/** One resource of a stack's state. */
export type StateResource = z.infer<typeof resourceSchema>;

/** What Pulumi knows of a stack. */
export interface StackState {
  readonly resources: readonly StateResource[];
  /** Operations that were begun and whose end was not recorded: the run was killed. */
  readonly pending: readonly { readonly type: string; readonly resource: StateResource }[];
}

/** A lock on a stack. */
export type Lock = z.infer<typeof lockSchema>;

/** Reads a deployment as `pulumi stack export` gives it. */
export function parseDeployment(deployment: unknown): StackState {
  const parsed = deploymentSchema.nullish().parse(deployment);
  return { resources: parsed?.resources ?? [], pending: parsed?.pending_operations ?? [] };
}

function stateFile(directory: string, project: string, stack: string): string | undefined {
  const file = join(directory, ".pulumi", "stacks", project, `${stack}.json`);
  return [file, `${file}.gz`].find((path) => existsSync(path));
}

/** The state of a stack in a folder; undefined when the folder has no such stack. Starts no Pulumi process. */
export function readStateFile(directory: string, project: string, stack: string): StackState | undefined {
  const file = stateFile(directory, project, stack);
  if (file === undefined) {
    return undefined;
  }
  const bytes = readFileSync(file);
  const text = (file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8");
  return parseDeployment(checkpointSchema.parse(JSON.parse(text)).checkpoint.latest);
}

/** What a folder holds of a stack's state, as it is; undefined when the folder has no such stack. */
export function stateText(directory: string, project: string, stack: string): string | undefined {
  const file = stateFile(directory, project, stack);
  return file === undefined ? undefined : readFileSync(file, "base64");
}

/** The stacks of a project in a state folder, sorted. */
export function stacksInDirectory(directory: string, project: string): string[] {
  const folder = join(directory, ".pulumi", "stacks", project);
  if (!existsSync(folder)) {
    return [];
  }
  return readdirSync(folder)
    .map((name) => /^(.+)\.json(?:\.gz)?$/.exec(name)?.[1])
    .filter((name) => name !== undefined)
    .sort();
}

/** Deletes what Pulumi leaves of a removed stack in a state folder: backups and history. */
export function forgetStack(directory: string, project: string, stack: string): void {
  const folder = join(directory, ".pulumi");
  for (const kind of ["backups", "history", join("locks", "organization")]) {
    rmSync(join(folder, kind, project, stack), { recursive: true, force: true });
  }
  for (const ending of [".json.bak", ".json.bak.attrs"]) {
    rmSync(join(folder, "stacks", project, `${stack}${ending}`), { force: true });
  }
}

/** The locks on a stack in a state folder. */
export function readLocks(directory: string, project: string, stack: string): Lock[] {
  const folder = join(directory, ".pulumi", "locks", "organization", project, stack);
  if (!existsSync(folder)) {
    return [];
  }
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .map((name) => lockSchema.parse(JSON.parse(readFileSync(join(folder, name), "utf8"))));
}

function processRuns(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it runs, as another user.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
  // The number may have been given to another process since; where the system tells, it must be a Pulumi.
  const commandLine = `/proc/${String(pid)}/cmdline`;
  return !existsSync(commandLine) || readFileSync(commandLine, "utf8").includes("pulumi");
}

/**
 * Whether the lock's holder is known to be gone: a process of this machine that no longer runs. A lock from another
 * machine is never called dead.
 */
export function lockIsDead(lock: Lock, runs: (pid: number) => boolean = processRuns, here = hostname()): boolean {
  return lock.hostname === here && !runs(lock.pid);
}

const channelSchema = z.object({ directory: z.string() });

/** The folder on this machine that a stack's channel is in, as its resources have it; undefined when it has none. */
export function recordedChannel(state: StackState | undefined): string | undefined {
  const recorded = state?.resources.filter(({ type }) => type.startsWith("webinfra:channel:")) ?? [];
  return recorded.flatMap(({ inputs }) => channelSchema.safeParse(inputs).data?.directory ?? [])[0];
}

/** An output of the stack, of any shape; undefined when there is none, or when a failed run emptied the outputs. */
export function stackOutput(state: StackState | undefined, name: string): unknown {
  return state?.resources.find((resource) => resource.type === "pulumi:pulumi:Stack")?.outputs?.[name];
}

/** A plain text among the stack's outputs; undefined when there is none, or when a failed run emptied the outputs. */
export function plainOutput(state: StackState | undefined, name: string): string | undefined {
  const value = stackOutput(state, name);
  return typeof value === "string" ? value : undefined;
}

const machineSchema = z.object({ host: z.string(), roles: z.array(z.string()) });

/** The machines on Incus that the state knows, whether they are still there or not. */
export function knownMachines(state: StackState | undefined): KnownMachine[] {
  return (state?.resources ?? []).flatMap(({ type, id, outputs }) => {
    const machine = machineSchema.safeParse(outputs);
    return type === "webinfra:incus:Machine" && id !== undefined && machine.success
      ? [{ machine: id, host: machine.data.host, roles: machine.data.roles }]
      : [];
  });
}

/** The name in a URN, its last part. */
export function urnName(urn: string): string {
  return urn.split("::").at(-1) ?? urn;
}

/** The type token in a URN, without its parents'. */
export function urnType(urn: string): string {
  return urn.split("::")[2]?.split("$").at(-1) ?? "";
}

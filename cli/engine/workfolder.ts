/** The folder that Pulumi works in for a stack, and what is noted there of the last run. */
import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { writeWhole } from "./whole-file";

/** A value of the configuration that holds for one run. */
export interface Override {
  /** The full key, such as `webinfra:app`. */
  readonly key: string;
  /** Where inside the key's value, such as `["directory"]`; empty for the whole value. */
  readonly path: readonly string[];
  /** Undefined: the key is taken out. */
  readonly value: unknown;
}

/** The folder that Pulumi works in for a stack of the own state folder. */
export function workDirectory(home: string, stack: string): string {
  return join(home, "stacks", stack);
}

/** The stack's file in the work folder. */
export function workFile(home: string, stack: string): string {
  return join(workDirectory(home, stack), `Pulumi.${stack}.yaml`);
}

const lastRunSchema = z.object({
  fingerprint: z.string().optional(),
  configFile: z.string().optional(),
  overrides: z.array(
    z.object({
      key: z.string(),
      path: z.array(z.string()),
      value: z.unknown().optional(),
    }),
  ),
});

/** What is noted of a run. */
export interface LastRun {
  /** What it was given beside the stack's file. */
  readonly overrides: readonly Override[];
  /** Of the program, the configuration and the state that it left, once it has succeeded: another run with the same takes nothing away. */
  readonly fingerprint?: string | undefined;
  /** The stack file that `--config-file` named, absolute. Absent: the repository's. */
  readonly configFile?: string | undefined;
}

/** What a run is told apart by. */
export interface RunFacts {
  /** The repository: its program, and every file that it reads. */
  readonly root: string;
  readonly home: string;
  /** All of the run's configuration. */
  readonly config: Configuration;
  /** Where the state is, and what it holds; undefined where that cannot be read here. */
  readonly state: { readonly url: string; readonly text: string } | undefined;
}

/** What the program does not read. */
const besides: ReadonlySet<string> = new Set(["node_modules", "dist", "tests", "docs", ".git", ".venv", "__pycache__"]);

/** Every file below a folder, with what changes with it. */
function stamps(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      return besides.has(entry.name) ? [] : stamps(path);
    }
    const { mtimeMs, ctimeMs, size } = lstatSync(path);
    return [`${path} ${String(mtimeMs)} ${String(ctimeMs)} ${String(size)}`];
  });
}

/** The same for two runs only when the second wants what the first one left: same program, same configuration, same state. Undefined where that cannot be told. */
export function fingerprintOf({ root, home, config, state }: RunFacts): string | undefined {
  if (state === undefined) {
    return undefined;
  }
  const digest = createHash("sha256");
  for (const part of [home, state.url, state.text, JSON.stringify(config), ...stamps(root).sort()]) {
    digest.update(part).update("\0");
  }
  return digest.digest("hex");
}

type Configuration = Readonly<Record<string, unknown>>;

const fileOf = (home: string, stack: string): string => join(workDirectory(home, stack), "last-run.json");

/** What the last run was given; nothing where none is known, or what was noted cannot be read. */
export function readLastRun(home: string, stack: string): LastRun {
  let noted;
  try {
    noted = lastRunSchema.parse(JSON.parse(readFileSync(fileOf(home, stack), "utf8")));
  } catch {
    // It is there to say more, and nothing depends on it.
    return { overrides: [] };
  }
  const { overrides, ...run } = noted;
  return { ...run, overrides: overrides.map(({ key, path, value }) => ({ key, path, value })) };
}

/** Notes what a run was given. */
export function writeLastRun(home: string, stack: string, run: LastRun): void {
  mkdirSync(workDirectory(home, stack), { recursive: true, mode: 0o700 });
  writeWhole(fileOf(home, stack), JSON.stringify(run), 0o600);
}

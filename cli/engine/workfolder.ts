/** The folder that Pulumi works in for a stack, and what is noted there of the last run. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

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
  /** Of the configuration and the program, once it has succeeded: another run with the same takes nothing away. */
  readonly fingerprint?: string | undefined;
  /** The stack file that `--config-file` named, absolute. Absent: the repository's. */
  readonly configFile?: string | undefined;
}

const bundleSchema = z.object({ folder: z.string() });

/**
 * Tells runs apart that may make other resources.
 * @param config all of the run's configuration
 * @returns undefined where the program is not known: it runs from its sources
 */
export function fingerprintOf(root: string, config: Configuration): string | undefined {
  const file = join(root, "dist", "current.json");
  if (process.env["WEBINFRA_SOURCE"] === "1" || !existsSync(file)) {
    return undefined;
  }
  const { folder } = bundleSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  return createHash("sha256").update(folder).update(JSON.stringify(config)).digest("hex");
}

type Configuration = Readonly<Record<string, unknown>>;

const fileOf = (home: string, stack: string): string => join(workDirectory(home, stack), "last-run.json");

/** What the last run was given; nothing where none is known. */
export function readLastRun(home: string, stack: string): LastRun {
  const file = fileOf(home, stack);
  if (!existsSync(file)) {
    return { overrides: [] };
  }
  const { overrides, ...run } = lastRunSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  return { ...run, overrides: overrides.map(({ key, path, value }) => ({ key, path, value })) };
}

/** Notes what a run was given. */
export function writeLastRun(home: string, stack: string, run: LastRun): void {
  mkdirSync(workDirectory(home, stack), { recursive: true, mode: 0o700 });
  writeFileSync(fileOf(home, stack), JSON.stringify(run), { mode: 0o600 });
}

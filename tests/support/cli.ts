/** A repository, a WEBINFRA_HOME and captured output for tests of the command; nothing of the user's own is touched. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import * as debuggable from "@pulumi/pulumi/runtime/debuggable";
import { z } from "zod";
import { Output } from "../../cli/terminal/output";
import type { CommandContext } from "../../cli/context";

/** The SDK has this but leaves it out of its typings. */
const sdk = z.object({ leakedPromises: z.custom<() => unknown>((value) => typeof value === "function") });

/**
 * Forgets promises that programs of other tests in this process left behind when they failed on purpose: the SDK would charge them to the next run of
 * Pulumi. For `beforeEach` of tests that run it.
 */
export const forgetPromises = (): void => void sdk.parse(debuggable).leakedPromises();

/** A command's context in a temporary folder. */
export interface Sandbox {
  /** Folder of everything below. */
  readonly directory: string;
  readonly root: string;
  readonly home: string;
  readonly stackFile: string;
  context(options?: { readonly json?: boolean; readonly program?: CommandContext["program"] }): CommandContext;
  stdout(): string;
  stderr(): string;
  remove(): void;
}

/** The committed stack file of a {@link sandbox}. */
export const stackFileText = "config:\n  webinfra:platform: none\n  webinfra:topology: dedicated-databases\n";

/** Makes a sandbox with one stack, `trial`, on a platform that needs nothing. */
export function sandbox(): Sandbox {
  const directory = mkdtempSync(join(tmpdir(), "webinfra-cli-"));
  const root = join(directory, "repo");
  const home = join(directory, "home");
  mkdirSync(root);
  writeFileSync(join(root, "Pulumi.yaml"), "name: webinfra\nruntime: nodejs\n");
  const stackFile = join(root, "Pulumi.trial.yaml");
  writeFileSync(stackFile, stackFileText);
  const written = { stdout: "", stderr: "" };
  return {
    directory,
    root,
    home,
    stackFile,
    context: ({ json = false, program = () => Promise.resolve({}) } = {}) => ({
      root,
      packageFolder: resolve(__dirname, "..", ".."),
      program,
      output: new Output(json, {
        streams: {
          stdout: { write: (text) => (written.stdout += text) },
          stderr: { write: (text) => (written.stderr += text) },
        },
        environment: {},
      }),
      environment: {
        PATH: process.env["PATH"],
        HOME: homedir(),
        WEBINFRA_HOME: home,
        // A login of the user's own must not decide what the tests see.
        PULUMI_CREDENTIALS_PATH: directory,
      },
    }),
    stdout: () => written.stdout,
    stderr: () => written.stderr,
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

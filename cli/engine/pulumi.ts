/** Finds the Pulumi CLI and runs it so that Ctrl-C ends well. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { PulumiCommand } from "@pulumi/pulumi/automation";
import { version as sdkVersion } from "@pulumi/pulumi/version";
import { UserError } from "../../core/errors";
import { PulumiFailure } from "../errors";
import type { Interruption } from "../terminal/interrupt";
import type { Environment } from "./backend";

/**
 * The folder whose `bin/pulumi` to use: what set-up put under PULUMI_HOME (default `~/.pulumi`), else one on PATH that is
 * no npm shim (a shim costs half a second a call, and downloads). Undefined when there is none.
 */
export function findPulumiRoot(
  environment: Environment,
  exists: (path: string) => boolean = existsSync,
): string | undefined {
  const home = environment["PULUMI_HOME"] ?? join(environment["HOME"] ?? homedir(), ".pulumi");
  const installed = join(home, "versions", sdkVersion);
  if (exists(join(installed, "bin", "pulumi"))) {
    return installed;
  }
  const folder = (environment["PATH"] ?? "")
    .split(delimiter)
    .find((path) => path.endsWith("/bin") && exists(join(path, "pulumi")));
  return folder === undefined ? undefined : dirname(folder);
}

/** Pulumi's name of the program that runs programs for Node.js. */
const LANGUAGE_HOST = "pulumi-language-nodejs";
/** Folder of our own language host, for a Pulumi CLI that came without one. */
export const languageFolder = resolve(__dirname, "..", "..", "language", "bin");
/** The program in it. */
export const ownLanguageHost = join(languageFolder, LANGUAGE_HOST);

/** How plain `pulumi` finds what it runs. */
export interface PlainPulumi {
  /** Folders that go before those on PATH. */
  readonly folders: readonly string[];
  /** Whether the language host is ours: there is none of Pulumi's own. */
  readonly ownLanguageHost: boolean;
}

/** How plain `pulumi` can run the site's program; undefined where there is no Pulumi CLI. */
export function plainPulumi(
  environment: Environment,
  exists: (path: string) => boolean = existsSync,
): PlainPulumi | undefined {
  const root = findPulumiRoot(environment, exists);
  if (root === undefined) {
    return undefined;
  }
  const bin = join(root, "bin");
  const path = (environment["PATH"] ?? "").split(delimiter).filter((folder) => folder !== languageFolder);
  const own = ![bin, ...path].some((folder) => exists(join(folder, LANGUAGE_HOST)));
  // Pulumi's own host takes the `node` on PATH, which may be too old for its SDK; ours takes the one that came with the dependencies.
  return { folders: [bin, own ? languageFolder : dirname(process.execPath)], ownLanguageHost: own };
}

/** Folder of the program that runs the policy pack for a Pulumi without its Node.js language host; it has to be on PATH. */
const analyzerFolder = resolve(__dirname, "..", "..", "policy", "bin");

/**
 * PATH for a run of the CLI by webinfra: what webinfra needs first, and no language host of ours, which a shell with the variables of `webinfra env` may
 * have. The program runs in this process.
 */
export const pathFor = (command: string, path: string): string =>
  [
    dirname(command),
    dirname(process.execPath),
    analyzerFolder,
    ...path.split(delimiter).filter((folder) => folder !== languageFolder),
  ].join(delimiter);

const inherited = (name: string): boolean => !name.startsWith("PULUMI_OPTION_") && name !== "PULUMI_STACK";

/** What a run of the CLI gave. */
interface PulumiResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/** What a run is given, and who hears of what it writes. */
interface RunStreams {
  readonly onOutput?: ((text: string) => void) | undefined;
  readonly onError?: ((text: string) => void) | undefined;
  /** Its standard input; none: it reads nothing. */
  readonly input?: string | undefined;
}

/**
 * A drop-in for the Automation API's `PulumiCommand` (which calls `run`). Two things differ: the CLI gets a process group
 * of its own, so that Ctrl-C in a terminal reaches it only through {@link Interruption}, once; and the variables of
 * `webinfra env`, which bind a shell to one stack, do not leak into a run for another.
 */
export class InterruptiblePulumi {
  private constructor(
    readonly command: string,
    readonly version: PulumiCommand["version"],
    private readonly environment: Environment,
    private readonly interruption: Interruption,
  ) {}

  /** Finds the CLI and checks its version. */
  static async find(environment: Environment, interruption: Interruption): Promise<InterruptiblePulumi> {
    const root = findPulumiRoot(environment);
    if (root === undefined) {
      throw new UserError(`the Pulumi CLI ${sdkVersion} is not installed; run \`npm run setup\``);
    }
    const { command, version } = await PulumiCommand.get({ root });
    return new InterruptiblePulumi(command, version, environment, interruption);
  }

  /** Runs the CLI; the signature is the one that the Automation API calls. */
  run(
    args: readonly string[],
    directory: string,
    additions: Readonly<Record<string, string>>,
    onOutput?: (text: string) => void,
    onError?: (text: string) => void,
  ): Promise<PulumiResult> {
    return this.start(args, directory, additions, { onOutput, onError });
  }

  /** Runs the CLI with a text on its standard input. */
  feed(
    args: readonly string[],
    directory: string,
    additions: Readonly<Record<string, string>>,
    input: string,
  ): Promise<PulumiResult> {
    return this.start(args, directory, additions, { input });
  }

  private start(
    args: readonly string[],
    directory: string,
    additions: Readonly<Record<string, string>>,
    { onOutput, onError, input }: RunStreams,
  ): Promise<PulumiResult> {
    const path = pathFor(this.command, this.environment["PATH"] ?? "");
    const child = spawn(this.command, args.includes("--non-interactive") ? args : [...args, "--non-interactive"], {
      cwd: directory,
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
      env: {
        ...Object.fromEntries(Object.entries(this.environment).filter(([name]) => inherited(name))),
        ...additions,
        PATH: path,
        PULUMI_AUTOMATION_API: "true",
        PULUMI_SKIP_UPDATE_CHECK: "true",
      },
    });
    const release = this.interruption.guard(child);
    child.stdin.end(input);
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      onOutput?.(text);
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
      onError?.(text);
    });
    return new Promise((resolve, reject) => {
      child.on("error", (error) => {
        release();
        reject(error);
      });
      child.on("close", (code) => {
        release();
        if (code === 0) {
          resolve({ stdout: stdout.trimEnd(), stderr: stderr.trimEnd(), code });
        } else {
          reject(new PulumiFailure(args, code, stdout, stderr));
        }
      });
    });
  }
}

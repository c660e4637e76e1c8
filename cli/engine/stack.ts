/** Opens a stack: its backend, its configuration, the Pulumi CLI, and the site's program run inline. */
import { existsSync } from "node:fs";
import type { PulumiFn, Stack } from "@pulumi/pulumi/automation";
import { channelVariable, ownChannel, webinfraHome } from "../../config/home";
import { UserError } from "../../core/errors";
import { isLocal, localPlatform } from "../../operations/platforms";
import type { CommandContext } from "../context";
import { PulumiFailure } from "../errors";
import { Interruption } from "../terminal/interrupt";
import { type Backend, chooseBackend, prepareHome } from "./backend";
import {
  checkStackName,
  projectName,
  workProject,
  readSettings,
  refreshWorkDirectory,
  sourceFile,
  type StackSettings,
} from "./stackfile";
import { type Override, workDirectory, workFile } from "./workfolder";
import { parseDeployment, readStateFile, recordedChannel, type StackState } from "./state";

/** Which configuration a run uses. */
export interface ConfigChoice {
  /** A stack file elsewhere, instead of the repository's. */
  readonly configFile?: string | undefined;
  readonly overrides?: readonly Override[] | undefined;
  /** Variables that the program gets beside those of the process. */
  readonly programVariables?: Readonly<Record<string, string>> | undefined;
}

/** What is known of a stack without starting Pulumi. */
export interface StackFacts {
  readonly name: string;
  readonly project: string;
  readonly home: string;
  readonly backend: Backend;
}

/** A stack ready for Pulumi's operations. */
export interface OpenStack extends StackFacts {
  readonly stack: Stack;
  readonly settings: StackSettings;
  /** The stack's file; where that is not there any more, the copy of its last run. */
  readonly file: string;
  /** What the stack's file says, without what this run is given beside it. */
  readonly stated: Readonly<Record<string, unknown>>;
  readonly interruption: Interruption;
  /** The error that the site's program threw in this run, in its own words. */
  readonly programError: () => unknown;
  /** Runs the CLI in the stack's folder. @param input its standard input. Default: nothing */
  readonly pulumi: (args: readonly string[], input?: string) => Promise<{ readonly stdout: string }>;
  /** Takes the overrides out of the work folder's file again and gives signals back. */
  readonly close: () => void;
}

/** Looks up a stack's place. */
export function stackFacts(context: CommandContext, name: string): StackFacts {
  checkStackName(name);
  const facts = {
    name,
    project: projectName(context.root),
    home: webinfraHome(context.environment),
    backend: chooseBackend(context.environment, context.root),
  };
  checkOwner(facts);
  return facts;
}

/** Machines are named by their stack: two projects on one machine cannot both have one of the same name. */
function checkOwner({ name, project, home, backend }: StackFacts): void {
  const owner = workProject(home, name);
  if (owner === undefined || owner.name === project || backend.directory === undefined) {
    return;
  }
  const state = readStateFile(backend.directory, owner.name, name);
  if (state !== undefined && state.resources.some(({ type }) => !type.startsWith("pulumi:"))) {
    throw new UserError(
      `the stack "${name}" on this machine is that of the project "${owner.name}" (${owner.main}), and two with one name would have the same machines: ` +
        `name this one otherwise, such as \`webinfra up --stack ${project}-${name} --config-file Pulumi.${name}.yaml\`, or take that one down there`,
    );
  }
}

/** The stack's state from the disk; undefined when there is none there. */
export function stateOnDisk(facts: StackFacts): StackState | undefined {
  return facts.backend.directory === undefined
    ? undefined
    : readStateFile(facts.backend.directory, facts.project, facts.name);
}

/** The stack's state: from the disk when the backend is there, else by `pulumi stack export`. */
export async function currentState(open: StackFacts & Pick<OpenStack, "stack">): Promise<StackState> {
  if (open.backend.directory !== undefined) {
    return stateOnDisk(open) ?? { resources: [], pending: [] };
  }
  const exported = await open.stack.exportStack();
  return parseDeployment(exported.deployment);
}

/**
 * Folder of a stack's channel, where that is on this machine: the one that the stack was brought up with, as long as it is there, for its machines mount
 * it. That may have been under another WEBINFRA_HOME.
 */
export function channelDirectory(facts: StackFacts, state = stateOnDisk(facts)): string {
  const recorded = recordedChannel(state);
  // `down` deletes this folder: never one that is none of ours, whatever a state says.
  const ours = recorded?.endsWith(ownChannel("/", facts.name)) === true;
  return ours && existsSync(recorded) ? recorded : ownChannel(facts.home, facts.name);
}

/** The platform of a stack, from its settings; the default is the configuration's. */
export function platformOf(settings: StackSettings): string {
  const platform = settings.config?.["webinfra:platform"];
  return typeof platform === "string" ? platform : localPlatform;
}

interface WorkFolder {
  readonly directory: string;
  readonly settings: StackSettings;
  readonly stated: OpenStack["stated"];
  readonly restore: () => void;
}

/** The file that an open stack's configuration comes from. */
function chosenFile(
  root: string,
  { name, home }: StackFacts,
  { configFile, create }: ConfigChoice & { readonly create: boolean },
): string {
  const copy = workFile(home, name);
  // A stack that was brought up from a file elsewhere can be taken down without it.
  return !create && configFile === undefined && !existsSync(`${root}/Pulumi.${name}.yaml`) && existsSync(copy)
    ? copy
    : sourceFile({ root, home, stack: name, given: configFile, advice: create ? "file" : "names" });
}

function prepareWorkFolder(
  root: string,
  { name, home, backend }: StackFacts,
  source: string,
  overrides: readonly Override[],
): WorkFolder {
  const copy = workFile(home, name);
  const own = readSettings(source);
  const stated = own.config ?? {};
  if (backend.kind === "user" && source === `${root}/Pulumi.${name}.yaml` && overrides.length === 0) {
    return { directory: root, settings: own, stated, restore: () => undefined };
  }
  const settings = refreshWorkDirectory(root, home, name, source, overrides);
  return {
    directory: workDirectory(home, name),
    settings,
    stated,
    restore: () => {
      if (overrides.length > 0 && existsSync(copy)) {
        refreshWorkDirectory(root, home, name, source, []);
      }
    },
  };
}

function noSuchStack(error: unknown): boolean {
  return error instanceof PulumiFailure && /no stack named/.test(error.stderr);
}

/**
 * Opens a stack. With `create`, one that does not exist is made; without, the result is undefined then.
 * @throws UserError when the stack has no configuration, or the CLI is missing
 */
export async function openStack(
  context: CommandContext,
  name: string,
  choice: ConfigChoice & { readonly create: true },
): Promise<OpenStack>;
export async function openStack(
  context: CommandContext,
  name: string,
  choice: ConfigChoice & { readonly create: false },
): Promise<OpenStack | undefined>;
export async function openStack(
  context: CommandContext,
  name: string,
  choice: ConfigChoice & { readonly create: boolean },
): Promise<OpenStack | undefined> {
  const { root, output } = context;
  const facts = stackFacts(context, name);
  const { home, project, backend } = facts;
  const exists = backend.directory === undefined ? undefined : stateOnDisk(facts) !== undefined;
  if (!choice.create && exists === false) {
    return undefined;
  }
  const file = chosenFile(root, facts, choice);
  prepareHome(home, backend);
  const folder = prepareWorkFolder(root, facts, file, choice.overrides ?? []);
  const interruption = new Interruption((line) => output.problem(line));
  try {
    // Slow to load, and most commands only look at a stack's files.
    const [{ LocalWorkspace }, { InterruptiblePulumi }] = await Promise.all([
      import("@pulumi/pulumi/automation/index.js"),
      import("./pulumi.js"),
    ]);
    const pulumi = await InterruptiblePulumi.find(context.environment, interruption);
    let programError: unknown;
    let channel = ownChannel(home, name);
    const program: PulumiFn = async () => {
      try {
        return await context.program({
          ...context.environment,
          ...choice.programVariables,
          [channelVariable]: channel,
        });
      } catch (error) {
        programError = error;
        throw error;
      }
    };
    const secretsProvider = folder.settings.secretsprovider;
    const options = {
      workDir: folder.directory,
      pulumiCommand: pulumi,
      envVars: { ...backend.environment },
      ...(secretsProvider === undefined ? {} : { secretsProvider }),
    };
    const args = { stackName: name, projectName: project, program };
    const stack = await select();
    if (stack === undefined) {
      interruption.dispose();
      return undefined;
    }
    if (isLocal(platformOf(folder.settings))) {
      channel = channelDirectory(facts, await currentState({ ...facts, stack }));
    }
    return {
      ...facts,
      stack,
      settings: folder.settings,
      file,
      stated: folder.stated,
      interruption,
      programError: () => programError,
      pulumi: (cliArgs, input) =>
        input === undefined
          ? pulumi.run(cliArgs, folder.directory, backend.environment)
          : pulumi.feed(cliArgs, folder.directory, backend.environment, input),
      close: () => {
        folder.restore();
        interruption.dispose();
      },
    };

    async function select(): Promise<Stack | undefined> {
      if (exists !== false) {
        try {
          return await LocalWorkspace.selectStack(args, options);
        } catch (error) {
          if (!noSuchStack(error)) {
            throw explainSelect(error);
          }
        }
      }
      return choice.create ? await LocalWorkspace.createStack(args, options) : undefined;
    }
  } catch (error) {
    interruption.dispose();
    throw error;
  }
}

/** Says what a failure to open a stack means, where that is known. */
function explainSelect(error: unknown): unknown {
  if (error instanceof PulumiFailure && /incorrect passphrase|passphrase must be set/.test(error.stderr)) {
    return new UserError(
      `the passphrase does not open this stack's secrets: ${error.stderr.trim()}; check PULUMI_CONFIG_PASSPHRASE and ` +
        "PULUMI_CONFIG_PASSPHRASE_FILE, or unset both to use the one in WEBINFRA_HOME",
    );
  }
  return error;
}

/** Commands in what people read, such as `webinfra status`, as they can be pasted into the shell that shows them. */
import { realpathSync } from "node:fs";
import { delimiter, join, relative } from "node:path";
import { defaultStack } from "../command";
import type { Project } from "../project";
import { shellWord } from "./shell-word";

/** What a hint is written for. */
export interface Surroundings {
  /** How the command is called here: `webinfra`, `./webinfra`, or a path. */
  readonly launcher: string;
  /** The way to the repository from the shell's folder; empty when they are the same. */
  readonly repository: string;
  /** The stack that was asked for. */
  readonly stack: string;
  /** The way to this package from the shell's folder, where it is not the repository itself but installed into one. */
  readonly installed?: string | undefined;
  /** The commands that take `--stack`, by their first word. */
  readonly onStacks: ReadonlySet<string>;
}

/** What is known of how a process was started. */
export interface Start {
  readonly packageFolder: string;
  readonly project: Project;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly directory: string;
}

const target = (path: string): string | undefined => {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
};

/** The way to a path from a folder, as short as it can be told. */
function shortWay(from: string, path: string): string {
  const way = relative(from, path);
  return way.length < path.length ? way : path;
}

/**
 * How the shell that started the process can call the command again, and where the repository is from there.
 * npm changes the folder and puts its own programs in front of PATH: what counts is the shell that called npm.
 */
export function surroundingsOf({
  packageFolder,
  project,
  environment,
  directory,
}: Start): Omit<Surroundings, "stack" | "onStacks"> {
  const from = environment["npm_lifecycle_event"] === undefined ? directory : (environment["INIT_CWD"] ?? directory);
  const program = join(packageFolder, "webinfra");
  const own = target(program);
  const first = (environment["PATH"] ?? "")
    .split(delimiter)
    .filter((folder) => !/\/node_modules\/(\.bin|npm\/)/.test(folder))
    .map((folder) => target(join(folder, "webinfra")))
    .find((found) => found !== undefined);
  const onPath = own !== undefined && first === own;
  if (project.own) {
    return {
      launcher: onPath ? "webinfra" : "npx webinfra",
      repository: shortWay(from, project.folder),
      installed: shortWay(from, packageFolder),
    };
  }
  const way = shortWay(from, program);
  return {
    launcher: onPath ? "webinfra" : shellWord(way.includes("/") ? way : `./${way}`),
    repository: shortWay(from, packageFolder),
  };
}

/** A call of the command in a hint, up to where the shell would end it. */
const call = /(^|\$\(|[;&|] *)webinfra(?![\w:.-])( [^`)|;&]*)?/g;

/** Where the options of a command end. */
function withStack(words: string, { stack, onStacks }: Surroundings): string {
  const [name = ""] = words.trim().split(" ");
  if (stack === defaultStack || !onStacks.has(name) || / (--stack|-s)\b/.test(words)) {
    return words;
  }
  const end = words.indexOf(" -- ");
  const option = ` --stack ${stack}`;
  return end < 0 ? `${words.trimEnd()}${option}` : `${words.slice(0, end)}${option}${words.slice(end)}`;
}

function runnableHint(hint: string, surroundings: Surroundings): string {
  const { launcher, repository, installed } = surroundings;
  if (installed !== undefined && hint === "npm run setup") {
    return `${launcher} setup`;
  }
  if (installed !== undefined && hint.startsWith("bash setup/")) {
    return hint.replace("setup/", `${shellWord(installed)}/setup/`);
  }
  if (/^(npm (run|ci)|bash setup\/)/.test(hint)) {
    return repository === "" ? hint : `(cd ${shellWord(repository)} && ${hint})`;
  }
  return hint.replace(
    call,
    (_all, before: string, words = "") => `${before}${launcher}${withStack(String(words), surroundings)}`,
  );
}

/** The text with its hints, which stand between backticks, as they can be pasted. */
export function withRunnableHints(text: string, surroundings: Surroundings): string {
  return text.replace(/`([^`\n]+)`/g, (_all, hint: string) => `\`${runnableHint(hint, surroundings)}\``);
}

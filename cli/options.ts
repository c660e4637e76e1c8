/** Arguments and options that several commands take, and how they are read. Loads nothing heavy: every command waits for it. */
import { Argument, InvalidArgumentError, Option } from "commander";
import { configSchema } from "../config/schema";
import { didYouMean } from "../operations/suggest";
import type { StackChoice } from "./command";
import { parseOverride } from "./engine/stackfile";
import type { Override } from "./engine/workfolder";

/** Gathers `--config key=value` arguments. */
export function collectOverride(argument: string, before: readonly Override[]): Override[] {
  return [...before, parseOverride(argument)];
}

/** The values that `--topology` takes. */
export function topologies(): readonly string[] {
  return configSchema.shape.topology.unwrap().options;
}

/** Reads the name of a topology. */
export function topologyName(name: string): string {
  if (!topologies().includes(name)) {
    throw new InvalidArgumentError(
      `There is no topology "${name}"${didYouMean(name, topologies())}; topologies: ${topologies().join(", ")}.`,
    );
  }
  return name;
}

/** The options with `--topology` as the values of the configuration that it stands for. */
export function withTopology<Options extends { readonly topology?: string; readonly config: readonly Override[] }>(
  options: Options,
): Options {
  const { topology } = options;
  if (topology === undefined) {
    return options;
  }
  // A stack's own hosts belong to its own topology alone.
  const own = topology === "custom" ? [] : ["webinfra:hosts", "webinfra:primary"];
  const overrides = [
    ...own.map((key) => ({ key, path: [], value: undefined })),
    { key: "webinfra:topology", path: [], value: topology },
  ];
  return { ...options, config: [...overrides, ...options.config] };
}

/** Reads an argument that is a whole number of at least 1. */
export function positiveInteger(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) {
    throw new InvalidArgumentError("It must be a whole number of at least 1, such as 100.");
  }
  return Number(text);
}

/** A host of the stack. @param what for the help */
export const hostArgument = (what: string): Argument => new Argument("<host>", what);

/** The result for programs. @param what for the help */
export const jsonOption = (what: string): Option => new Option("--json", what);

/** For commands that change a stack. */
export const waitOption = new Option("--wait", "when another run is changing the stack, wait until that ends");

/** Another stack file. */
export const configFileOption = new Option(
  "--config-file <file>",
  "a stack file instead of the repository's Pulumi.<stack>.yaml",
);

/** What {@link configFileOption} gives, beside the stack. */
export interface FileChoice extends StackChoice {
  readonly configFile?: string;
}

/** Options for another configuration than the stack's file has. */
export const configOptions: readonly Option[] = [
  new Option("--topology <name>", "another topology than the stack's, for this run only").argParser(topologyName),
  new Option(
    "--config <key=value>",
    "a configuration value for this run only, such as web=4 or app.directory=../shop; repeatable",
  )
    .default([], "none")
    .argParser(collectOverride),
  configFileOption,
];

/** What {@link configOptions} give. */
export interface ConfigOptions extends FileChoice {
  readonly topology?: string;
  readonly config: readonly Override[];
}

/** `webinfra up`: brings the site to what the stack's configuration says. */
import { Option } from "commander";
import { type CommandDescription, defaultStack, type Invocation } from "../command";
import { type ConfigOptions, configOptions, jsonOption, waitOption, withTopology } from "../options";

export const upCommand: CommandDescription = {
  name: "up",
  description: "bring the site to what the stack's configuration says, and see it serve",
  stack: true,
  options: [
    new Option("--refresh", "look at what there is first, and make again what was deleted by hand"),
    new Option("--yes", "do not ask before something is deleted or replaced"),
    waitOption,
    jsonOption("print the result as JSON; progress goes to stderr"),
    ...configOptions,
  ],
  examples: [
    ["webinfra up", `the stack "${defaultStack}", as Pulumi.${defaultStack}.yaml says`],
    ["webinfra up --stack staging --refresh", "another stack; what was deleted by hand is made again"],
    ["webinfra up --topology split-tiers --config web=3", "with other values, for this run"],
    ["webinfra up --json | jq -r .url", "the site's address for a script"],
  ],
  async action(
    { context }: Invocation,
    {
      stack,
      ...options
    }: ConfigOptions & {
      readonly refresh?: boolean;
      readonly yes?: boolean;
      readonly wait?: boolean;
      readonly json?: boolean;
    },
  ) {
    const { up } = await import("../engine/up.js");
    await up(await context(options.json === true), stack, withTopology(options));
  },
};

/** `webinfra preview`: what `up` would change. */
import { Option } from "commander";
import type { CommandDescription, Invocation } from "../command";
import type { PreviewOptions } from "../engine/preview";
import { exitCode } from "../errors";
import { type ConfigOptions, configOptions, jsonOption, withTopology } from "../options";

export const previewCommand: CommandDescription = {
  name: "preview",
  description: "show what `up` would change",
  stack: true,
  options: [
    new Option("--diff", "show the change of each property"),
    new Option("--refresh", "look at what there is first"),
    new Option("--expect-no-changes", `exit with ${exitCode.notAsExpected} when there are changes`),
    jsonOption("print the result as JSON").conflicts("markdown"),
    new Option(
      "--markdown",
      "print a pull request's comment: changes, policies, weaknesses and cost; progress goes to stderr",
    ).conflicts("diff"),
    ...configOptions,
  ],
  examples: [
    ["webinfra preview --config web=4", "what more web servers would change"],
    ["webinfra preview --diff", "property by property"],
    ["webinfra preview --refresh --expect-no-changes", "in a script: is all as it should be?"],
    ["webinfra preview --stack prod --markdown > preview.md", "for a pull request"],
  ],
  async action(
    { context, exit }: Invocation,
    { stack, ...options }: ConfigOptions & PreviewOptions & { readonly json?: boolean },
  ) {
    const { preview } = await import("../engine/preview.js");
    exit(
      await preview(await context(options.json === true || options.markdown === true), stack, withTopology(options)),
    );
  },
};

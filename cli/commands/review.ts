/** `webinfra review`: what each element of a stack's topology is for, and what is weak in it. Starts neither Pulumi nor Incus. */
import { Option } from "commander";
import { webinfraHome } from "../../config/home";
import { type Cost, estimate } from "../../review/cost";
import { place } from "../../topology/place";
import { review as reviewTopology, type Review, reviewMarkdown, reviewSettings } from "../../review";
import type { CommandDescription, Invocation } from "../command";
import type { CommandContext } from "../context";
import { configOf } from "../engine/configuration";
import type { ConfigChoice } from "../engine/stack";
import { checkStackName, fileFor, readSettings } from "../engine/stackfile";
import { type ConfigOptions, configOptions, jsonOption, withTopology } from "../options";
import { reviewLines } from "../terminal/review";

/** What `webinfra review` is asked for, beside the configuration to use. */
export interface ReviewOptions {
  /** Print a Markdown document. */
  readonly markdown?: boolean;
}

/** What `webinfra review --json` prints, beside the stack's name. */
export type ReviewResult = Review & {
  /** Null on incus. */
  readonly cost: Cost | null;
};

/** Prints the review and returns it. It ends well whatever it finds: a topology may be weak on purpose. */
export function review(
  context: CommandContext,
  stack: string,
  options: ReviewOptions & { readonly config?: ConfigChoice["overrides"]; readonly configFile?: string } = {},
): ReviewResult {
  const { output } = context;
  checkStackName(stack);
  const file = fileFor({
    root: context.root,
    home: webinfraHome(context.environment),
    stack,
    given: options.configFile,
  });
  const settings = readSettings(file);
  const config = configOf(settings, options.config);
  const topology = place(config);
  const found = reviewTopology(topology, reviewSettings(config, topology));
  const cost = estimate(topology, config);
  if (options.markdown === true) {
    output.document(reviewMarkdown(found, cost));
  } else {
    for (const line of reviewLines(stack, found, cost, output.columns)) {
      output.result(line);
    }
  }
  const result = { ...found, cost: cost ?? null };
  output.data({ stack, ...result });
  return result;
}

export const reviewCommand: CommandDescription = {
  name: "review",
  description: "say what each element of the topology is for, what stops when it is lost, and what is weak",
  stack: true,
  options: [
    jsonOption("print it as JSON").conflicts("markdown"),
    new Option("--markdown", "print it as a Markdown document with a Mermaid diagram"),
    ...configOptions,
  ],
  examples: [
    ["webinfra review", "the stack as it is configured"],
    ["webinfra review --topology replica-per-web", "what another topology would be like"],
    ["webinfra review --markdown > review.md", "with a diagram"],
  ],
  async action(
    { context }: Invocation,
    { stack, ...options }: ConfigOptions & ReviewOptions & { readonly json?: boolean },
  ) {
    review(await context(options.json === true), stack, withTopology(options));
  },
};

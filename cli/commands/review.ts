/** `webinfra review`: what each element of a stack's topology is for, and what is weak in it. Starts neither Pulumi nor Incus. */
import { z } from "zod";
import { parseConfig, type RawConfig } from "../../config/parse";
import { addressTokenName } from "../../config/secrets";
import { webinfraHome } from "../../config/home";
import type { Config } from "../../config/schema";
import { type Cost, estimate } from "../../topology/cost";
import { costNotes, costRows } from "../../topology/cost/text";
import { place } from "../../topology/place";
import {
  review as reviewTopology,
  type Review,
  reviewMarkdown,
  reviewSettings,
  summary,
  tellingLosses,
} from "../../topology/review";
import { table } from "../terminal/output";
import type { CommandContext } from "../context";
import type { ConfigChoice } from "../engine/stack";
import {
  applyOverrides,
  checkStackName,
  fileFor,
  isSecret,
  type Override,
  readSettings,
  type StackSettings,
} from "../engine/stackfile";

/** What `webinfra review` is asked for, beside the configuration to use. */
export interface ReviewOptions {
  /** Print a Markdown document. */
  readonly markdown?: boolean;
}

const namespace = "webinfra:";

const appSchema = z.object({ secrets: z.array(z.string()) });

/**
 * The checked configuration of a stack's file. Its secrets are encrypted there and say nothing of the topology: they are
 * taken to be given.
 * @throws ConfigError with every problem at once
 */
export function configOf(settings: StackSettings, overrides: readonly Override[] = []): Config {
  const config = applyOverrides(settings.config ?? {}, overrides);
  const wanted = appSchema.safeParse(config["webinfra:app"]).data?.secrets ?? [];
  const values: Readonly<Record<string, unknown>> = {
    ...config,
    "webinfra:secrets": Object.fromEntries([...wanted, addressTokenName].map((name) => [name, "encrypted"])),
  };
  const entries = Object.entries(values).filter(([key, value]) => key.startsWith(namespace) && value !== undefined);
  const raw: RawConfig = Object.fromEntries(
    entries.map(([key, value]) => [
      key.slice(namespace.length),
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
  const secret = entries.filter(([, value]) => isSecret(value)).map(([key]) => key.slice(namespace.length));
  return parseConfig(raw, secret);
}

/** Text in lines of at most 100 characters, each begun with `indent`. */
function wrapped(text: string, indent: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < 100) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else {
      lines.push(`${indent}${word}`);
    }
  }
  return lines;
}

/** The review for people at a terminal. */
export function reviewLines(stack: string, review: Review, cost?: Cost): string[] {
  return [
    `stack ${stack}, topology ${review.topology}: ${summary(review)}`,
    "",
    ...review.findings.flatMap(({ id, severity, subject, what, remedy }) => [
      `${severity.padEnd(8)}  ${id} (${subject})`,
      ...wrapped(what, "          "),
      ...wrapped(`What removes it: ${remedy}.`, "          "),
    ]),
    "",
    ...table([
      ["WHEN IT IS LOST", "STOPS", ""],
      ...tellingLosses(review).map(({ host, role, inWords, then }) => [
        role === null ? host : `  ${role}`,
        inWords,
        then,
      ]),
    ]),
    "",
    review.balancing,
    ...review.elements.flatMap(({ element, hosts, purpose }) => [
      `${element} on ${hosts.join(", ")}`,
      ...wrapped(purpose, "  "),
    ]),
    "",
    ...(cost === undefined
      ? []
      : [...table([["COST OF", "USD A MONTH", ""], ...costRows(cost)]), ...wrapped(costNotes(cost).join(" "), ""), ""]),
    `next: \`webinfra review ${stack} --markdown\` draws the topology; --topology NAME shows another`,
  ];
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
  const file = fileFor(context.root, webinfraHome(context.environment), stack, options.configFile);
  const settings = readSettings(file);
  const config = configOf(settings, options.config);
  const topology = place(config);
  const found = reviewTopology(topology, reviewSettings(config));
  const cost = estimate(topology, config);
  const lines = options.markdown === true ? [reviewMarkdown(found, cost).trimEnd()] : reviewLines(stack, found, cost);
  for (const line of lines) {
    output.result(line);
  }
  const result = { ...found, cost: cost ?? null };
  output.data({ stack, ...result });
  return result;
}

/** What a stack's configuration promises, and what its last update left: the two sides of a preview's comment. */
import { z } from "zod";
import { ConfigError } from "../../core/config-error";
import { type Cost, costSchema, estimate } from "../../review/cost";
import { place } from "../../topology/place";
import { review, reviewSchema, reviewSettings } from "../../review";
import type { Deployed, Weakness } from "../terminal/comment";
import { configOf } from "./configuration";
import type { StackSettings } from "./stackfile";
import { stackOutput, type StackState } from "./state";

/** What a configuration promises. */
export interface Proposed {
  readonly waivers: Readonly<Record<string, string>>;
  readonly weaknesses: readonly Weakness[] | undefined;
  readonly cost: Cost | undefined;
}

/** The plan of a stack's settings. One that is not sound promises nothing: the preview says what is wrong with it. */
export function proposedOf(settings: StackSettings): Proposed {
  try {
    const config = configOf(settings);
    const topology = place(config);
    return {
      waivers: config.policy.waivers,
      weaknesses: review(topology, reviewSettings(config, topology)).findings,
      cost: estimate(topology, config),
    };
  } catch (error) {
    if (error instanceof ConfigError) {
      return { waivers: {}, weaknesses: undefined, cost: undefined };
    }
    throw error;
  }
}

const finding = reviewSchema.shape.findings.element.pick({ id: true, severity: true });
/** What the output `review` has: how bad each weakness is, by its id. An older version of webinfra wrote the whole review. */
const reviewOutput = z.union([
  z.object({ findings: z.array(z.object(finding.shape)) }).transform(({ findings }) => findings),
  z
    .record(finding.shape.id, finding.shape.severity)
    .transform((severities) => Object.entries(severities).map(([id, severity]) => ({ id, severity }))),
]);
const costOutput = z.object({ monthlyUsd: costSchema.shape.monthlyUsd });

/** What a stack's last update left; undefined when it has no resource. */
export function deployedOf(state: StackState): Deployed | undefined {
  if (!state.resources.some(({ type }) => type !== "pulumi:pulumi:Stack")) {
    return undefined;
  }
  return {
    weaknesses: reviewOutput.safeParse(stackOutput(state, "review")).data,
    monthlyUsd: costOutput.safeParse(stackOutput(state, "cost")).data?.monthlyUsd,
  };
}

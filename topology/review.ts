import { z } from "zod";
import { diagram } from "./review/diagram";
import { findings, ReviewSettings, severities } from "./review/findings";
import { losses } from "./review/losses";
import { purposes } from "./review/purposes";
import { services } from "./review/reach";
import { list } from "./review/words";
import { roleNames, Topology } from "./types";

export { reviewMarkdown, summary, tellingLosses } from "./review/markdown";
export { reviewSettings } from "./review/settings";

/** What a review says of a topology. */
export const reviewSchema = z.strictObject({
  /** Name of the preset, or `custom`. */
  topology: z.string(),
  /** Who takes requests, in a sentence. */
  balancing: z.string(),
  /** What each element is for, from the users inwards. */
  elements: z.array(z.strictObject({ element: z.string(), hosts: z.array(z.string()), purpose: z.string() })),
  /** Every host and every role on it, in the order of the topology: what stops when it is lost. */
  losses: z.array(
    z.strictObject({
      host: z.string(),
      /** Null: the whole host. */
      role: z.enum(roleNames).nullable(),
      stops: z.array(z.enum(services)),
      inWords: z.string(),
      then: z.string(),
    }),
  ),
  /** The weaknesses, the worst first. */
  findings: z.array(
    z.strictObject({
      id: z.string(),
      severity: z.enum(severities),
      subject: z.string(),
      what: z.string(),
      remedy: z.string(),
      /** Whether webinfra has the remedy today. */
      available: z.boolean(),
    }),
  ),
  /** The topology as a Mermaid flowchart. */
  diagram: z.string(),
});
export type Review = z.infer<typeof reviewSchema>;

function balancing(topology: Topology, settings: ReviewSettings): string {
  const standby = topology.hosts.filter((host) => host.standby === true).map(({ name }) => name);
  const sentence =
    standby.length === 0
      ? "every web server takes requests at the same time"
      : `the first web server takes all requests, and ${list(standby)} ${standby.length === 1 ? "waits" : "wait"} until it is lost`;
  return `Balancing is ${settings.balancing}: ${sentence}.`;
}

/** What each element of a topology is for, what stops when it is lost, and what is weak. Pure: the same input gives the same review. */
export function review(topology: Topology, settings: ReviewSettings): Review {
  return {
    topology: settings.topology,
    balancing: balancing(topology, settings),
    elements: purposes(topology),
    losses: losses(topology, settings.durability),
    findings: findings(topology, settings),
    diagram: diagram(topology, settings.https),
  };
}

import { z } from "zod";
import { roleNames } from "../topology/types";
import { severities } from "./findings/finding";
import { services } from "./reach";

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

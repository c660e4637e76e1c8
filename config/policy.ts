/** What a stack tells the policy pack: `webinfra:policy`. */
import { z } from "zod";
import { matching, wholeNumber } from "../core/schema";

const rule = matching(/^[a-z0-9]+(-[a-z0-9]+)*$/, "the name of a rule, such as production-https");

export const policySchema = z.strictObject({
  waivers: z
    .record(rule, matching(/^.{10,}$/, "the reason, in at least 10 characters"))
    .default({})
    .meta({ description: "Rules of the policy pack that this stack need not keep, by name, each with the reason." }),
  monthlyUsd: wholeNumber(1, 1_000_000, "US dollars").optional().meta({
    description: "The most that the stack may cost a month, by the price table, in US dollars. Default: no ceiling.",
  }),
  regions: z
    .array(matching(/^[a-z0-9-]+$/, "a region, such as eu-central-1"))
    .optional()
    .meta({ description: "Regions that the stack may use. Default: any." }),
  sizes: z
    .array(matching(/^[a-z0-9.-]+$/, "an instance type or Droplet size, such as t3.small"))
    .optional()
    .meta({
      description: "Instance types and Droplet sizes that the stack may use. Default: those of the price table.",
    }),
});

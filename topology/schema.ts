/** Which hosts there are, in a stack's configuration. */
import { z } from "zod";
import { hostNamePattern, matching, oneOf, wholeNumber } from "../core/schema";

export const presetNames = ["dedicated-databases", "primary-replica-pair", "split-tiers", "replica-per-web"] as const;

/** Roles that a host of a stack's own list may have: those that do something. */
const placeable = ["loadBalancer", "webServer", "appServer", "database"] as const;
const right = `should be one of ${placeable.map((role) => `"${role}"`).join(", ")}`;
const placeableRole = z.enum(placeable, {
  error: ({ input }) => (input === "monitor" ? `does nothing yet: leave it out; ${right}` : right),
});

/** A host of a stack's own list. */
const host = z.strictObject({
  name: matching(hostNamePattern, "a DNS label of at most 24 characters that starts with a letter, such as web-1").meta(
    { description: "The host's name." },
  ),
  roles: z
    .array(placeableRole)
    .min(1, `should hold at least one of ${placeable.join(", ")}`)
    .meta({ description: "What stands on it." }),
});

/** Keys of the placement. */
export const placementShape = {
  topology: oneOf([...presetNames, "custom"])
    .default("dedicated-databases")
    .meta({ description: "Which hosts there are and what stands on them." }),
  hosts: z
    .array(host)
    .min(1, "should list at least one host")
    .optional()
    .meta({ description: "The stack's own list of hosts, with `topology: custom`." }),
  primary: z
    .string({ error: () => "should be the name of a host with the role database" })
    .optional()
    .meta({
      description:
        "With `hosts`: which database is primary when the site is first created. Default: the first one listed.",
    }),
  balancing: oneOf(["active-active", "active-passive"]).default("active-active").meta({
    description:
      "`active-active`: all web servers take requests. `active-passive`: the first does, and the others only when it is gone.",
  }),
};

/** Keys that say how many hosts a preset has of each kind. */
export const countsShape = {
  web: wholeNumber(1, 100).default(2).meta({ description: "Number of web servers." }),
  appServers: wholeNumber(1, 100)
    .default(2)
    .meta({ description: "Number of application servers, with `topology: split-tiers`." }),
  replicas: wholeNumber(0, 8)
    .default(1)
    .meta({ description: "Number of MySQL replicas; `replica-per-web` has at least one on each web server." }),
};

/** The keys of {@link countsShape}. */
export const countKeys: readonly string[] = Object.keys(countsShape);

export type PlacementSettings = z.output<z.ZodObject<typeof placementShape & typeof countsShape>>;

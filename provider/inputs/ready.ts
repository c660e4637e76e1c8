/** What `webinfra:index:Ready` takes. */
import { z } from "zod";

/** A machine that must be seen. */
export const readyMachine = z.strictObject({
  /** Machine id. */
  machine: z.string().min(1),
  /** Host name, such as web-1. */
  name: z.string().min(1),
  /** Roles placed on the host, which say what must be seen of it. */
  roles: z.array(z.string()).readonly(),
  /** IPv4 address that this computer can reach. */
  address: z.ipv4("must be an IPv4 address"),
  /** A passive web server, which balancers show only when no other one is left. Default: false. */
  standby: z.boolean().optional(),
  /** The settings that must be in force, where the machine knows of settings: SHA-256, or "" for any. Default: "". */
  settings: z
    .string()
    .regex(/^([0-9a-f]{64})?$/, 'must be a SHA-256 in lower-case hexadecimal, or ""')
    .optional(),
  /** SHA-256 of the definition that it would be made from now. Default: nobody asks. */
  definition: z
    .string()
    .regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in 64 lower-case hexadecimal digits")
    .optional(),
});

/** Inputs of `webinfra:index:Ready`. */
export const readyInputs = z.strictObject({
  /** The site's URL, such as http://10.77.0.5. With https its host is what certificates must be valid for, at each balancer's own address too. */
  site: z.url({ protocol: /^https?$/, error: "must be an http or https URL, such as http://10.77.0.5" }),
  /** The Host header of requests for its first page, and with https what the certificate must be valid for then. Default: the host of its URL. */
  host: z.string().min(1).optional(),
  /** Every machine of the site. */
  machines: z.array(readyMachine).min(1, "must list at least one machine").readonly(),
  /**
   * `private`: this computer reaches every machine, and each must answer for itself. `public`: it reaches the site's address only, and what shows through
   * it counts: a balancer, every active web server with the release, the first page. Default: `private`.
   */
  reach: z.enum(["private", "public"]).optional(),
  /** The release that app servers must run: SHA-256, or "" for any. */
  release: z.string().regex(/^([0-9a-f]{64})?$/, 'must be a SHA-256 in lower-case hexadecimal, or ""'),
  /** The host package that every machine must have found good: SHA-256, or "" for any. Default: "". */
  hostPackage: z
    .string()
    .regex(/^([0-9a-f]{64})?$/, 'must be a SHA-256 in lower-case hexadecimal, or ""')
    .optional(),
  /** Longest wait, in seconds. Default: 300. */
  timeoutSeconds: z.number().positive("must be above 0, in seconds").optional(),
});

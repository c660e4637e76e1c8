/** `inventory/<machine>.json`: one machine of the site. The program owns it. */
import { z } from "zod";
import { roleNames } from "../roles";
import { documentText, flagSchema, hostNameSchema, type Parsed, parseDocument } from "./document";

const machineRight = "should be the machine's id, a text that is not empty";
const rolesRight = `should list at least one of ${roleNames.join(", ")}`;

const shape = z.object({
  /** The machine's id: cloud-init's instance id. */
  machine: z.string(machineRight).min(1, machineRight),
  /** The host's name. While a replacement runs, two machines have one. */
  name: hostNameSchema,
  roles: z.array(z.enum(roleNames, `should be one of ${roleNames.join(", ")}`), rolesRight).min(1, rolesRight),
  /** Private IPv4 address. */
  address: z.ipv4("should be an IPv4 address, such as 10.77.0.5"),
  /** A passive web server: balancers send to it only when no other one is left. */
  standby: flagSchema.default(false),
});
const schema = shape.transform((entry) => ({ version: 2 as const, ...entry }));

/** A machine's entry in the inventory. */
export type InventoryEntry = z.infer<typeof schema>;

/** Reads an entry of version 1 or 2. */
export function parseInventoryEntry(text: string): Parsed<InventoryEntry> {
  return parseDocument(text, { 1: schema, 2: schema });
}

/**
 * An entry's text. It is not checked here: the platform gives the address while Pulumi runs, where an error would leave the run waiting for ever. `Ready`
 * refuses an address that is none, and hosts refuse the entry.
 */
export function writeInventoryEntry({ machine, name, roles, address, standby }: z.input<typeof shape>): string {
  return documentText({ machine, name, roles, address, standby: standby ?? false });
}

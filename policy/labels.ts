/** What resources say of themselves: tags of AWS, a record, and of DigitalOcean, a list. */
import { RoleName, roleNames, roleWords } from "../topology/types";
import type { CheckedResource } from "./rule";
import { record, texts } from "./values";

/** Whether a resource is one of a provider's, such as `aws`. */
export const isOf = (provider: "aws" | "digitalocean", { type }: CheckedResource): boolean =>
  type.startsWith(`${provider}:`);

/** The roles that a machine, a group or a firewall is labelled with. */
export function rolesOf(resource: CheckedResource): readonly RoleName[] {
  const tags = resource.props["tags"];
  if (isOf("aws", resource)) {
    const named = texts(record(tags)["role"]).flatMap((text) => text.split("+"));
    return roleNames.filter((role) => named.includes(role));
  }
  return roleNames.filter((role) => texts(tags).some((tag) => tag.endsWith(`-role:${roleWords[role]}`)));
}

/** Roles whose hosts the internet must not reach. */
const privateRoles: readonly RoleName[] = ["appServer", "database"];

/** Those of a resource's roles that the internet must not reach. */
export const privateRolesOf = (resource: CheckedResource): readonly RoleName[] =>
  rolesOf(resource).filter((role) => privateRoles.includes(role));

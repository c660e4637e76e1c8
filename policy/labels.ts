/** What resources say of themselves: tags of AWS, a record, and of DigitalOcean, a list. */
import { RoleName, roleNames, roleWords } from "../topology/types";
import type { CheckedResource } from "./rule";
import { list, record, texts } from "./values";

/** Whether a resource is one of a provider's, such as `aws`. */
export const isOf = (provider: "aws" | "digitalocean", { type }: CheckedResource): boolean =>
  type.startsWith(`${provider}:`);

/** Words for hosts that no label says the role of. */
const unlabelled = "hosts of no role";

/** The roles that a machine or a group is labelled with. */
export function rolesOf(resource: CheckedResource): readonly RoleName[] {
  const tags = resource.props["tags"];
  if (isOf("aws", resource)) {
    const named = texts(record(tags)["role"]).flatMap((text) => text.split("+"));
    return roleNames.filter((role) => named.includes(role));
  }
  return roleNames.filter((role) => texts(tags).some((tag) => tag.endsWith(`-role:${roleWords[role]}`)));
}

/** What an AWS resource's own label names beside balancers. */
function awsReach({ props }: CheckedResource): readonly string[] {
  const roles = texts(record(props["tags"])["role"])
    .flatMap((text) => text.split("+"))
    .filter((role) => role !== "");
  return roles.length === 0 ? [unlabelled] : roles.filter((role) => role !== "loadBalancer");
}

/** What a firewall is put before beside balancers: it takes every Droplet with any of its tags, and those it lists by id. */
function digitaloceanReach(resource: CheckedResource): readonly string[] {
  const tags = texts(resource.props["tags"]);
  const roleOf = (tag: string) => roleNames.find((role) => tag.endsWith(`-role:${roleWords[role]}`));
  const reached = [
    ...tags.filter((tag) => roleOf(tag) !== "loadBalancer").map((tag) => roleOf(tag) ?? `the tag "${tag}"`),
    ...(list(resource.props["dropletIds"]).length > 0 ? ["Droplets by their ids"] : []),
  ];
  return tags.length === 0 && reached.length === 0 ? [unlabelled] : reached;
}

/** Who a security group, a rule of one or a firewall lets traffic through to beside balancers: roles, or words for what no role is known of. */
export const reachBesideBalancers = (resource: CheckedResource): readonly string[] =>
  isOf("aws", resource) ? awsReach(resource) : digitaloceanReach(resource);

/** Roles whose hosts the internet must not reach. */
const privateRoles: readonly RoleName[] = ["appServer", "database"];

/** Those of a resource's roles that the internet must not reach. */
export const privateRolesOf = (resource: CheckedResource): readonly RoleName[] =>
  rolesOf(resource).filter((role) => privateRoles.includes(role));

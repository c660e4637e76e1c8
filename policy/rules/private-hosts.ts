import { privateRolesOf, rolesOf } from "../labels";
import type { CheckedResource, PlannedResource, Rule, Violation } from "../rule";
import { list } from "../values";

const [instance, droplet] = ["aws:ec2/instance:Instance", "digitalocean:index/droplet:Droplet"];

function publicAddress({ type, props }: CheckedResource): boolean {
  if (type === droplet) return props["publicNetworking"] !== false || props["ipv6"] === true;
  return (
    props["associatePublicIpAddress"] === true ||
    Number(props["ipv6AddressCount"] ?? 0) > 0 ||
    list(props["ipv6Addresses"]).length > 0
  );
}

function checkResource(resource: CheckedResource): readonly string[] {
  if (resource.type !== instance && resource.type !== droplet) return [];
  const roles = privateRolesOf(resource).join(" and ");
  if (roles === "") return [];
  return [
    ...(publicAddress(resource) ? [`a host with the role ${roles} has a public address`] : []),
    ...(rolesOf(resource).includes("loadBalancer") ? [`a host with the role ${roles} is a load balancer too`] : []),
  ];
}

/** Instances in subnets that give each a public address. Which subnet it is, is known before its id is. */
function checkStack(resources: readonly PlannedResource[]): readonly Violation[] {
  const open = resources
    .filter(({ type, props }) => type === "aws:ec2/subnet:Subnet" && props["mapPublicIpOnLaunch"] === true)
    .map(({ urn }) => urn);
  return resources
    .filter((one) => one.type === instance && one.dependencies.some((urn) => open.includes(urn)))
    .map((one) => ({ urn: one.urn, roles: privateRolesOf(one).join(" and ") }))
    .filter(({ roles }) => roles !== "")
    .map(({ urn, roles }) => ({ urn, what: `a host with the role ${roles} is in a subnet with public addresses` }));
}

export const privateHosts: Rule = {
  name: "private-hosts",
  description: "Databases and application servers have no public address.",
  remediation:
    "place the role on a host that is no load balancer; on DigitalOcean also set `webinfra:digitalocean.publicNetworking` to false",
  scopes: ["aws", "digitalocean"],
  checkResource,
  checkStack,
};

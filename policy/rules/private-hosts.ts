import { privateRolesOf, rolesOf } from "../labels";
import type { CheckedResource, PlannedResource, Rule, Violation } from "../rule";
import { list } from "../values";

const [instance, droplet] = ["aws:ec2/instance:Instance", "digitalocean:index/droplet:Droplet"];

/** Addresses that a resource of its own gives to a machine. */
const addresses = [
  "aws:ec2/eip:Eip",
  "aws:ec2/eipAssociation:EipAssociation",
  "digitalocean:index/floatingIp:FloatingIp",
  "digitalocean:index/floatingIpAssignment:FloatingIpAssignment",
  "digitalocean:index/reservedIp:ReservedIp",
  "digitalocean:index/reservedIpAssignment:ReservedIpAssignment",
  "digitalocean:index/reservedIpv6:ReservedIpv6",
  "digitalocean:index/reservedIpv6Assignment:ReservedIpv6Assignment",
];
/** Interfaces that such addresses can be given to instead. */
const interfaces = [
  "aws:ec2/networkInterface:NetworkInterface",
  "aws:ec2/networkInterfaceAttachment:NetworkInterfaceAttachment",
];
const interfaceInputs = ["networkInterfaces", "primaryNetworkInterface", "secondaryNetworkInterfaces"];

function publicAddress({ type, props }: CheckedResource): boolean {
  if (type === droplet) {
    return props["publicNetworking"] !== false || props["ipv6"] === true;
  }
  return (
    props["associatePublicIpAddress"] === true ||
    Number(props["ipv6AddressCount"] ?? 0) > 0 ||
    list(props["ipv6Addresses"]).length > 0
  );
}

function checkResource(resource: CheckedResource): readonly string[] {
  if (resource.type !== instance && resource.type !== droplet) {
    return [];
  }
  const roles = privateRolesOf(resource).join(" and ");
  if (roles === "") {
    return [];
  }
  return [
    ...(publicAddress(resource) ? [`a host with the role ${roles} has a public address`] : []),
    ...(interfaceInputs.some((input) => list(resource.props[input]).length > 0)
      ? [`a host with the role ${roles} has a network interface of its own, which may have a public address`]
      : []),
    ...(rolesOf(resource).includes("loadBalancer") ? [`a host with the role ${roles} is a load balancer too`] : []),
  ];
}

/** Instances in subnets that give each a public address. Which subnet it is, is known before its id is. */
function inOpenSubnets(resources: readonly PlannedResource[]): readonly Violation[] {
  const open = resources
    .filter(({ type, props }) => type === "aws:ec2/subnet:Subnet" && props["mapPublicIpOnLaunch"] === true)
    .map(({ urn }) => urn);
  return resources
    .filter((one) => one.type === instance && one.dependencies.some((urn) => open.includes(urn)))
    .map((one) => ({ urn: one.urn, roles: privateRolesOf(one).join(" and ") }))
    .filter(({ roles }) => roles !== "")
    .map(({ urn, roles }) => ({ urn, what: `a host with the role ${roles} is in a subnet with public addresses` }));
}

/** What other resources give to a machine; like subnets, by what they were made from. */
function given(resources: readonly PlannedResource[], types: readonly string[], what: string): readonly Violation[] {
  const machines = resources.filter(({ type }) => type === instance || type === droplet);
  return resources
    .filter(({ type }) => types.includes(type))
    .flatMap(({ urn, dependencies }) => {
      const roles = new Set(machines.filter((one) => dependencies.includes(one.urn)).flatMap(privateRolesOf));
      return roles.size === 0 ? [] : [{ urn, what: `gives a host with the role ${[...roles].join(" and ")} ${what}` }];
    });
}

export const privateHosts: Rule = {
  name: "private-hosts",
  description: "Databases and application servers have no public address.",
  remediation:
    "place the role on a host that is no load balancer; on DigitalOcean also set `webinfra:digitalocean.publicNetworking` to false",
  scopes: ["aws", "digitalocean"],
  checkResource,
  checkStack: (resources) => [
    ...inOpenSubnets(resources),
    ...given(resources, addresses, "a public address"),
    ...given(resources, interfaces, "a network interface of its own, which may have a public address"),
  ],
};

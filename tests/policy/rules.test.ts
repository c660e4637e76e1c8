import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import type * as aws from "@pulumi/aws";
import type * as digitalocean from "@pulumi/digitalocean";
import type { SiteSummary } from "../../review/summary";
import type { PlannedResource, Scope } from "../../policy/rule";
import { rules } from "../../policy/rules";
import { devConfig, type HostView, secretFilesOf, userDataOf, viewsOf } from "../support/hosts";
import { platforms } from "../../platforms";
import { resource, violations } from "../support/policy";

interface Case {
  readonly scope: Scope;
  readonly title: string;
  readonly resources?: readonly PlannedResource[];
  readonly site?: Partial<SiteSummary>;
  /** Empty: the rule is kept. */
  readonly wrong: readonly string[];
}

// Typed as the providers have them, so that no rule is tested with an input that there is not.
const ingressRule = (props: Partial<aws.vpc.SecurityGroupIngressRuleArgs>) =>
  resource("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", { ipProtocol: "tcp", ...props });
const egressRule = (props: Partial<aws.vpc.SecurityGroupEgressRuleArgs>) =>
  resource("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", { ...props });
const olderRule = (props: Partial<aws.ec2.SecurityGroupRuleArgs>) =>
  resource("aws:ec2/securityGroupRule:SecurityGroupRule", { ...props });
const group = (props: aws.ec2.SecurityGroupArgs, more: Partial<PlannedResource> = {}) =>
  resource("aws:ec2/securityGroup:SecurityGroup", { description: "Balancers", ...props }, more);
const inGroup = { propertyDependencies: { vpcSecurityGroupIds: [group({}).urn] } };
/** A balancer's rule, in this group. */
const ruleOf = ({ urn }: PlannedResource): PlannedResource => ({
  ...ingressRule({ cidrIpv4: "0.0.0.0/0", fromPort: 443, toPort: 443, tags: { role: "loadBalancer" } }),
  propertyDependencies: { securityGroupId: [urn] },
});
type Inbound = digitalocean.types.input.FirewallInboundRule;
const firewall = (tags: readonly string[], ...inboundRules: readonly Inbound[]) =>
  resource("digitalocean:index/firewall:Firewall", { tags, inboundRules });
const firewallBefore = (dropletIds: readonly number[], tags: readonly string[], inbound: Inbound) =>
  resource("digitalocean:index/firewall:Firewall", { tags, dropletIds, inboundRules: [inbound] });
const webForAll: Inbound = { protocol: "tcp", portRange: "443", sourceAddresses: ["0.0.0.0/0", "::/0"] };
const instance = (props: aws.ec2.InstanceArgs, more: Partial<PlannedResource> = {}) =>
  resource("aws:ec2/instance:Instance", { ...props }, more);
const droplet = (props: Partial<digitalocean.DropletArgs>, more: Partial<PlannedResource> = {}) =>
  resource("digitalocean:index/droplet:Droplet", { ...props }, more);
/** What is made from a machine: an address, or an interface, of it. */
const madeFrom = (machine: PlannedResource, ...types: readonly string[]) =>
  types.map((type) => resource(type, {}, { dependencies: [machine.urn] }));
const databaseInstance = instance({ tags: { role: "database" } });
const databaseDroplet = droplet({ tags: ["webinfra-prod-role:db"], publicNetworking: false });
const subnet = (mapPublicIpOnLaunch: NonNullable<aws.ec2.SubnetArgs["mapPublicIpOnLaunch"]>) =>
  resource("aws:ec2/subnet:Subnet", { mapPublicIpOnLaunch });
const awsVolume = (props: Partial<aws.ebs.VolumeArgs>, more: Partial<PlannedResource> = {}) =>
  resource("aws:ebs/volume:Volume", { ...props }, more);
const spacesBucket = (props: digitalocean.SpacesBucketArgs) =>
  resource("digitalocean:index/spacesBucket:SpacesBucket", { ...props });
const spacesObject = (props: Partial<digitalocean.SpacesBucketObjectArgs>) =>
  resource("digitalocean:index/spacesBucketObject:SpacesBucketObject", { ...props });
const bucket = resource("aws:s3/bucket:Bucket", {});
const fromBucket = { dependencies: [bucket.urn], propertyDependencies: { bucket: [bucket.urn] } };
const ofBucket = (type: string, props: object) => resource(type, { ...props }, fromBucket);
/** The same of another bucket, but made from this one as well. */
const ofAnother = (setting: PlannedResource): PlannedResource => ({
  ...setting,
  dependencies: ["urn:another", bucket.urn],
  propertyDependencies: { bucket: ["urn:another"], policy: [bucket.urn] },
});
const grantingBucket = (grantee: Omit<aws.types.input.s3.BucketGrant, "permissions">) =>
  resource("aws:s3/bucket:Bucket", { grants: [{ ...grantee, permissions: ["READ"] }] });
const bucketAcl = (props: Partial<aws.s3.BucketAclArgs>) => ofBucket("aws:s3/bucketAcl:BucketAcl", props);
const accessBlock = (props: Partial<aws.s3.BucketPublicAccessBlockArgs>) =>
  ofBucket("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", {
    blockPublicAcls: true,
    blockPublicPolicy: true,
    ignorePublicAcls: true,
    restrictPublicBuckets: true,
    ...props,
  });
const withoutTls = { Bool: { "aws:SecureTransport": "false" } };
const bucketPolicy = (statement: object) =>
  ofBucket("aws:s3/bucketPolicy:BucketPolicy", {
    bucket: "it",
    policy: JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Deny",
          Principal: "*",
          Action: "s3:*",
          Resource: ["arn:aws:s3:::it", "arn:aws:s3:::it/*"],
          Condition: withoutTls,
          ...statement,
        },
      ],
    }),
  });
const allowing = (principal: object) =>
  JSON.stringify({ Statement: [{ Effect: "Allow", Action: "s3:GetObject", Resource: "*", ...principal }] });
const spacesPolicy = (policy: string) =>
  resource("digitalocean:index/spacesBucketPolicy:SpacesBucketPolicy", { bucket: "it", region: "fra1", policy });
const publicGroup = (name: string) => ({ type: "Group", uri: `http://acs.amazonaws.com/groups/${name}` });
const world = "0.0.0.0/0";
const world6 = "::/0";

/** Violating and compliant cases by rule. */
const cases: Readonly<Record<string, readonly Case[]>> = {
  "ingress-web-only": [
    {
      scope: "aws",
      title: "another port of a rule",
      resources: [ingressRule({ cidrIpv4: world, fromPort: 3306, toPort: 3306 })],
      wrong: ["lets in tcp port 3306 from 0.0.0.0/0"],
    },
    {
      scope: "aws",
      title: "a range of ports that begins well, IPv6",
      resources: [ingressRule({ cidrIpv6: world6, fromPort: 80, toPort: 443 })],
      wrong: ["lets in tcp ports 80 to 443 from ::/0"],
    },
    {
      scope: "aws",
      title: "no ports at all",
      resources: [ingressRule({ cidrIpv4: world }), ingressRule({ cidrIpv4: world, fromPort: 443 })],
      wrong: ["lets in tcp ports 0 to 65535 from 0.0.0.0/0", "lets in tcp ports 443 to 65535 from 0.0.0.0/0"],
    },
    {
      scope: "aws",
      title: "UDP, ICMP and all protocols",
      resources: ["udp", "icmp", "-1"].map((ipProtocol) =>
        ingressRule({ ipProtocol, cidrIpv4: world, fromPort: 443, toPort: 443 }),
      ),
      wrong: [
        "lets in udp port 443 from 0.0.0.0/0",
        "lets in icmp ports 0 to 65535 from 0.0.0.0/0",
        "lets in any protocol from 0.0.0.0/0",
      ],
    },
    {
      scope: "aws",
      title: "inline rules of a group, half of the internet",
      resources: [
        group({
          ingress: [
            { protocol: "tcp", fromPort: 9000, toPort: 9000, cidrBlocks: ["10.0.0.0/8", "128.0.0.0/1"] },
            { protocol: "tcp", fromPort: 8080, toPort: 8080, ipv6CidrBlocks: [world6], cidrBlocks: [world] },
          ],
        }),
      ],
      wrong: ["lets in tcp port 9000 from 128.0.0.0/1", "lets in tcp port 8080 from 0.0.0.0/0 and ::/0"],
    },
    {
      scope: "aws",
      title: "a rule of the older kind",
      resources: [
        olderRule({
          type: "ingress",
          protocol: "6",
          fromPort: 25,
          toPort: 25,
          cidrBlocks: [world],
        }),
      ],
      wrong: ["lets in tcp port 25 from 0.0.0.0/0"],
    },
    {
      scope: "aws",
      title: "all protocols by their other names, whatever the ports",
      resources: [
        ingressRule({ ipProtocol: "all", cidrIpv4: world, fromPort: 443, toPort: 443 }),
        ingressRule({ ipProtocol: "ALL", cidrIpv4: world, fromPort: 443, toPort: 443 }),
        ingressRule({ ipProtocol: "017", cidrIpv4: world, fromPort: 443, toPort: 443 }),
      ],
      wrong: [
        "lets in any protocol from 0.0.0.0/0",
        "lets in any protocol from 0.0.0.0/0",
        "lets in udp port 443 from 0.0.0.0/0",
      ],
    },
    {
      scope: "aws",
      title: "prefix lists, which may hold anything",
      resources: [
        ingressRule({ prefixListId: "pl-0123", fromPort: 3306, toPort: 3306 }),
        olderRule({ type: "ingress", protocol: "tcp", fromPort: 25, toPort: 25, prefixListIds: ["pl-4567"] }),
        group({ ingress: [{ protocol: "tcp", fromPort: 9000, toPort: 9000, prefixListIds: ["pl-89ab", "pl-cdef"] }] }),
      ],
      wrong: [
        "lets in tcp port 3306 from pl-0123",
        "lets in tcp port 25 from pl-4567",
        "lets in tcp port 9000 from pl-89ab and pl-cdef",
      ],
    },
    {
      scope: "aws",
      title: "web ports, ports for a group or an address range, and what goes out",
      resources: [
        ...[80, 443].map((port) => ingressRule({ cidrIpv4: world, fromPort: port, toPort: port })),
        ingressRule({ referencedSecurityGroupId: "sg-0123", fromPort: 3306, toPort: 3306 }),
        ingressRule({ prefixListId: "pl-0123", ipProtocol: "6", fromPort: 443, toPort: 443 }),
        ingressRule({ ipProtocol: "all", cidrIpv4: "203.0.113.7/32" }),
        ingressRule({ cidrIpv4: "203.0.113.7/32", fromPort: 22, toPort: 22 }),
        egressRule({ cidrIpv4: world, ipProtocol: "-1" }),
        olderRule({
          type: "egress",
          protocol: "-1",
          cidrBlocks: [world],
        }),
      ],
      wrong: [],
    },
    {
      scope: "digitalocean",
      title: "other ports, all ports, UDP",
      resources: [
        firewall(
          [],
          { protocol: "tcp", portRange: "9000", sourceAddresses: [world, world6] },
          { protocol: "tcp", portRange: "8000-9000", sourceAddresses: [world6] },
          { protocol: "tcp", portRange: "all", sourceAddresses: [world] },
          { protocol: "udp", portRange: "443", sourceAddresses: [world] },
          { protocol: "icmp", sourceAddresses: [world] },
        ),
      ],
      wrong: [
        "lets in tcp port 9000 from 0.0.0.0/0 and ::/0",
        "lets in tcp ports 8000 to 9000 from ::/0",
        "lets in tcp ports 0 to 65535 from 0.0.0.0/0",
        "lets in udp port 443 from 0.0.0.0/0",
        "lets in icmp ports 0 to 65535 from 0.0.0.0/0",
      ],
    },
    {
      scope: "digitalocean",
      title: "web ports, ports for tags or an address range, and what is denied",
      resources: [
        firewall(
          [],
          { protocol: "tcp", portRange: "80", sourceAddresses: [world, world6] },
          { protocol: "tcp", portRange: "443", sourceAddresses: [world, world6] },
          { protocol: "tcp", portRange: "3306", sourceTags: ["webinfra-prod-web"] },
          { protocol: "tcp", portRange: "22", sourceAddresses: ["203.0.113.7", "198.51.100.0/24"] },
          { action: "deny", protocol: "tcp", portRange: "all", sourceAddresses: [world] },
        ),
      ],
      wrong: [],
    },
  ],
  "no-world-ssh": [
    {
      scope: "aws",
      title: "port 22, a range around it, all protocols",
      resources: [
        ingressRule({ cidrIpv4: world, fromPort: 22, toPort: 22 }),
        ingressRule({ cidrIpv6: world6, fromPort: 0, toPort: 1024 }),
        ingressRule({ cidrIpv4: world, ipProtocol: "-1" }),
        ingressRule({ cidrIpv4: world, ipProtocol: "all", fromPort: 443, toPort: 443 }),
        ingressRule({ prefixListId: "pl-0123", fromPort: 22, toPort: 22 }),
      ],
      wrong: [
        "opens SSH with tcp port 22 from 0.0.0.0/0",
        "opens SSH with tcp ports 0 to 1024 from ::/0",
        "opens SSH with any protocol from 0.0.0.0/0",
        "opens SSH with any protocol from 0.0.0.0/0",
        "opens SSH with tcp port 22 from pl-0123",
      ],
    },
    {
      scope: "aws",
      title: "port 22 for an address range, port 80 for everybody",
      resources: [
        ingressRule({ cidrIpv4: "203.0.113.0/24", fromPort: 22, toPort: 22 }),
        ingressRule({ cidrIpv4: world, fromPort: 80, toPort: 80 }),
        ingressRule({ cidrIpv4: world, ipProtocol: "udp", fromPort: 22, toPort: 22 }),
      ],
      wrong: [],
    },
    {
      scope: "digitalocean",
      title: "port 22 and a range around it",
      resources: [
        firewall(
          [],
          { protocol: "tcp", portRange: "22", sourceAddresses: [world] },
          { protocol: "tcp", portRange: "1-65535", sourceAddresses: [world6] },
        ),
      ],
      wrong: ["opens SSH with tcp port 22 from 0.0.0.0/0", "opens SSH with tcp ports 1 to 65535 from ::/0"],
    },
    {
      scope: "digitalocean",
      title: "port 22 for an address range and a tag",
      resources: [
        firewall([], { protocol: "tcp", portRange: "22", sourceAddresses: ["203.0.113.7/32"], sourceTags: ["admin"] }),
      ],
      wrong: [],
    },
  ],
  "private-hosts": [
    {
      scope: "aws",
      title: "public addresses, and a host that balances too",
      resources: [
        instance({ tags: { role: "database" }, associatePublicIpAddress: true }),
        instance({ tags: { role: "webServer+appServer" }, ipv6AddressCount: 1 }),
        instance({ tags: { role: "database" }, ipv6Addresses: ["2001:db8::1"] }),
        instance({ tags: { role: "loadBalancer+appServer" } }),
      ],
      wrong: [
        "a host with the role database has a public address",
        "a host with the role appServer has a public address",
        "a host with the role database has a public address",
        "a host with the role appServer is a load balancer too",
      ],
    },
    {
      scope: "aws",
      title: "a subnet with public addresses",
      resources: [
        subnet(true),
        instance({ tags: { role: "database" } }, { dependencies: [subnet(true).urn] }),
        instance({ tags: { role: "loadBalancer" } }, { dependencies: [subnet(true).urn] }),
      ],
      wrong: ["a host with the role database is in a subnet with public addresses"],
    },
    {
      scope: "aws",
      title: "addresses and interfaces that other resources give",
      resources: [
        databaseInstance,
        ...madeFrom(databaseInstance, "aws:ec2/eip:Eip", "aws:ec2/eipAssociation:EipAssociation"),
        ...madeFrom(
          databaseInstance,
          "aws:ec2/networkInterface:NetworkInterface",
          "aws:ec2/networkInterfaceAttachment:NetworkInterfaceAttachment",
        ),
      ],
      wrong: [
        "gives a host with the role database a public address",
        "gives a host with the role database a public address",
        "gives a host with the role database a network interface of its own, which may have a public address",
        "gives a host with the role database a network interface of its own, which may have a public address",
      ],
    },
    {
      scope: "aws",
      title: "an address for two private hosts at once, each role named once",
      resources: [
        databaseInstance,
        instance({ tags: { role: "webServer+appServer" } }, { urn: "urn:app" }),
        instance({ tags: { role: "database" } }, { urn: "urn:db-2" }),
        resource("aws:ec2/eip:Eip", {}, { dependencies: [databaseInstance.urn, "urn:app", "urn:db-2"] }),
      ],
      wrong: ["gives a host with the role database and appServer a public address"],
    },
    {
      scope: "aws",
      title: "interfaces that the instance brings along",
      resources: [
        // Deprecated by the provider, which still takes it.
        resource("aws:ec2/instance:Instance", {
          tags: { role: "database" },
          networkInterfaces: [{ deviceIndex: 0, networkInterfaceId: "eni-0123" }],
        }),
        instance({ tags: { role: "appServer" }, primaryNetworkInterface: { networkInterfaceId: "eni-0123" } }),
      ],
      wrong: [
        "a host with the role database has a network interface of its own, which may have a public address",
        "a host with the role appServer has a network interface of its own, which may have a public address",
      ],
    },
    {
      scope: "aws",
      title: "private hosts, and a balancer in public",
      resources: [
        subnet(false),
        instance({ tags: { role: "database" } }, { dependencies: [subnet(false).urn] }),
        instance({ tags: { role: "loadBalancer" }, associatePublicIpAddress: true }, { urn: "urn:balancer" }),
        resource("aws:ec2/eip:Eip", {}),
        resource("aws:ec2/eipAssociation:EipAssociation", {}, { dependencies: ["urn:balancer"] }),
        resource(
          "aws:ec2/networkInterfaceAttachment:NetworkInterfaceAttachment",
          {},
          { dependencies: ["urn:balancer"] },
        ),
        resource("aws:ebs/volume:Volume", {}, { dependencies: [databaseInstance.urn] }),
      ],
      wrong: [],
    },
    {
      scope: "digitalocean",
      title: "public interfaces",
      resources: [
        droplet({ tags: ["webinfra-prod-role:db"] }),
        droplet({ tags: ["webinfra-prod-role:web", "webinfra-prod-role:app"], publicNetworking: true }),
        droplet({ tags: ["webinfra-prod-role:db"], publicNetworking: false, ipv6: true }),
        droplet({ tags: ["webinfra-prod-role:lb", "webinfra-prod-role:app"], publicNetworking: false }),
      ],
      wrong: [
        "a host with the role database has a public address",
        "a host with the role appServer has a public address",
        "a host with the role database has a public address",
        "a host with the role appServer is a load balancer too",
      ],
    },
    {
      scope: "digitalocean",
      title: "addresses that other resources give",
      resources: [
        databaseDroplet,
        ...madeFrom(
          databaseDroplet,
          "digitalocean:index/reservedIp:ReservedIp",
          "digitalocean:index/reservedIpAssignment:ReservedIpAssignment",
          "digitalocean:index/reservedIpv6:ReservedIpv6",
          "digitalocean:index/reservedIpv6Assignment:ReservedIpv6Assignment",
          "digitalocean:index/floatingIp:FloatingIp",
          "digitalocean:index/floatingIpAssignment:FloatingIpAssignment",
        ),
      ],
      wrong: Array.from({ length: 6 }, () => "gives a host with the role database a public address"),
    },
    {
      scope: "digitalocean",
      title: "private hosts, and a balancer in public",
      resources: [
        droplet({ tags: ["webinfra-prod-role:db"], publicNetworking: false }),
        droplet({ tags: ["webinfra-prod-role:lb"], publicNetworking: true }, { urn: "urn:balancer" }),
        resource("digitalocean:index/reservedIp:ReservedIp", {}, { dependencies: ["urn:balancer"] }),
        resource("digitalocean:index/reservedIp:ReservedIp", {}),
        droplet({ tags: ["webinfra-prod-host:db"] }),
      ],
      wrong: [],
    },
  ],
  "private-groups": [
    {
      scope: "aws",
      title: "web ports of databases and applications",
      resources: [
        ingressRule({ cidrIpv4: world, fromPort: 443, toPort: 443, tags: { role: "database" } }),
        group({
          tags: { role: "appServer" },
          ingress: [{ protocol: "tcp", fromPort: 80, toPort: 80, ipv6CidrBlocks: [world6] }],
        }),
      ],
      wrong: ["lets tcp port 443 from 0.0.0.0/0 reach database", "lets tcp port 80 from ::/0 reach appServer"],
    },
    {
      scope: "aws",
      title: "no label, and one that names others beside balancers",
      resources: [
        ingressRule({ cidrIpv4: world, fromPort: 443, toPort: 443 }),
        ingressRule({ prefixListId: "pl-0123", fromPort: 443, toPort: 443, tags: { role: "" } }),
        group({
          tags: { role: "loadBalancer+appServer" },
          ingress: [{ protocol: "tcp", fromPort: 80, toPort: 80, cidrBlocks: [world] }],
        }),
        ingressRule({ cidrIpv4: world, fromPort: 443, toPort: 443, tags: { role: "webServer" } }),
        olderRule({ type: "ingress", protocol: "tcp", fromPort: 443, toPort: 443, cidrBlocks: [world] }),
      ],
      wrong: [
        "lets tcp port 443 from 0.0.0.0/0 reach hosts of no role",
        "lets tcp port 443 from pl-0123 reach hosts of no role",
        "lets tcp port 80 from 0.0.0.0/0 reach appServer",
        "lets tcp port 443 from 0.0.0.0/0 reach webServer",
        "lets tcp port 443 from 0.0.0.0/0 reach hosts of no role",
      ],
    },
    {
      scope: "aws",
      title: "a balancer's rule of a group that is not the balancers'",
      resources: [
        ruleOf(group({ tags: { role: "database" } }, { urn: "urn:databases" })),
        group({ tags: { role: "database" } }, { urn: "urn:databases" }),
        ruleOf(group({}, { urn: "urn:unlabelled" })),
        group({}, { urn: "urn:unlabelled" }),
      ],
      wrong: [
        "lets tcp port 443 from 0.0.0.0/0 reach database",
        "lets tcp port 443 from 0.0.0.0/0 reach hosts of no role",
      ],
    },
    {
      scope: "aws",
      title: "a database in the group of balancers",
      resources: [
        group({ tags: { role: "loadBalancer" } }),
        instance({ tags: { role: "database" } }, inGroup),
        instance({ tags: { role: "webServer+appServer" } }, inGroup),
      ],
      wrong: [
        "a host with the role database is in a group of load balancers",
        "a host with the role appServer is in a group of load balancers",
      ],
    },
    {
      scope: "aws",
      title: "web ports of balancers, other hosts' ports among each other",
      resources: [
        instance({ tags: { role: "loadBalancer" } }, inGroup),
        instance({ tags: { role: "database" } }, { dependencies: [group({}).urn] }),
        ruleOf(group({ tags: { role: "loadBalancer" } })),
        group({ tags: { role: "loadBalancer" } }),
        group(
          { ingress: [{ protocol: "tcp", fromPort: 22, toPort: 22, cidrBlocks: ["203.0.113.7/32"] }] },
          { urn: "urn:unlabelled" },
        ),
        ingressRule({ cidrIpv4: world, fromPort: 443, toPort: 443, tags: { role: "loadBalancer" } }),
        ingressRule({ referencedSecurityGroupId: "sg-0123", fromPort: 3306, toPort: 3306, tags: { role: "database" } }),
      ],
      wrong: [],
    },
    {
      scope: "digitalocean",
      title: "web ports of databases",
      resources: [
        firewall(["webinfra-prod-role:db"], { protocol: "tcp", portRange: "443", sourceAddresses: [world, world6] }),
      ],
      wrong: ["lets tcp port 443 from 0.0.0.0/0 and ::/0 reach database"],
    },
    {
      scope: "digitalocean",
      title: "web ports of whatever else a firewall reaches",
      resources: [
        firewall(["webinfra-prod"], webForAll),
        firewall(["webinfra-prod-role:lb", "webinfra-prod-host:db-1"], webForAll),
        firewall(["webinfra-prod-role:lb", "webinfra-prod-role:app"], webForAll),
        firewallBefore([1234], ["webinfra-prod-role:lb"], webForAll),
        firewallBefore([1234], [], webForAll),
        firewall([], webForAll),
      ],
      wrong: [
        'lets tcp port 443 from 0.0.0.0/0 and ::/0 reach the tag "webinfra-prod"',
        'lets tcp port 443 from 0.0.0.0/0 and ::/0 reach the tag "webinfra-prod-host:db-1"',
        "lets tcp port 443 from 0.0.0.0/0 and ::/0 reach appServer",
        "lets tcp port 443 from 0.0.0.0/0 and ::/0 reach Droplets by their ids",
        "lets tcp port 443 from 0.0.0.0/0 and ::/0 reach Droplets by their ids",
        "lets tcp port 443 from 0.0.0.0/0 and ::/0 reach hosts of no role",
      ],
    },
    {
      scope: "digitalocean",
      title: "web ports of balancers, other hosts' ports among each other",
      resources: [
        firewallBefore([], ["webinfra-prod-role:lb"], webForAll),
        firewallBefore([1234], ["webinfra-prod"], { protocol: "tcp", portRange: "22", sourceTags: ["admin"] }),
        firewall(["webinfra-prod-role:lb"], { protocol: "tcp", portRange: "443", sourceAddresses: [world, world6] }),
        firewall(["webinfra-prod-role:db"], {
          protocol: "tcp",
          portRange: "3306",
          sourceTags: ["webinfra-prod-role:app"],
        }),
      ],
      wrong: [],
    },
  ],
  "required-tags": [
    {
      scope: "aws",
      title: "no tags, and those of another stack",
      resources: [
        resource("aws:ec2/vpc:Vpc", {}),
        resource("aws:iam/role:Role", { tags: { project: "webinfra", stack: "staging" } }),
        resource("aws:ec2/eip:Eip", { tags: { project: "shop", stack: "" } }),
      ],
      wrong: [
        'the tag "project" is missing',
        'the tag "stack" is missing',
        'the tag "stack" is "staging", and not "prod"',
        'the tag "project" is "shop", and not "webinfra"',
        'the tag "stack" is missing',
      ],
    },
    {
      scope: "aws",
      title: "tags, and what has none",
      resources: [
        resource("aws:ec2/vpc:Vpc", { tags: { project: "webinfra", stack: "prod", Name: "webinfra-prod-network" } }),
        resource("aws:ec2/route:Route", {}),
        resource("pulumi:providers:aws", {}),
      ],
      wrong: [],
    },
    {
      scope: "digitalocean",
      title: "no tags, and those of another stack",
      resources: [
        droplet({ tags: ["webinfra", "webinfra-staging"] }),
        resource("digitalocean:index/volume:Volume", {}),
      ],
      wrong: [
        'the tag "webinfra-prod" is missing',
        'the tag "webinfra" is missing',
        'the tag "webinfra-prod" is missing',
      ],
    },
    {
      scope: "digitalocean",
      title: "tags, and what has none",
      resources: [
        droplet({ tags: ["webinfra", "webinfra-prod"] }),
        resource("digitalocean:index/volume:Volume", {
          tags: ["webinfra", "webinfra-prod", "webinfra-prod-host:db-1"],
        }),
        resource("digitalocean:index/vpc:Vpc", {}),
      ],
      wrong: [],
    },
  ],
  "described-rules": [
    {
      scope: "aws",
      title: "no description",
      resources: [
        ingressRule({}),
        egressRule({ description: " " }),
        group({ description: undefined, egress: [{ protocol: "-1", fromPort: 0, toPort: 0 }] }),
        group({ description: "Managed by Pulumi" }),
      ],
      wrong: [
        "the rule has no description",
        "the rule has no description",
        "the group has no description",
        "a rule of the group has no description",
        "the group has no description",
      ],
    },
    {
      scope: "aws",
      title: "descriptions everywhere",
      resources: [
        ingressRule({ description: "HTTP" }),
        group({ ingress: [{ protocol: "tcp", fromPort: 80, toPort: 80, description: "HTTP" }] }),
      ],
      wrong: [],
    },
  ],
  "encrypted-volumes": [
    {
      scope: "aws",
      title: "volumes of their own and of instances",
      resources: [
        awsVolume({ size: 20 }),
        instance({ ebsBlockDevices: [{ deviceName: "/dev/sdf", encrypted: false }] }),
      ],
      wrong: [
        "the volume is not encrypted",
        "the root volume is not encrypted",
        "the volume /dev/sdf is not encrypted",
      ],
    },
    {
      scope: "aws",
      title: "encrypted ones",
      resources: [
        awsVolume({ encrypted: true }),
        instance({
          rootBlockDevice: { encrypted: true },
          ebsBlockDevices: [{ deviceName: "/dev/sdf", encrypted: true }],
        }),
      ],
      wrong: [],
    },
  ],
  "encrypted-buckets": [
    {
      scope: "aws",
      title: "no configuration",
      resources: [bucket],
      wrong: ["the bucket has no encryption configuration"],
    },
    {
      scope: "aws",
      title: "the configuration of another bucket",
      resources: [
        bucket,
        ofAnother(
          ofBucket("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration", {}),
        ),
      ],
      wrong: ["the bucket has no encryption configuration"],
    },
    {
      scope: "aws",
      title: "a configuration",
      resources: [
        bucket,
        ofBucket("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration", {}),
      ],
      wrong: [],
    },
  ],
  "private-buckets": [
    {
      scope: "aws",
      title: "no access block, a public access list",
      resources: [bucket, bucketAcl({ acl: "public-read" })],
      wrong: ['the access list is "public-read"', "the bucket has no public access block"],
    },
    {
      scope: "aws",
      title: "half an access block",
      resources: [bucket, accessBlock({ blockPublicPolicy: false, restrictPublicBuckets: undefined })],
      wrong: ["blockPublicPolicy is not true", "restrictPublicBuckets is not true"],
    },
    {
      scope: "aws",
      title: "the access block of another bucket",
      resources: [bucket, ofAnother(accessBlock({}))],
      wrong: ["the bucket has no public access block"],
    },
    {
      scope: "aws",
      title: "grants for the public",
      resources: [
        grantingBucket(publicGroup("global/AllUsers")),
        bucketAcl({
          accessControlPolicy: {
            owner: { id: "0123" },
            grants: [
              { permission: "FULL_CONTROL", grantee: { type: "CanonicalUser", id: "0123" } },
              { permission: "READ", grantee: publicGroup("global/AuthenticatedUsers") },
            ],
          },
        }),
      ],
      wrong: [
        "the access list has a grant for AllUsers",
        "the access list has a grant for AuthenticatedUsers",
        "the bucket has no public access block",
      ],
    },
    {
      scope: "aws",
      title: "a policy for everybody",
      resources: [bucketPolicy({ Effect: "Allow" }), bucketPolicy({ Effect: "Allow", Principal: { AWS: ["*"] } })],
      wrong: ["the bucket policy allows everybody something", "the bucket policy allows everybody something"],
    },
    {
      scope: "aws",
      title: "a whole access block, grants and policies that name who",
      resources: [
        grantingBucket({ type: "CanonicalUser", id: "0123" }),
        accessBlock({}),
        bucketAcl({ acl: "private" }),
        bucketAcl({
          accessControlPolicy: {
            owner: { id: "0123" },
            grants: [{ permission: "WRITE", grantee: publicGroup("s3/LogDelivery") }],
          },
        }),
        bucketPolicy({}),
        bucketPolicy({ Effect: "Allow", Principal: { AWS: "arn:aws:iam::123456789012:role/reader" } }),
      ],
      wrong: [],
    },
    {
      scope: "digitalocean",
      title: "a public access list",
      resources: [spacesBucket({ acl: "public-read" }), spacesObject({ acl: "public-read" })],
      wrong: ['the access list is "public-read"', 'the access list is "public-read"'],
    },
    {
      scope: "digitalocean",
      title: "a policy for everybody, or that cannot be read",
      resources: [
        spacesPolicy(allowing({ Principal: "*" })),
        spacesPolicy(allowing({ Principal: { AWS: "*" } })),
        spacesPolicy(allowing({ NotPrincipal: { AWS: "arn:aws:iam:::user/guest" } })),
        spacesPolicy("no JSON"),
      ],
      wrong: [
        "the bucket policy allows everybody something",
        "the bucket policy allows everybody something",
        "the bucket policy allows everybody something",
        "the bucket policy is not JSON",
      ],
    },
    {
      scope: "digitalocean",
      title: "private, said or not, and a policy that names who",
      resources: [
        spacesBucket({}),
        spacesObject({ acl: "private" }),
        spacesPolicy(allowing({ Principal: { AWS: "arn:aws:iam:::user/reader" } })),
        spacesPolicy(JSON.stringify({ Statement: { Effect: "Deny", Principal: "*", Action: "s3:*", Resource: "*" } })),
      ],
      wrong: [],
    },
  ],
  "tls-only-buckets": [
    { scope: "aws", title: "no policy", resources: [bucket], wrong: ["the bucket has no bucket policy"] },
    {
      scope: "aws",
      title: "policies that let something through",
      resources: [
        bucket,
        bucketPolicy({ Effect: "Allow" }),
        bucketPolicy({ Action: "s3:GetObject" }),
        bucketPolicy({ Principal: { AWS: "arn:aws:iam::123456789012:root" } }),
        bucketPolicy({ Condition: { Bool: { "aws:SecureTransport": "true" } } }),
        ofBucket("aws:s3/bucketPolicy:BucketPolicy", { policy: "no JSON" }),
      ],
      wrong: Array.from({ length: 5 }, () => "the bucket policy does not refuse requests without TLS"),
    },
    {
      scope: "aws",
      title: "policies for a part of the bucket, or another",
      resources: [
        bucket,
        ...[["arn:aws:s3:::it"], ["arn:aws:s3:::it/*"], "arn:aws:s3:::it/public/*", undefined].map((Resource) =>
          bucketPolicy({ Resource }),
        ),
        bucketPolicy({ Resource: ["arn:aws:s3:::other", "arn:aws:s3:::other/*"] }),
      ],
      wrong: Array.from({ length: 5 }, () => "the bucket policy does not refuse requests without TLS"),
    },
    {
      scope: "aws",
      title: "policies with a further condition",
      resources: [
        bucket,
        bucketPolicy({ Condition: { ...withoutTls, StringEquals: { "aws:SourceVpc": "vpc-0123" } } }),
        bucketPolicy({ Condition: { Bool: { ...withoutTls.Bool, "aws:ViaAWSService": "true" } } }),
        bucketPolicy({ Condition: { IpAddress: { "aws:SourceIp": "203.0.113.7/32" } } }),
        bucketPolicy({ Condition: undefined }),
      ],
      wrong: Array.from({ length: 4 }, () => "the bucket policy does not refuse requests without TLS"),
    },
    {
      scope: "aws",
      title: "the policy of another bucket, which names this one",
      resources: [bucket, ofAnother(bucketPolicy({}))],
      wrong: ["the bucket has no bucket policy"],
    },
    { scope: "aws", title: "a policy", resources: [bucket, bucketPolicy({})], wrong: [] },
    {
      scope: "aws",
      title: "the same written otherwise",
      resources: [
        bucket,
        bucketPolicy({
          Principal: { AWS: ["*"] },
          Action: ["s3:*"],
          Condition: { Bool: { "aws:SecureTransport": [false] } },
        }),
        bucketPolicy({ Resource: "*" }),
        bucketPolicy({ Resource: ["arn:aws-cn:s3:::it/*", "arn:aws-cn:s3:::it"] }),
      ],
      wrong: [],
    },
  ],
  imdsv2: [
    {
      scope: "aws",
      title: "what AWS does unasked",
      resources: [instance({})],
      wrong: ["the metadata service answers without a session token", "the metadata service has no hop limit"],
    },
    {
      scope: "aws",
      title: "too far",
      resources: [instance({ metadataOptions: { httpTokens: "required", httpPutResponseHopLimit: 2 } })],
      wrong: ["the metadata service has a hop limit of 2"],
    },
    {
      scope: "aws",
      title: "a launch template",
      resources: [resource("aws:ec2/launchTemplate:LaunchTemplate", {}), resource("aws:ec2/vpc:Vpc", {})],
      wrong: ["the metadata service answers without a session token", "the metadata service has no hop limit"],
    },
    {
      scope: "aws",
      title: "tokens and one hop",
      resources: [instance({ metadataOptions: { httpTokens: "required", httpPutResponseHopLimit: 1 } })],
      wrong: [],
    },
  ],
  "user-data-limit": [
    {
      scope: "aws",
      title: "a byte too many before base64",
      resources: [instance({ userDataBase64: Buffer.alloc(16_385).toString("base64") })],
      wrong: ["the user-data has 16385 bytes, and 16384 fit"],
    },
    {
      scope: "aws",
      title: "exactly as many as fit",
      resources: [
        instance({ userDataBase64: Buffer.alloc(16_384).toString("base64") }),
        instance({ userData: "x".repeat(16_384) }),
        instance({}),
      ],
      wrong: [],
    },
    {
      scope: "digitalocean",
      title: "a byte too many",
      resources: [droplet({ userData: "é".repeat(32_769) })],
      wrong: ["the user-data has 65538 bytes, and 65536 fit"],
    },
    {
      scope: "digitalocean",
      title: "exactly as many",
      resources: [droplet({ userData: "x".repeat(65_536) })],
      wrong: [],
    },
  ],
  "user-data-secrets": [
    {
      scope: "aws",
      title: "a key, packed",
      resources: [
        instance({
          userDataBase64: gzipSync("-----BEGIN EC PRIVATE KEY-----\nfake\n").toString("base64"),
        }),
      ],
      wrong: ["the user-data holds a private key"],
    },
    {
      scope: "aws",
      title: "a secret file, plain",
      resources: [instance({ userData: 'write_files:\n  - path: "/etc/webinfra/secrets/app.env"\n' })],
      wrong: ["the user-data holds a file of secrets"],
    },
    {
      scope: "aws",
      title: "what cannot be looked into",
      resources: [instance({ userDataBase64: Buffer.from([0x1f, 0x8b, 1, 2, 3]).toString("base64") })],
      wrong: ["the user-data cannot be unpacked"],
    },
    {
      scope: "aws",
      title: "certificates, and a mention of the folder",
      resources: [
        instance({
          userDataBase64: gzipSync(
            "-----BEGIN CERTIFICATE-----\nfake\nruncmd: [fetch-secrets, /etc/webinfra/secrets]\n",
          ).toString("base64"),
        }),
      ],
      wrong: [],
    },
  ],
  "protected-data": [
    {
      scope: "aws",
      title: "not protected",
      resources: [awsVolume({})],
      wrong: ["the data volume is not protected"],
    },
    {
      scope: "aws",
      title: "not protected, but no production",
      resources: [awsVolume({})],
      site: { production: false },
      wrong: [],
    },
    {
      scope: "aws",
      title: "protected",
      resources: [awsVolume({}, { protect: true })],
      wrong: [],
    },
    {
      scope: "digitalocean",
      title: "not protected",
      resources: [resource("digitalocean:index/volume:Volume", {})],
      wrong: ["the data volume is not protected"],
    },
    {
      scope: "digitalocean",
      title: "protected",
      resources: [resource("digitalocean:index/volume:Volume", {}, { protect: true })],
      wrong: [],
    },
  ],
  "production-balancers": [
    { scope: "site", title: "one", site: { balancers: 1 }, wrong: ["the site has 1 load balancer"] },
    { scope: "site", title: "two", site: { balancers: 2 }, wrong: [] },
    { scope: "site", title: "one, but no production", site: { balancers: 1, production: false }, wrong: [] },
  ],
  "production-databases": [
    { scope: "site", title: "two", site: { databases: 2 }, wrong: ["the site has 2 databases"] },
    { scope: "site", title: "three", site: { databases: 3 }, wrong: [] },
    { scope: "site", title: "one, but no production", site: { databases: 1, production: false }, wrong: [] },
  ],
  "production-https": [
    { scope: "site", title: "none", site: { https: false }, wrong: ["the site is not served over HTTPS"] },
    { scope: "site", title: "HTTPS", wrong: [] },
    { scope: "site", title: "none, but no production", site: { https: false, production: false }, wrong: [] },
  ],
  "production-backups": [
    { scope: "site", title: "none", site: { backups: false }, wrong: ["the databases are not backed up"] },
    { scope: "site", title: "backups", wrong: [] },
    { scope: "site", title: "none, but no production", site: { backups: false, production: false }, wrong: [] },
  ],
  "production-monitoring": [
    { scope: "site", title: "none", site: { monitoring: false }, wrong: ["the site is not monitored"] },
    { scope: "site", title: "no receiver", site: { alertReceiver: false }, wrong: ["alerts have no receiver"] },
    { scope: "site", title: "both", wrong: [] },
    { scope: "site", title: "none, but no production", site: { monitoring: false, production: false }, wrong: [] },
  ],
  "allowed-regions": [
    {
      scope: "site",
      title: "another one",
      site: { region: "us-east-1", policy: { waivers: {}, regions: ["eu-central-1", "eu-west-1"] } },
      wrong: ['the region is "us-east-1", and allowed are eu-central-1, eu-west-1'],
    },
    {
      scope: "site",
      title: "one of the list",
      site: { policy: { waivers: {}, regions: ["eu-central-1"] } },
      wrong: [],
    },
    { scope: "site", title: "no list", wrong: [] },
    {
      scope: "site",
      title: "no region",
      site: { region: null, policy: { waivers: {}, regions: ["fra1"] } },
      wrong: [],
    },
  ],
  "allowed-sizes": [
    {
      scope: "site",
      title: "one that is not on the list",
      site: { policy: { waivers: {}, sizes: ["t3.small"] } },
      wrong: ['the size "t3.medium" is not one of t3.small'],
    },
    {
      scope: "site",
      title: "no list, and no price",
      site: { platform: "digitalocean", sizes: ["s-1vcpu-2gb", "x-99vcpu"] },
      wrong: ['the size "x-99vcpu" has no price in the price table'],
    },
    {
      scope: "site",
      title: "on the list, with no price",
      site: { sizes: ["x9.large"], policy: { waivers: {}, sizes: ["x9.large"] } },
      wrong: [],
    },
    { scope: "site", title: "with a price", wrong: [] },
    { scope: "site", title: "incus", site: { platform: "incus", sizes: [], monthlyUsd: null }, wrong: [] },
  ],
  "monthly-cost": [
    {
      scope: "site",
      title: "over the ceiling",
      site: { monthlyUsd: 232.4, policy: { waivers: {}, monthlyUsd: 200 } },
      wrong: ["the estimate is $232.40 a month, and the ceiling is $200.00"],
    },
    {
      scope: "site",
      title: "not known",
      site: { monthlyUsd: null, policy: { waivers: {}, monthlyUsd: 200 } },
      wrong: ["the cost is not known, and the ceiling is $200.00: not everything has a price (see `webinfra review`)"],
    },
    {
      scope: "site",
      title: "just the ceiling",
      site: { monthlyUsd: 200, policy: { waivers: {}, monthlyUsd: 200 } },
      wrong: [],
    },
    { scope: "site", title: "no ceiling", site: { monthlyUsd: 1e6 }, wrong: [] },
  ],
};

describe("policy: rules", () => {
  for (const rule of rules) {
    for (const { scope, title, resources = [], site = {}, wrong } of cases[rule.name] ?? []) {
      it(`${rule.name} (${scope}) ${wrong.length === 0 ? "allows" : "refuses"}: ${title}`, () => {
        assert.deepEqual(violations(rule, resources, site), wrong);
      });
    }
  }

  it("has a violating and a compliant case of every rule and platform, and no others", () => {
    const kinds = (scope: Scope, of: readonly Case[]) =>
      [true, false].filter((kept) => of.some((one) => one.scope === scope && (one.wrong.length === 0) === kept)).length;
    assert.deepEqual(
      rules.flatMap(({ name, scopes }) => scopes.map((scope) => [name, scope, kinds(scope, cases[name] ?? [])])),
      rules.flatMap(({ name, scopes }) => scopes.map((scope) => [name, scope, 2])),
    );
    assert.deepEqual(Object.keys(cases).sort(), rules.map(({ name }) => name).sort());
  });

  it("finds the secret files of every host in user-data, and none where they go through the channel", () => {
    const rule = rules.find(({ name }) => name === "user-data-secrets")!;
    const found = (view: HostView) =>
      violations(rule, [instance({ userDataBase64: platforms.aws.traits.userData.encode(userDataOf(view)) })]);
    const holders = viewsOf(devConfig()).filter((view) => secretFilesOf(view).length > 0);
    assert.deepEqual(
      holders.map(({ host }) => host.name),
      ["lb-1", "web-1", "web-2", "db-1", "db-2"],
    );
    for (const view of holders) {
      for (const { path } of secretFilesOf(view)) {
        const userData = `write_files:\n  - path: ${path}\n`;
        assert.deepEqual(violations(rule, [instance({ userData })]), ["the user-data holds a file of secrets"], path);
      }
      assert.ok(found(view).includes("the user-data holds a file of secrets"), view.host.name);
      assert.deepEqual(found({ ...view, traits: { ...view.traits, secretsThrough: "channel" } }), [], view.host.name);
    }
  });

  it("name types of resources that the providers have", () => {
    const folder = resolve(__dirname, "../../policy");
    const sources = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
    const types = sources.flatMap((file) =>
      [...readFileSync(join(folder, file), "utf8").matchAll(/"((aws|digitalocean):(\w+)\/(\w+):\w+)"/g)].map(
        ([, type = "", provider = "", module = "", name = ""]) => ({
          type,
          file: `@pulumi/${provider}/${module === "index" ? "" : `${module}/`}${name}`,
        }),
      ),
    );
    assert.ok(types.length > 30);
    for (const { type, file } of types) {
      assert.ok(readFileSync(require.resolve(file), "utf8").includes(`__pulumiType = '${type}'`), type);
    }
  });

  it("have names and texts that can be printed in one line", () => {
    for (const { name, description, remediation } of rules) {
      assert.match(name, /^[a-z0-9]+(-[a-z0-9]+)*$/);
      assert.match(description, /^[A-Z][^\n]+\.$/, name);
      assert.match(remediation, /^[a-z][^\n]+[^.\n]$/, name);
    }
    assert.equal(new Set(rules.map(({ name }) => name)).size, rules.length);
  });
});

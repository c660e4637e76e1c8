import { isIPv6 } from "node:net";
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { rolePorts } from "../../roles/ports";
import { RoleName, roleNames, roleWords } from "../../topology/types";
import { AwsContext, optionsOf, tagsOf } from "./context";
import { Network } from "./network";
import { awsTraits } from "./traits";

/** What lets traffic through. */
export interface Firewall {
  /** A group a role that some host has. A host is in those of its roles: at most five, which is what EC2 allows. */
  readonly groups: ReadonlyMap<RoleName, aws.ec2.SecurityGroup>;
  readonly rules: readonly pulumi.Resource[];
}

/** Characters that a description may not have (EC2 API reference, `IpRange`). */
const foreign = /[^a-zA-Z0-9. _\-:/()#,@[\]+=&;{}!$*]/g;
const described = (text: string): string => text.replace(foreign, "");

/** Where packages, keys and images come from, beside the private network. Name servers and clocks of AWS are never filtered. */
const outwards = [
  { port: 80, description: "packages by HTTP, which are signed" },
  { port: 443, description: "packages, keys and the APIs of AWS by HTTPS" },
] as const;

interface Rule {
  readonly name: string;
  readonly port: number;
  readonly description: string;
  readonly peer: Pick<aws.vpc.SecurityGroupIngressRuleArgs, "cidrIpv4" | "cidrIpv6" | "referencedSecurityGroupId">;
}

/** A security group a role, with a rule for each flow that the roles declare and for nothing else. */
export function makeFirewall(context: AwsContext, network: Network): Firewall {
  const { stack, config, topology } = context;
  const options = optionsOf(context);
  const ports = rolePorts({ topology, settings: config, traits: awsTraits.hosts });
  const present = roleNames.filter((role) => ports.has(role));
  const groups = new Map(
    present.map((role) => {
      const word = roleWords[role];
      const description = described(`webinfra ${stack}: hosts with the role ${role}`);
      const tags = tagsOf(context, word, { role });
      return [role, new aws.ec2.SecurityGroup(word, { vpcId: network.vpcId, description, tags }, options)];
    }),
  );
  const fromRole = (role: RoleName): Rule["peer"] => {
    const group = groups.get(role);
    return group ? { referencedSecurityGroupId: group.id } : {};
  };

  const flowsTo = (role: RoleName): readonly Rule[] =>
    (ports.get(role) ?? []).flatMap(({ port, from, description }) =>
      from === "world"
        ? [{ name: "world", port, description: `${description}, from everywhere`, peer: { cidrIpv4: "0.0.0.0/0" } }]
        : from.map((one) => ({
            name: roleWords[one],
            port,
            description: `${description}, from ${one}`,
            peer: fromRole(one),
          })),
    );
  const sshFlows: readonly Rule[] = (config.ssh?.allowedCidrs ?? []).map((cidr) => ({
    // Not its place in the list: another range must never be opened and closed under one name.
    name: cidr.replace(/[^0-9a-f]/g, "-"),
    port: 22,
    description: `SSH, from ${cidr}`,
    peer: isIPv6(cidr.split("/", 1).join()) ? { cidrIpv6: cidr } : { cidrIpv4: cidr },
  }));

  const rules = [...groups].flatMap(([role, group]) => {
    const word = roleWords[role];
    const common = { securityGroupId: group.id, ipProtocol: "tcp" };
    const ingress = [...flowsTo(role), ...sshFlows].map(({ name, port, description, peer }) => {
      const full = `${word}-${String(port)}-from-${name}`;
      return new aws.vpc.SecurityGroupIngressRule(
        full,
        {
          ...common,
          ...peer,
          fromPort: port,
          toPort: port,
          description: described(description),
          tags: tagsOf(context, full, { role }),
        },
        options,
      );
    });
    const egress = (name: string, args: Partial<aws.vpc.SecurityGroupEgressRuleArgs>) => {
      const full = `${word}-to-${name}`;
      return new aws.vpc.SecurityGroupEgressRule(
        full,
        { ...common, ...args, tags: tagsOf(context, full, { role }) },
        options,
      );
    };
    return [
      ...ingress,
      ...outwards.map(({ port, description }) =>
        egress(`world-${String(port)}`, {
          cidrIpv4: "0.0.0.0/0",
          fromPort: port,
          toPort: port,
          description: described(description),
        }),
      ),
      egress("network", {
        cidrIpv4: network.cidr,
        ipProtocol: "-1",
        description: "other hosts, which have their own rules",
      }),
    ];
  });
  return { groups, rules };
}

import type { CheckedResource, Rule } from "../rule";
import { list, record } from "../values";

const ruleTypes = [
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
  "aws:ec2/securityGroupRule:SecurityGroupRule",
];

const isDescribed = (value: unknown): boolean => typeof value === "string" && value.trim() !== "";

function check({ type, props }: CheckedResource): readonly string[] {
  if (ruleTypes.includes(type)) {
    return isDescribed(props["description"]) ? [] : ["the rule has no description"];
  }
  if (type !== "aws:ec2/securityGroup:SecurityGroup") {
    return [];
  }
  const inline = [...list(props["ingress"]), ...list(props["egress"])].filter(
    (rule) => !isDescribed(record(rule)["description"]),
  );
  return [
    // The provider fills in "Managed by Pulumi".
    ...(isDescribed(props["description"]) && props["description"] !== "Managed by Pulumi"
      ? []
      : ["the group has no description"]),
    ...inline.map(() => "a rule of the group has no description"),
  ];
}

export const describedRules: Rule = {
  name: "described-rules",
  description: "Security groups and their rules say what they are for.",
  remediation: "set a description",
  // Rules of DigitalOcean firewalls have none.
  scopes: ["aws"],
  checkResource: check,
};

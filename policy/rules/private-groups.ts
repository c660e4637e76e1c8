import { ingressText, worldIngress } from "../ingress";
import { privateRolesOf, reachBesideBalancers, rolesOf } from "../labels";
import type { CheckedResource, PlannedResource, Rule, Violation } from "../rule";

function phrases(resource: CheckedResource, reached: readonly string[]): readonly string[] {
  return worldIngress(resource).map((ingress) => `lets ${ingressText(ingress)} reach ${reached.join(" and ")}`);
}

/** What a resource's own label says. */
function checkResource(resource: CheckedResource): readonly string[] {
  const reached = worldIngress(resource).length === 0 ? [] : reachBesideBalancers(resource);
  return reached.length === 0 ? [] : phrases(resource, reached);
}

/** Rules that are labelled well and open a group that is not. Which group it is, is known before its id is. The older rules have no label at all. */
function rulesElsewhere(resources: readonly PlannedResource[]): readonly Violation[] {
  return resources
    .filter(({ type }) => type === "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
    .filter((one) => reachBesideBalancers(one).length === 0)
    .flatMap((one) => {
      const groups = resources.filter(({ urn }) => one.propertyDependencies["securityGroupId"]?.includes(urn));
      const reached = groups.flatMap(reachBesideBalancers);
      return reached.length === 0 ? [] : phrases(one, reached).map((what) => ({ urn: one.urn, what }));
    });
}

/** Private hosts in groups of load balancers. One that is a load balancer too is refused as a host already. */
function hostsAmongBalancers(resources: readonly PlannedResource[]): readonly Violation[] {
  const open = resources
    .filter((one) => one.type === "aws:ec2/securityGroup:SecurityGroup" && rolesOf(one).includes("loadBalancer"))
    .map(({ urn }) => urn);
  return resources
    .filter(({ type }) => type === "aws:ec2/instance:Instance")
    .filter((one) => one.propertyDependencies["vpcSecurityGroupIds"]?.some((urn) => open.includes(urn)))
    .filter((one) => privateRolesOf(one).length > 0 && !rolesOf(one).includes("loadBalancer"))
    .map((one) => ({
      urn: one.urn,
      what: `a host with the role ${privateRolesOf(one).join(" and ")} is in a group of load balancers`,
    }));
}

export const privateGroups: Rule = {
  name: "private-groups",
  description: "No security group or firewall is open to the internet but those of load balancers alone.",
  remediation:
    "name the groups or tags of the roles that need it as the source; what is open is for load balancers alone, and labelled so",
  scopes: ["aws", "digitalocean"],
  checkResource,
  checkStack: (resources) => [...rulesElsewhere(resources), ...hostsAmongBalancers(resources)],
};

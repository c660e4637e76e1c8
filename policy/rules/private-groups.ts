import { ingressText, worldIngress } from "../ingress";
import { privateRolesOf } from "../labels";
import type { Rule } from "../rule";

export const privateGroups: Rule = {
  name: "private-groups",
  description: "No security group or firewall of databases and application servers is open to the internet.",
  remediation: "name the groups or tags of the roles that need it as the source",
  scopes: ["aws", "digitalocean"],
  checkResource: (resource) => {
    const roles = privateRolesOf(resource);
    return roles.length === 0
      ? []
      : worldIngress(resource).map((ingress) => `lets ${ingressText(ingress)} reach ${roles.join(" and ")}`);
  },
};

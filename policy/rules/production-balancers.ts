import type { Rule } from "../rule";

export const productionBalancers: Rule = {
  name: "production-balancers",
  description: "A production site has at least two load balancers.",
  remediation: "set `webinfra:topology` to custom and list two hosts with the role loadBalancer in `webinfra:hosts`",
  scopes: ["site"],
  checkSite: ({ production, balancers }) =>
    production && balancers < 2 ? [`the site has ${String(balancers)} load balancer${balancers === 1 ? "" : "s"}`] : [],
};

import { counted } from "../../core/words";
import type { Rule } from "../rule";

export const productionBalancers: Rule = {
  name: "production-balancers",
  description: "A production site has at least two load balancers.",
  remediation:
    "webinfra cannot put two behind one address yet: waive the rule, with what stands in for it as the reason",
  scopes: ["site"],
  checkSite: ({ production, balancers }) =>
    production && balancers < 2 ? [`the site has ${counted(balancers, "load balancer")}`] : [],
};

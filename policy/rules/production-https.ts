import type { Rule } from "../rule";

export const productionHttps: Rule = {
  name: "production-https",
  description: "A production site is served over HTTPS.",
  remediation: "webinfra cannot do this yet: waive the rule, with what stands in for it as the reason",
  scopes: ["site"],
  checkSite: ({ production, https }) => (production && !https ? ["the site is not served over HTTPS"] : []),
};

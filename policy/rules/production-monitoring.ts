import type { Rule } from "../rule";

export const productionMonitoring: Rule = {
  name: "production-monitoring",
  description: "A production site is monitored, and its alerts reach somebody.",
  remediation: "webinfra cannot do this yet: waive the rule, with what stands in for it as the reason",
  scopes: ["site"],
  checkSite: ({ production, monitoring, alertReceiver }) => {
    if (!production || (monitoring && alertReceiver)) {
      return [];
    }
    return [monitoring ? "alerts have no receiver" : "the site is not monitored"];
  },
};

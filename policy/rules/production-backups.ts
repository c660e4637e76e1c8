import type { Rule } from "../rule";

export const productionBackups: Rule = {
  name: "production-backups",
  description: "The databases of a production site are backed up.",
  remediation: "webinfra cannot do this yet: waive the rule, with what stands in for it as the reason",
  scopes: ["site"],
  checkSite: ({ production, backups }) => (production && !backups ? ["the databases are not backed up"] : []),
};

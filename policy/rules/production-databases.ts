import { counted } from "../../core/words";
import type { Rule } from "../rule";

export const productionDatabases: Rule = {
  name: "production-databases",
  description: "A production site has at least three databases.",
  remediation: "set `webinfra:replicas` to 2 or more",
  scopes: ["site"],
  checkSite: ({ production, databases }) =>
    production && databases < 3 ? [`the site has ${counted(databases, "database")}`] : [],
};

import type { Rule } from "../rule";

export const allowedRegions: Rule = {
  name: "allowed-regions",
  description: "The site is in a region that the stack may use.",
  remediation: "choose one of `webinfra:policy.regions`, or add this one there",
  scopes: ["site"],
  checkSite: ({ region, policy: { regions } }) =>
    region === null || regions === undefined || regions.includes(region)
      ? []
      : [`the region is "${region}", and allowed are ${regions.join(", ") || "none"}`],
};

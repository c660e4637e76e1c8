import type { Rule } from "../rule";

export const allowedSizes: Rule = {
  name: "allowed-sizes",
  description: "Hosts have sizes that the stack may use; with no list, those that have a price.",
  remediation: "choose an allowed size, or list this one in `webinfra:policy.sizes`",
  scopes: ["site"],
  checkSite: ({ platform, sizes, monthlyUsd, policy }) => {
    if (policy.sizes === undefined) {
      return platform !== "incus" && monthlyUsd === null
        ? [`one of the sizes ${sizes.join(", ")} has no price in the price table`]
        : [];
    }
    const { sizes: allowed } = policy;
    return sizes
      .filter((size) => !allowed.includes(size))
      .map((size) => `the size "${size}" is in use, and allowed are ${allowed.join(", ") || "none"}`);
  },
};

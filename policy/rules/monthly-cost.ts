import type { Rule } from "../rule";

const dollars = (amount: number): string => `$${amount.toFixed(2)}`;

export const monthlyCost: Rule = {
  name: "monthly-cost",
  description: "By the price table, the stack costs no more a month than it may.",
  remediation: "choose smaller or fewer hosts, or raise `webinfra:policy.monthlyUsd`",
  scopes: ["site"],
  checkSite: ({ platform, monthlyUsd, policy: { monthlyUsd: ceiling } }) => {
    if (ceiling === undefined || platform === "incus") {
      return [];
    }
    if (monthlyUsd === null) {
      return [
        `the cost is not known, and the ceiling is ${dollars(ceiling)}: not everything has a price (see \`webinfra review\`)`,
      ];
    }
    return monthlyUsd <= ceiling
      ? []
      : [`the estimate is ${dollars(monthlyUsd)} a month, and the ceiling is ${dollars(ceiling)}`];
  },
};

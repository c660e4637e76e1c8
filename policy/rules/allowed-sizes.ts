import { awsPrices, digitaloceanPrices } from "../../review/cost/prices";
import type { SiteSummary } from "../../review/summary";
import type { Rule } from "../rule";

/** The sizes that have a price; none where nothing has a size. */
const priced: Readonly<Record<SiteSummary["platform"], readonly string[]>> = {
  incus: [],
  aws: Object.keys(awsPrices.instanceHour),
  digitalocean: Object.keys(digitaloceanPrices.dropletMonth),
};

export const allowedSizes: Rule = {
  name: "allowed-sizes",
  description: "Hosts have sizes that the stack may use; with no list, those of the price table.",
  remediation: "choose an allowed size, or list this one in `webinfra:policy.sizes`",
  scopes: ["site"],
  checkSite: ({ platform, sizes, policy }) => {
    const allowed = policy.sizes ?? priced[platform];
    const why = policy.sizes ? `is not one of ${policy.sizes.join(", ") || "none"}` : "has no price in the price table";
    return sizes.filter((size) => !allowed.includes(size)).map((size) => `the size "${size}" ${why}`);
  },
};

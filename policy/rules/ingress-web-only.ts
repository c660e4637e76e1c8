import { ingressText, worldIngress } from "../ingress";
import type { Rule } from "../rule";

const web = [80, 443];

export const ingressWebOnly: Rule = {
  name: "ingress-web-only",
  description: "From the internet, nothing but TCP ports 80 and 443 is open.",
  remediation: "name the group, tag or address range that needs it as the source",
  scopes: ["aws", "digitalocean"],
  checkResource: (resource) =>
    worldIngress(resource)
      .filter(({ protocol, from, to }) => protocol !== "tcp" || from !== to || !web.includes(from))
      .map((ingress) => `lets in ${ingressText(ingress)}`),
};

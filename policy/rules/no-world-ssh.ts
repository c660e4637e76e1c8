import { ingressText, worldIngress } from "../ingress";
import type { Rule } from "../rule";

const ssh = 22;

export const noWorldSsh: Rule = {
  name: "no-world-ssh",
  description: "SSH is not open to the internet.",
  remediation: "set `webinfra:ssh.allowedCidrs` to the address ranges that administer the site, or leave SSH closed",
  scopes: ["aws", "digitalocean"],
  checkResource: (resource) =>
    worldIngress(resource)
      .filter(({ protocol, from, to }) => (protocol === "tcp" || protocol === "-1") && from <= ssh && ssh <= to)
      .map((ingress) => `opens SSH with ${ingressText(ingress)}`),
};

import type { Rule } from "../rule";

const volumes = ["aws:ebs/volume:Volume", "digitalocean:index/volume:Volume"];

export const protectedData: Rule = {
  name: "protected-data",
  description: "In production, data volumes are protected from deletion.",
  remediation: "leave `webinfra:mysql.protect` out, or set it to true",
  scopes: ["aws", "digitalocean"],
  checkResource: ({ type, protect }, site) =>
    site?.production === true && volumes.includes(type) && !protect ? ["the data volume is not protected"] : [],
};

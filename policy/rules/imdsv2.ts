import type { Rule } from "../rule";
import { record } from "../values";

const hops = (limit: unknown): string =>
  typeof limit === "number" ? `a hop limit of ${String(limit)}` : "no hop limit";

export const imdsv2: Rule = {
  name: "imdsv2",
  description: "The metadata service answers session tokens alone, and no further than the host itself.",
  remediation: "set httpTokens to required and httpPutResponseHopLimit to 1 in the instance's metadataOptions",
  scopes: ["aws"],
  checkResource: ({ type, props }) => {
    if (type !== "aws:ec2/instance:Instance" && type !== "aws:ec2/launchTemplate:LaunchTemplate") {
      return [];
    }
    const options = record(props["metadataOptions"]);
    const limit = options["httpPutResponseHopLimit"];
    return [
      ...(options["httpTokens"] === "required" ? [] : ["the metadata service answers without a session token"]),
      ...(limit === 1 ? [] : [`the metadata service has ${hops(limit)}`]),
    ];
  },
};

import type { CheckedResource, Rule } from "../rule";
import { list, record } from "../values";

const isEncrypted = (disk: unknown): boolean => record(disk)["encrypted"] === true;

function check({ type, props }: CheckedResource): readonly string[] {
  if (type === "aws:ebs/volume:Volume") {
    return props["encrypted"] === true ? [] : ["the volume is not encrypted"];
  }
  if (type !== "aws:ec2/instance:Instance") {
    return [];
  }
  return [
    ...(isEncrypted(props["rootBlockDevice"]) ? [] : ["the root volume is not encrypted"]),
    ...list(props["ebsBlockDevices"])
      .filter((disk) => !isEncrypted(disk))
      .map((disk) => `the volume ${String(record(disk)["deviceName"])} is not encrypted`),
  ];
}

export const encryptedVolumes: Rule = {
  name: "encrypted-volumes",
  description: "Volumes are encrypted.",
  remediation: "set encrypted to true",
  // DigitalOcean encrypts every volume; there is nothing to set.
  scopes: ["aws"],
  checkResource: check,
};

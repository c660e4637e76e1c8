import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { AwsContext, optionsOf } from "./context";

/** Debian's own account (wiki.debian.org/Cloud/AmazonEC2Image). */
const debian = "136693071363";

/** Id of the image of new machines: Debian's newest Debian 13 unless the stack names one. */
export function imageOf(context: AwsContext): pulumi.Input<string> {
  return (
    context.config.aws.image ??
    aws.ec2.getAmiOutput(
      {
        owners: [debian],
        mostRecent: true,
        // Daily and backports images have other words in their names.
        nameRegex: String.raw`^debian-13-amd64-\d+-\d+$`,
        filters: [
          { name: "name", values: ["debian-13-amd64-*"] },
          { name: "architecture", values: ["x86_64"] },
          { name: "virtualization-type", values: ["hvm"] },
          { name: "root-device-type", values: ["ebs"] },
          { name: "state", values: ["available"] },
        ],
      },
      optionsOf(context),
    ).id
  );
}

/** What only the platform `aws` knows, in a stack's configuration: `webinfra:aws`. */
import { z } from "zod";
import { matching, oneOf, whenSound } from "../../core/schema";
import { hostsVolumes, perRole } from "../schema";

export const awsSchema = z
  .strictObject({
    region: matching(/^[a-z]{2}(-[a-z]+)+-\d$/, "an AWS region, such as eu-central-1")
      .default("us-east-1")
      .meta({ description: "The region." }),
    zones: z
      .array(matching(/^[a-z]{2}(-[a-z]+)+-\d[a-z]$/, "an availability zone, such as eu-central-1a"))
      .min(2, "should name at least two availability zones")
      .optional()
      .meta({
        description:
          "Availability zones that the hosts of each role are spread over, by their numbers. Default: `a` and `b` of the region.",
      }),
    accountId: matching(/^\d{12}$/, 'an AWS account\'s 12 digits in quotes, such as "123456789012"')
      .optional()
      .meta({ description: "Refuse to work in another account than this one." }),
    instanceTypes: perRole(/^[a-z][a-z0-9-]*\.[a-z0-9-]+$/, "an EC2 instance type, such as t3.small", {
      loadBalancer: "t3.small",
      webServer: "t3.small",
      appServer: "t3.small",
      database: "t3.medium",
      monitor: "t3.small",
    })
      .prefault({})
      .meta({ description: "EC2 instance types (x86-64, Nitro), a role." }),
    image: matching(/^ami-[0-9a-f]{8,17}$/, "an image's id, such as ami-0123456789abcdef0")
      .optional()
      .meta({
        description:
          "The Debian 13 image of new machines. Default: Debian's newest at the time a machine is first made; a later one never replaces it unasked.",
      }),
    nat: oneOf(["none", "single", "per-zone"]).default("single").meta({
      description:
        "How private hosts reach the internet: one NAT gateway, one a zone, or none, which needs an `image` that holds all packages.",
    }),
    vpc: z
      .strictObject({
        id: matching(/^vpc-[0-9a-f]{8,17}$/, "a VPC's id, such as vpc-0123456789abcdef0").meta({
          description: "Its id.",
        }),
        publicSubnets: z
          .array(matching(/^subnet-[0-9a-f]{8,17}$/, "a subnet's id, such as subnet-0123456789abcdef0"))
          .min(2, "should list at least two subnets")
          .meta({
            description: "For balancers: with a route to an internet gateway and public addresses, one a zone.",
          }),
        privateSubnets: z
          .array(matching(/^subnet-[0-9a-f]{8,17}$/, "a subnet's id, such as subnet-0123456789abcdef0"))
          .min(2, "should list at least two subnets")
          .meta({ description: "For all other hosts: with a way out to the internet and to S3, one a zone." }),
      })
      .optional()
      .meta({ description: "An existing VPC to use. Default: one of the stack's own." }),
    zoneId: matching(/^Z[A-Z0-9]{4,31}$/, "a Route 53 hosted zone's id, such as Z0123456789ABCDEFGHIJ")
      .optional()
      .meta({ description: "Route 53 hosted zone that gets the site's name. Default: no DNS record." }),
    volumes: hostsVolumes(/^vol-[0-9a-f]{8,17}$/, "a volume's id, such as vol-0123456789abcdef0"),
  })
  .superRefine(
    ({ region, zones, nat, image, vpc }, context) => {
      zones?.forEach((zone, index) => {
        if (!zone.startsWith(region)) {
          context.addIssue({
            code: "custom",
            path: ["zones", index],
            input: zone,
            message: `is not in the region ${region}: should be such as ${region}a`,
          });
        }
      });
      if (nat === "none" && image === undefined && vpc === undefined) {
        context.addIssue({
          code: "custom",
          path: ["nat"],
          input: nat,
          message:
            "private hosts could not install their packages: should be single or per-zone, or set aws.image to an image that holds all packages",
        });
      }
    },
    whenSound(["region"], ["zones"], ["nat"], ["image"], ["vpc"]),
  );

export type AwsSettings = z.output<typeof awsSchema>;

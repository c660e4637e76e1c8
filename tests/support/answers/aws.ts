/** What the AWS provider answers, with fixed values that follow from names alone. */
import { createHash } from "node:crypto";
import type { Answers, Calls } from "../program";

const account = "123456789012";
const arn = (service: string, region: string, resource: string): string =>
  `arn:aws:${service}:${region}:${account}:${resource}`;
/** The region of the tests' stacks is the default one. */
const ec2 = (resource: string): string => arn("ec2", "us-east-1", resource);

/** An id as EC2 gives them: the kind, and 17 hexadecimal digits that follow from the name. */
export const awsId = (kind: string, name: string): string =>
  `${kind}-${createHash("sha256").update(name).digest("hex").slice(0, 17)}`;

const withId =
  (kind: string, more: (id: string, name: string) => Readonly<Record<string, unknown>> = () => ({})) =>
  (name: string) => {
    const id = awsId(kind, name);
    return { id, ...more(id, name) };
  };

/** An address that follows from the host's name alone: `web-2` has 10.80.119.2. */
const addressOf = (name: string): string => `10.80.${String(name.charCodeAt(0))}.${name.split("-").at(-1) ?? "0"}`;

export const awsAnswers: Answers = {
  "aws:ec2/vpc:Vpc": withId("vpc", (id) => ({ arn: ec2(`vpc/${id}`) })),
  "aws:ec2/subnet:Subnet": withId("subnet"),
  "aws:ec2/internetGateway:InternetGateway": withId("igw"),
  "aws:ec2/natGateway:NatGateway": withId("nat"),
  "aws:ec2/routeTable:RouteTable": withId("rtb"),
  "aws:ec2/vpcEndpoint:VpcEndpoint": withId("vpce"),
  "aws:ec2/securityGroup:SecurityGroup": withId("sg"),
  "aws:ec2/eip:Eip": withId("eipalloc", (id) => ({
    allocationId: id,
    arn: ec2(`elastic-ip/${id}`),
    publicIp: "203.0.113.10",
  })),
  "aws:ec2/keyPair:KeyPair": (name) => ({ id: `${name}-0a1b2c3`, keyName: `${name}-0a1b2c3` }),
  "aws:ec2/instance:Instance": withId("i", (_id, name) => ({ privateIp: addressOf(name), publicIp: "198.51.100.1" })),
  "aws:ebs/volume:Volume": withId("vol"),
  "aws:s3/bucket:Bucket": (name) => {
    const bucket = `${name}-0a1b2c3`;
    return { id: bucket, bucket, arn: `arn:aws:s3:::${bucket}` };
  },
  "aws:iam/role:Role": (name) => ({ name: `${name}-0a1b2c3` }),
  "aws:iam/instanceProfile:InstanceProfile": (name) => ({ name: `${name}-0a1b2c3` }),
};

/** The id of the image that these arguments find. */
export const awsImage = (owner: string, nameRegex: string): string => awsId("ami", `${owner} ${nameRegex}`);

/** Zones on offer, of whatever region: the tests' stacks are in two. */
const awsZones = ["a", "b", "c", "d", "e", "f"]
  .map((letter) => `us-east-1${letter}`)
  .concat(["a", "b", "c"].map((letter) => `eu-central-1${letter}`));

/** The zone of an existing subnet is the last letter of its id. */
export const awsCalls: Calls = {
  "aws:ec2/getAmi:getAmi": ({ owners, nameRegex }) => ({ id: awsImage(String(owners), String(nameRegex)) }),
  "aws:index/getAvailabilityZones:getAvailabilityZones": () => ({ names: [...awsZones] }),
  "aws:ec2/getVpc:getVpc": ({ id }) => ({ id, arn: ec2(`vpc/${String(id)}`), cidrBlock: "172.31.0.0/16" }),
  "aws:ec2/getSubnet:getSubnet": ({ id }) => ({
    id,
    vpcId: "vpc-0a1b2c3d",
    cidrBlock: `172.31.${String(Number.parseInt(String(id).slice(-8), 16) % 256)}.0/24`,
    availabilityZone: `us-east-1${String(id).slice(-1)}`,
    mapPublicIpOnLaunch: true,
  }),
};

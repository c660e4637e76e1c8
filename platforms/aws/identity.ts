import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { TopologyHost } from "../../topology/types";
import { AwsContext, optionsOf, tagsOf } from "./context";

/** A statement of an IAM policy. */
interface Statement {
  readonly Sid: string;
  readonly Effect: "Allow";
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

const policyText = (statements: readonly Statement[]): string =>
  JSON.stringify({ Version: "2012-10-17", Statement: statements });

const trust = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" }],
});

/** Folders of the channel that every host lists. */
const listed = ["inventory", "pointers"];
/** What every host may read beside what is its own. */
const common = ["version", "inventory/*", "pointers/*", "packages/*", "releases/*"];

function channelStatements(host: string, bucket: string): readonly Statement[] {
  return [
    {
      Sid: "ReadChannel",
      Effect: "Allow",
      Action: "s3:GetObject",
      Resource: [...common, `definitions/${host}/*`, `settings/${host}.json`, `secrets/${host}.json`].map(
        (key) => `${bucket}/${key}`,
      ),
    },
    {
      Sid: "ListChannel",
      Effect: "Allow",
      Action: "s3:ListBucket",
      Resource: bucket,
      Condition: { StringLike: { "s3:prefix": listed.map((folder) => `${folder}/*`) } },
    },
  ];
}

/**
 * The balancer may move this one address to itself and to nothing else (Service Authorization Reference, "Actions, resources, and condition keys for
 * Amazon EC2": `AssociateAddress` is checked against the address, the instance and its interface).
 */
function addressStatements({ stack }: AwsContext, host: string, address: string, vpc: string): readonly Statement[] {
  const [account = ""] = address.split(":elastic-ip/");
  return [
    { Sid: "MoveAddress", Effect: "Allow", Action: "ec2:AssociateAddress", Resource: address },
    {
      Sid: "ToThisHost",
      Effect: "Allow",
      Action: "ec2:AssociateAddress",
      Resource: `${account}:instance/*`,
      Condition: {
        StringEquals: {
          "aws:ResourceTag/project": "webinfra",
          "aws:ResourceTag/stack": stack,
          "aws:ResourceTag/host": host,
        },
      },
    },
    {
      Sid: "InThisNetwork",
      Effect: "Allow",
      Action: "ec2:AssociateAddress",
      Resource: `${account}:network-interface/*`,
      Condition: { ArnEquals: { "ec2:Vpc": vpc } },
    },
  ];
}

/** What a host's identity is made from. */
export interface IdentityArgs {
  readonly host: TopologyHost;
  readonly bucketArn: pulumi.Output<string>;
  readonly vpcArn: pulumi.Input<string>;
  /** The site's address, for a host that takes it over. */
  readonly address: aws.ec2.Eip | undefined;
}

/** Who a host is to AWS. */
export interface Identity {
  readonly profile: aws.iam.InstanceProfile;
  readonly policy: aws.iam.RolePolicy;
}

/** A role of the host's own, that reads just what this host needs. */
export function makeIdentity(
  context: AwsContext,
  name: string,
  { host, bucketArn, vpcArn, address }: IdentityArgs,
  owner: pulumi.Resource,
): Identity {
  const options = optionsOf(context, owner);
  const tags = tagsOf(context, name, { host: host.name });
  // All roles of a stack in one place, so that those who deploy it can be limited to it.
  const path = `/webinfra/${context.stack}/`;
  const role = new aws.iam.Role(name, { path, assumeRolePolicy: trust, tags }, options);
  const policy = new aws.iam.RolePolicy(
    name,
    {
      role: role.id,
      policy: pulumi
        .all([bucketArn, vpcArn, address?.arn])
        .apply(([bucket, vpc, eip]) =>
          policyText([
            ...channelStatements(host.name, bucket),
            ...(eip === undefined ? [] : addressStatements(context, host.name, eip, vpc)),
          ]),
        ),
    },
    options,
  );
  const profile = new aws.iam.InstanceProfile(name, { path, role: role.name, tags }, options);
  return { profile, policy };
}

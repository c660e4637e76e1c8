import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { ConfigError } from "../../core/config-error";
import { Platform, PlatformArgs } from "../contract";
import { makeChannel } from "./channel";
import { AwsContext, optionsOf, tagsOf } from "./context";
import { imageOf } from "./image";
import { planMachine } from "./machines";
import { makeNetwork } from "./network";
import { awsProblems } from "./problems";
import { makeFirewall } from "./security";

/** Seconds that resolvers keep the site's address, which never changes while the stack lives. */
const recordTtl = 300;

/**
 * EC2 machines in a VPC of the stack's own or the user's. Creates the network, the security groups, the channel's bucket, the site's Elastic IP, and
 * its DNS record where the stack names the zone.
 * @throws ConfigError for what AWS cannot do, before anything is made
 */
export function awsPlatform({ stack, config, topology, parent }: PlatformArgs): Platform {
  const problems = awsProblems(config, topology);
  if (problems.length > 0) {
    throw new ConfigError(problems);
  }
  const { region, accountId, zoneId } = config.aws;
  const provider = new aws.Provider(
    "aws",
    { region, ...(accountId !== undefined && { allowedAccountIds: [accountId] }) },
    { parent },
  );
  const context: AwsContext = { stack, config, topology, provider, parent };
  const options = optionsOf(context);

  const network = makeNetwork(context);
  const firewall = makeFirewall(context, network);
  const channel = makeChannel(context);
  // No association: a balancer takes it over, and where it is at the moment is never drift.
  const address = new aws.ec2.Eip(
    "address",
    { domain: "vpc", tags: tagsOf(context, "address", { role: "loadBalancer" }) },
    { ...options, dependsOn: [...network.routes] },
  );
  if (zoneId !== undefined) {
    new aws.route53.Record(
      "site",
      { zoneId, name: config.domain, type: "A", ttl: recordTtl, records: [address.publicIp] },
      options,
    );
  }
  const key =
    config.ssh &&
    new aws.ec2.KeyPair("ssh", { publicKey: config.ssh.publicKey, tags: tagsOf(context, "ssh") }, options);
  const machines = { network, firewall, channel, address, image: imageOf(context), keyName: key?.keyName };

  return {
    name: "aws",
    // Refusals fail this output and no input: Pulumi's inline programs wait without end for what a resource whose input failed would have made.
    publicAddress: pulumi.all([address.publicIp, network.checked]).apply(([publicIp]) => publicIp),
    channel: pulumi.interpolate`s3://${channel.bucket.bucket}`,
    plan: (name, request, owner) => planMachine(context, machines, name, request, owner),
    channelObject: (name, request, owner) => channel.object(name, request, owner),
    pointer: (name, request, owner) => channel.pointer(name, request, owner),
    archive: (name, request, owner) => channel.archive(name, request, owner),
    announce: (version, after, owner) => [channel.announce(version, after, owner)],
    password: (name, owner) =>
      new random.RandomPassword(name, { length: 32, special: false }, { parent: owner }).result,
  };
}

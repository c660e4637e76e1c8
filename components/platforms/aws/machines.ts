import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { userDataFormats } from "../../../cloudinit/limits";
import { sizeOf } from "../../../config/schema";
import { HostPlace } from "../../../roles/types";
import { awsRootDiskGiB } from "../../../topology/cost";
import { watchDefinition } from "../../definition";
import { MachineRequest, PlatformMachine } from "../../platform";
import { isPublic, zoneIndex } from "./addresses";
import { Channel } from "./channel";
import { AwsContext, optionsOf, tagsOf } from "./context";
import { makeIdentity } from "./identity";
import { Network, Subnet } from "./network";
import { Firewall } from "./security";

/** Types that earn and spend processor credits (EC2 user guide, "Burstable performance instances"). */
const burstable = /^t\d/;

/** What machines are made from. */
export interface MachinesArgs {
  readonly network: Network;
  readonly firewall: Firewall;
  readonly channel: Channel;
  readonly image: pulumi.Input<string>;
  /** The site's address. */
  readonly address: aws.ec2.Eip;
  /** Undefined: no SSH. */
  readonly keyName: pulumi.Input<string> | undefined;
}

/** The volume's name below /dev/disk/by-id on Nitro types: its id without the hyphen (EBS user guide, "Amazon EBS volumes and NVMe"). */
const deviceOf = (volume: string): string =>
  `/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${volume.replace("-", "")}`;

/** The host's subnet: its kind by its roles, its zone by its number. */
function subnetOf(network: Network, host: MachineRequest["host"]): Subnet {
  const subnets = isPublic(host) ? network.publicSubnets : network.privateSubnets;
  const subnet = subnets[zoneIndex(host.name, subnets.length)];
  if (!subnet) throw new Error(`${host.name}: the network has no subnets`);
  return subnet;
}

/** A volume for data, which outlives every machine that it is attached to. */
function dataVolume(
  context: AwsContext,
  name: string,
  { host, protect, dataVolumeGiB }: MachineRequest,
  subnet: Subnet,
  owner: pulumi.Resource,
): aws.ebs.Volume | undefined {
  if (dataVolumeGiB === undefined) return undefined;
  const adopted = context.config.aws.volumes[host.name];
  return new aws.ebs.Volume(
    `${name}-data`,
    {
      availabilityZone: subnet.zone,
      size: dataVolumeGiB,
      type: "gp3",
      encrypted: true,
      tags: tagsOf(context, `${name}-data`, { host: host.name, role: "database" }),
    },
    {
      ...optionsOf(context, owner),
      protect,
      retainOnDelete: true,
      // An import takes no difference: not the tags of another stack (pulumi/pulumi-aws#4030), nor a default that the volume was read without.
      ...(adopted === undefined
        ? { ignoreChanges: ["size"] }
        : { ignoreChanges: ["size", "tags", "tagsAll", "finalSnapshot"], import: adopted }),
    },
  );
}

/** One host's machine, with all that it needs in place before it boots. */
export function makeMachine(
  context: AwsContext,
  { network, firewall, channel, image, address, keyName }: MachinesArgs,
  name: string,
  request: MachineRequest,
  owner: pulumi.Resource,
): PlatformMachine {
  const { config } = context;
  const { host, protect } = request;
  const options = optionsOf(context, owner);
  const subnet = subnetOf(network, host);
  const volume = dataVolume(context, name, request, subnet, owner);
  const claims = isPublic(host) ? address : undefined;
  const secrets = channel.secrets(name, request.secretFiles, owner);
  const identity = makeIdentity(
    context,
    name,
    { host, bucketArn: channel.bucket.arn, vpcArn: network.vpcArn, address: claims },
    owner,
  );
  const place = pulumi
    .all([network.cidr, channel.bucket.bucket, volume?.id, claims?.publicIp, claims?.allocationId])
    .apply(([networkCidr, bucket, volumeId, publicIp, allocationId]): HostPlace => ({
      networkCidr,
      channel: { type: "s3", bucket, region: config.aws.region },
      secretsThrough: "channel",
      dataDevice: volumeId === undefined ? undefined : deviceOf(volumeId),
      publicAddress:
        publicIp === undefined || allocationId === undefined
          ? undefined
          : { type: "aws", address: publicIp, allocationId, region: config.aws.region },
    }));
  const userData = pulumi.unsecret(request.userData(place));
  const instanceType = sizeOf(host.roles, config.aws.instanceTypes);
  const role = host.roles.join("+");
  const instance = new aws.ec2.Instance(
    name,
    {
      ami: image,
      instanceType,
      // Standard gives T3 no credits to boot with: a host would install itself at its baseline, a fifth of its processors ("Standard mode concepts").
      // Said here, because an account may have standard as its default. What is burnt above the baseline has a price: topology/cost names it.
      ...(burstable.test(instanceType) && { creditSpecification: { cpuCredits: "unlimited" } }),
      subnetId: subnet.id,
      vpcSecurityGroupIds: host.roles.flatMap((one) => firewall.groups.get(one)?.id ?? []),
      iamInstanceProfile: identity.profile.name,
      ...(keyName !== undefined && { keyName }),
      // Secrets go through the channel: nothing in this text is one.
      userDataBase64: userData.apply(userDataFormats.aws.encode),
      userDataReplaceOnChange: volume === undefined,
      metadataOptions: { httpEndpoint: "enabled", httpTokens: "required", httpPutResponseHopLimit: 1 },
      monitoring: true,
      disableApiTermination: protect,
      rootBlockDevice: {
        volumeType: "gp3",
        volumeSize: awsRootDiskGiB,
        encrypted: true,
        deleteOnTermination: true,
        tags: tagsOf(context, `${name}-root`, { host: host.name, role }),
      },
      tags: tagsOf(context, name, { host: host.name, role }),
    },
    {
      ...options,
      ...(volume
        ? // Two machines must never have one data volume, and one edit must never stop all databases.
          {
            protect,
            deleteBeforeReplace: true,
            ignoreChanges: ["userDataBase64", "ami", "instanceType", "creditSpecification", "keyName"],
          }
        : // Another type would stop the machine under its users: a new one comes first.
          { ignoreChanges: ["ami"], replaceOnChanges: ["instanceType"] }),
      dependsOn: [...network.routes, ...firewall.rules, identity.policy, secrets],
    },
  );
  if (volume) {
    watchDefinition(name, host.name, instance.id, { size: instanceType, userData }, owner);
    new aws.ec2.VolumeAttachment(
      `${name}-data`,
      // EC2 wants a name; the host sees the device under another.
      { deviceName: "/dev/sdf", volumeId: volume.id, instanceId: instance.id, stopInstanceBeforeDetaching: true },
      { ...options, protect, deleteBeforeReplace: true },
    );
  }
  // No public address of its own: EC2 takes the one that a balancer booted with away as soon as it claims the site's.
  return { machine: instance.id, address: instance.privateIp };
}

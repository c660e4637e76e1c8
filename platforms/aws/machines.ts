import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { sizeOf } from "../schema";
import { DataVolume, HostPlace } from "../../services/contract";
import { awsTraits, rootDiskGiB } from "./traits";
import { BootRequest, PlaceRequest, PlannedPlace, PlatformMachine } from "../contract";
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
function subnetOf(network: Network, host: PlaceRequest["host"]): Subnet {
  const subnets = isPublic(host) ? network.publicSubnets : network.privateSubnets;
  const subnet = subnets[zoneIndex(host.name, subnets.length)];
  if (!subnet) {
    throw new Error(`${host.name}: the network has no subnets`);
  }
  return subnet;
}

/** A volume for data, which outlives every machine that it is attached to. */
function makeVolume(
  context: AwsContext,
  name: string,
  { host, protect, replacing, discardData }: PlaceRequest,
  volume: DataVolume,
  subnet: Subnet,
  owner: pulumi.Resource,
): aws.ebs.Volume {
  const adopted = volume.name === "data" ? context.config.aws.volumes[host.name] : undefined;
  const full = `${name}-${volume.name}`;
  const size = replacing ? [] : ["size"];
  return new aws.ebs.Volume(
    full,
    {
      availabilityZone: subnet.zone,
      size: volume.sizeGiB,
      type: "gp3",
      encrypted: true,
      tags: tagsOf(context, full, { host: host.name, role: host.roles.join("+") }),
    },
    {
      ...optionsOf(context, owner),
      protect,
      retainOnDelete: true,
      // An import takes no difference: not the tags of another stack (pulumi/pulumi-aws#4030), nor a default that the volume was read without.
      ...(adopted === undefined
        ? { ignoreChanges: size }
        : {
            ignoreChanges: [...size, "tags", "tagsAll", "finalSnapshot"],
            // One that takes the adopted one's place is a new one.
            ...(!discardData && { import: adopted }),
          }),
    },
  );
}

/** Letters of the device names that EC2 wants for volumes ("Device names for volumes on EC2 instances"); the host sees each under another name. */
const deviceLetters = "fghijklmnop";

/** One host's volumes and identity, and then its machine. */
export function planMachine(
  context: AwsContext,
  { network, firewall, channel, image, address, keyName }: MachinesArgs,
  name: string,
  request: PlaceRequest,
  owner: pulumi.Resource,
): PlannedPlace {
  const { config } = context;
  const { host, protect, replacing } = request;
  const options = optionsOf(context, owner);
  const subnet = subnetOf(network, host);
  const volumes = request.volumes.map((volume) => ({
    name: volume.name,
    resource: makeVolume(context, name, request, volume, subnet, owner),
  }));
  const shared = isPublic(host) ? address : undefined;
  const identity = makeIdentity(
    context,
    name,
    { host, bucketArn: channel.bucket.arn, vpcArn: network.vpcArn, address: shared },
    owner,
  );
  const devices = pulumi.all(
    Object.fromEntries(volumes.map((volume) => [volume.name, volume.resource.id.apply(deviceOf)])),
  );
  const place = pulumi
    .all([network.cidr, channel.bucket.bucket, devices, shared?.publicIp, shared?.allocationId])
    .apply(([networkCidr, bucket, paths, publicIp, allocationId]): HostPlace => ({
      networkCidr,
      channel: { type: "s3", bucket, region: config.aws.region },
      devices: paths,
      publicAddress:
        publicIp === undefined || allocationId === undefined
          ? undefined
          : { type: "aws", address: publicIp, allocationId, region: config.aws.region },
    }));
  const boot = (text: BootRequest): PlatformMachine => {
    const secrets = channel.secrets(name, text.secretFiles, owner);
    const userData = pulumi.unsecret(text.userData);
    const instanceType = sizeOf(host.roles, config.aws.instanceTypes);
    const role = host.roles.join("+");
    const instance = new aws.ec2.Instance(
      name,
      {
        ami: image,
        instanceType,
        // Standard gives T3 no credits to boot with: a host would install itself at its baseline, a fifth of its processors ("Standard mode concepts").
        // Said here, because an account may have standard as its default. What is burnt above the baseline has a price: review/cost names it.
        ...(burstable.test(instanceType) && { creditSpecification: { cpuCredits: "unlimited" } }),
        subnetId: subnet.id,
        vpcSecurityGroupIds: host.roles.flatMap((one) => firewall.groups.get(one)?.id ?? []),
        iamInstanceProfile: identity.profile.name,
        ...(keyName !== undefined && { keyName }),
        // Secrets go through the channel: nothing in this text is one.
        userDataBase64: userData.apply(awsTraits.userData.encode),
        userDataReplaceOnChange: volumes.length === 0 || replacing,
        metadataOptions: { httpEndpoint: "enabled", httpTokens: "required", httpPutResponseHopLimit: 1 },
        monitoring: true,
        disableApiTermination: protect,
        rootBlockDevice: {
          volumeType: "gp3",
          volumeSize: rootDiskGiB,
          encrypted: true,
          deleteOnTermination: true,
          tags: tagsOf(context, `${name}-root`, { host: host.name, role }),
        },
        tags: tagsOf(context, name, { host: host.name, role }),
      },
      {
        ...options,
        ...(volumes.length > 0
          ? // Two machines must never have one data volume, and one edit must never stop all databases.
            {
              protect,
              deleteBeforeReplace: true,
              ...(replacing
                ? { replaceOnChanges: ["instanceType"] }
                : { ignoreChanges: ["userDataBase64", "ami", "instanceType", "creditSpecification", "keyName"] }),
            }
          : // Another type would stop the machine under its users: a new one comes first.
            { ignoreChanges: ["ami"], replaceOnChanges: ["instanceType"] }),
        dependsOn: [...network.routes, ...firewall.rules, identity.policy, secrets, ...text.after],
      },
    );
    volumes.forEach((volume, index) => {
      new aws.ec2.VolumeAttachment(
        `${name}-${volume.name}`,
        {
          deviceName: `/dev/sd${deviceLetters.charAt(index)}`,
          volumeId: volume.resource.id,
          instanceId: instance.id,
          stopInstanceBeforeDetaching: true,
        },
        { ...options, protect, deleteBeforeReplace: true },
      );
    });
    // No public address of its own: EC2 takes the one that a balancer booted with away as soon as it takes over the site's.
    return { machine: instance.id, address: instance.privateIp };
  };
  return { place, boot };
}

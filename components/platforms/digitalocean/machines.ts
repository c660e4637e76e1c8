import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import { userDataFormats } from "../../../cloudinit/limits";
import { Config, sizeOf } from "../../../config/schema";
import { HostPlace } from "../../../roles/types";
import { watchDefinition } from "../../definition";
import { MachineRequest, PlatformMachine } from "../../platform";
import { SpacesChannel } from "./channel";
import { Firewalls } from "./firewall";
import { hostTag, nameOf, projectTag } from "./names";
import { Network } from "./network";
import { assign } from "./project";
import { DropletKey } from "./ssh";

/** Longest wait for a Droplet to shut down, above what a host takes to drain and MySQL to stop. The provider's own is one minute. */
const deleteTimeout = "10m";

/** What the machines of a stack have in common. */
export interface Site {
  readonly stack: string;
  readonly config: Config;
  readonly network: Network;
  readonly firewalls: Firewalls;
  readonly key: DropletKey;
  /** The image's id. */
  readonly image: pulumi.Input<string>;
  readonly channel: SpacesChannel;
  readonly publicAddress: digitalocean.ReservedIp;
  readonly project: digitalocean.Project;
}

/** The id of Debian's image, as the account sees it now. */
export function imageId(image: string, parent: pulumi.Resource): pulumi.Output<string> {
  const which = /^\d+$/.test(image) ? { id: Number(image) } : { slug: image };
  return digitalocean.getImageOutput(which, { parent }).id.apply(String);
}

function dataVolume(
  { stack, config, firewalls }: Site,
  name: string,
  tag: pulumi.Input<string>,
  { host, dataVolumeGiB, protect }: MachineRequest,
  parent: pulumi.Resource,
): digitalocean.Volume | undefined {
  if (dataVolumeGiB === undefined) return undefined;
  const kept = config.digitalocean.volumes[host.name];
  return new digitalocean.Volume(
    `${name}-data`,
    {
      // Unique in the region, and the name of its device. Without a file system: one that DigitalOcean makes would be mounted by itself.
      name: nameOf(stack, host.name),
      region: config.digitalocean.region,
      size: dataVolumeGiB,
      tags: [projectTag, firewalls.stackTag, tag],
    },
    {
      parent,
      protect,
      retainOnDelete: true,
      // An import has to match: what is kept stays as it was made.
      ...(kept !== undefined && {
        import: kept,
        ignoreChanges: ["name", "size", "tags", "description", "initialFilesystemType"],
      }),
    },
  );
}

/** Makes a Droplet, and the volume of a database. */
export function machine(site: Site, name: string, request: MachineRequest, parent: pulumi.Resource): PlatformMachine {
  const { stack, config, network, firewalls, key, channel, project } = site;
  const { host } = request;
  const balances = host.roles.includes("loadBalancer");
  const isPublic = balances || config.digitalocean.publicNetworking;
  const tag = new digitalocean.Tag(`${name}-tag`, { name: hostTag(stack, host.name) }, { parent }).name;
  const volume = dataVolume(site, name, tag, request, parent);
  const place = pulumi
    .all([network.cidr, channel.view, volume?.name, site.publicAddress.ipAddress])
    .apply(([networkCidr, view, volumeName, address]): HostPlace => ({
      networkCidr,
      channel: view,
      dataDevice: volumeName === undefined ? undefined : `/dev/disk/by-id/scsi-0DO_Volume_${volumeName}`,
      publicAddress: balances ? { type: "digitalocean", address } : undefined,
      secretsThrough: "user-data",
    }));
  const userData = pulumi.secret(request.userData(place));
  const size = sizeOf(host.roles, config.digitalocean.sizes);
  const holdsData: pulumi.CustomResourceOptions = {
    protect: request.protect,
    // Two machines must never mount one volume: shut down, detach, delete, and only then make the next.
    deleteBeforeReplace: true,
    // One edit must never stop all databases: a resize is a power cycle, the others make a new machine.
    ignoreChanges: ["userData", "image", "size", "sshKeys"],
  };
  const stateless: pulumi.CustomResourceOptions = {
    // A newer image never replaces a host unasked.
    ignoreChanges: ["image"],
    // In place it would be a power cycle.
    replaceOnChanges: ["size"],
  };
  const droplet = new digitalocean.Droplet(
    name,
    {
      name: nameOf(stack, host.name),
      region: config.digitalocean.region,
      size,
      image: site.image,
      vpcUuid: network.id,
      // For ever: a Droplet that is made without a public interface never gets a reserved IP.
      publicNetworking: isPublic,
      ipv6: false,
      monitoring: true,
      // The console's agent lets people of the account in through port 22.
      dropletAgent: false,
      gracefulShutdown: true,
      sshKeys: [key.fingerprint],
      tags: [projectTag, firewalls.stackTag, ...host.roles.map((role) => firewalls.tagOf(role)), tag],
      userData: userData.apply(userDataFormats.digitalocean.encode),
      ...(volume && { volumeIds: [volume.id] }),
    },
    pulumi.mergeOptions(
      {
        parent,
        customTimeouts: { delete: deleteTimeout },
        additionalSecretOutputs: ["userData"],
        dependsOn: pulumi
          .output(key.registration)
          .apply((keys) => [...firewalls.firewalls, ...network.egress, ...keys]),
      },
      volume ? holdsData : stateless,
    ),
  );
  if (volume) watchDefinition(name, host.name, droplet.id, { size, userData }, parent);
  assign(`${name}-project`, project, [droplet.dropletUrn, ...(volume ? [volume.volumeUrn] : [])], parent);
  return {
    machine: droplet.id,
    address: droplet.ipv4AddressPrivate,
    publicAddress: isPublic ? droplet.ipv4Address : undefined,
  };
}

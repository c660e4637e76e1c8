import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import { ConfigError } from "../../core/config-error";
import { sizeOf } from "../schema";
import { DataVolume, HostPlace } from "../../services/contract";
import { BootRequest, PlaceRequest, PlannedPlace, PlatformMachine, PlatformSettings } from "../contract";
import { digitaloceanTraits } from "./traits";
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
  readonly config: PlatformSettings;
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

function makeVolume(
  { stack, config, firewalls }: Site,
  name: string,
  tag: pulumi.Input<string>,
  { host, protect, replacing, discardData }: PlaceRequest,
  volume: DataVolume,
  parent: pulumi.Resource,
): digitalocean.Volume {
  const isData = volume.name === "data";
  if (discardData) {
    throw new ConfigError([
      `${host.name}: platform digitalocean makes no data volume anew beside the old one, because a volume's name is its own in the region: ` +
        "docs/platforms.md says how its data are thrown away there",
    ]);
  }
  const size = replacing ? [] : ["size"];
  const kept = isData ? config.digitalocean.volumes[host.name] : undefined;
  return new digitalocean.Volume(
    `${name}-${volume.name}`,
    {
      // Unique in the region, and the name of its device. Without a file system: one that DigitalOcean makes would be mounted by itself.
      name: nameOf(stack, isData ? host.name : `${host.name}-${volume.name}`),
      region: config.digitalocean.region,
      size: volume.sizeGiB,
      tags: [projectTag, firewalls.stackTag, tag],
    },
    {
      parent,
      protect,
      retainOnDelete: true,
      // A volume grows with the machine that makes its file system larger. And an import has to match: what is kept stays as it was made.
      ...(kept === undefined
        ? { ignoreChanges: size }
        : { import: kept, ignoreChanges: ["name", ...size, "tags", "description", "initialFilesystemType"] }),
    },
  );
}

/** Makes a host's volumes, and then its Droplet. */
export function plan(site: Site, name: string, request: PlaceRequest, parent: pulumi.Resource): PlannedPlace {
  const { stack, config, network, firewalls, key, channel, project } = site;
  const { host } = request;
  const balances = host.roles.includes("loadBalancer");
  const isPublic = balances || config.digitalocean.publicNetworking;
  const tag = new digitalocean.Tag(`${name}-tag`, { name: hostTag(stack, host.name) }, { parent }).name;
  const volumes = request.volumes.map((volume) => ({
    name: volume.name,
    resource: makeVolume(site, name, tag, request, volume, parent),
  }));
  const devices = pulumi.all(
    Object.fromEntries(
      volumes.map((volume) => [
        volume.name,
        volume.resource.name.apply((device) => `/dev/disk/by-id/scsi-0DO_Volume_${device}`),
      ]),
    ),
  );
  const place = pulumi
    .all([network.cidr, channel.view, devices, site.publicAddress.ipAddress])
    .apply(([networkCidr, view, paths, address]): HostPlace => ({
      networkCidr,
      channel: view,
      devices: paths,
      publicAddress: balances ? { type: "digitalocean", address } : undefined,
    }));
  const boot = (text: BootRequest): PlatformMachine => {
    const userData = pulumi.secret(text.userData);
    const size = sizeOf(host.roles, config.digitalocean.sizes);
    const holdsData: pulumi.CustomResourceOptions = {
      protect: request.protect,
      // Two machines must never mount one volume: shut down, detach, delete, and only then make the next.
      deleteBeforeReplace: true,
      // One edit must never stop all databases: a resize is a power cycle, the others make a new machine.
      ...(request.replacing
        ? { replaceOnChanges: ["size"] }
        : { ignoreChanges: ["userData", "image", "size", "sshKeys"] }),
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
        userData: userData.apply(digitaloceanTraits.userData.encode),
        ...(volumes.length > 0 && { volumeIds: volumes.map(({ resource }) => resource.id) }),
      },
      pulumi.mergeOptions(
        {
          parent,
          customTimeouts: { delete: deleteTimeout },
          additionalSecretOutputs: ["userData"],
          dependsOn: pulumi
            .output(key.registration)
            .apply((keys) => [...firewalls.firewalls, ...network.egress, ...keys, ...text.after]),
        },
        volumes.length > 0 ? holdsData : stateless,
      ),
    );
    assign(
      `${name}-project`,
      project,
      [droplet.dropletUrn, ...volumes.map(({ resource }) => resource.volumeUrn)],
      parent,
    );
    return {
      machine: droplet.id,
      address: droplet.ipv4AddressPrivate,
      publicAddress: isPublic ? droplet.ipv4Address : undefined,
    };
  };
  return { place, boot };
}

import * as pulumi from "@pulumi/pulumi";
import { ChannelFile, ChannelObject, Image, Machine, Network, Password, Pointer, Volume } from "../../provider/sdk";
import { networkName, volumeName } from "../../provider/incus/labels";
import { CHANNEL_PATH } from "../../provider/incus/machine";
import { HostPlace } from "../../services/contract";
import { BootRequest, Platform, PlatformArgs, PlatformMachine } from "../contract";

/** Alias of the cloud image that set-up makes in the Incus project. */
const base = "webinfra-debian-13";

/**
 * System containers on the user's own machine. Creates the stack's bridge.
 * @public loaded by `require`
 */
export function incusPlatform({ stack, channelDirectory, config, imageUserData, parent }: PlatformArgs): Platform {
  const network = new Network("network", { name: networkName(stack), stack, cidr: config.network.cidr }, { parent });
  const { bake, maxAgeDays } = config.image;
  // Without it, each machine installs its own packages.
  const recipe = bake ? { base, userData: imageUserData, maxAgeDays } : undefined;
  const packages = recipe && new Image("image", { ...recipe, network: network.network }, { parent });
  return {
    name: "incus",
    // Balancers answer on their own addresses, which this computer reaches.
    publicAddress: undefined,
    channel: pulumi.output(channelDirectory),

    plan(name, request, owner) {
      const { host, protect, replacing, discardData } = request;
      const volumes = request.volumes.map((volume) => ({
        mount: volume.mount,
        resource: new Volume(
          `${name}-${volume.name}`,
          {
            name: volumeName(stack, host.name, volume.name),
            stack,
            host: host.name,
            sizeGiB: volume.sizeGiB,
            ...(discardData && { discard: true }),
          },
          {
            parent: owner,
            protect,
            retainOnDelete: true,
            ...(discardData && { deleteBeforeReplace: true }),
            ignoreChanges: replacing ? [] : ["sizeGiB"],
          },
        ),
      }));
      const holdsData: pulumi.CustomResourceOptions =
        volumes.length > 0
          ? // Two machines must never mount one data volume, and one edit must never stop all databases.
            { protect, deleteBeforeReplace: true, ignoreChanges: replacing ? [] : ["userData", "channel"] }
          : {};
      const place = network.cidr.apply((networkCidr): HostPlace => ({
        networkCidr,
        channel: { type: "directory", path: CHANNEL_PATH },
        devices: {},
      }));
      const boot = (text: BootRequest): PlatformMachine => {
        const userData = pulumi.secret(text.userData);
        const machine = new Machine(
          name,
          {
            host: host.name,
            stack,
            roles: [...host.roles],
            image: recipe ?? base,
            network: network.network,
            userData,
            channel: channelDirectory,
            volumes:
              volumes.length > 0
                ? volumes.map(({ mount, resource }) => ({ name: resource.volume, path: mount }))
                : undefined,
          },
          { parent: owner, ...holdsData, dependsOn: [...text.after, ...(packages ? [packages] : [])] },
        );
        return { machine: machine.machine, address: machine.address };
      };
      return { place, boot };
    },

    channelObject: (name, { key, content, keep = false }, owner) =>
      new ChannelObject(name, { directory: channelDirectory, key, content }, { parent: owner, retainOnDelete: keep }),

    pointer: (name, { key, content }, owner) =>
      new Pointer(name, { directory: channelDirectory, key, content }, { parent: owner, retainOnDelete: true }),

    archive: (name, { folder, archive }, owner) =>
      new ChannelFile(
        name,
        {
          directory: channelDirectory,
          key: `${folder}/${archive.sha256}.tar.gz`,
          source: archive.path,
          sha256: archive.sha256,
        },
        {
          parent: owner,
          // Where the archive was made differs from checkout to checkout; what it holds does not.
          ignoreChanges: ["source"],
          // Old archives stay: hosts may still need them, after an update that failed the way leads back to them, and they are small.
          retainOnDelete: true,
        },
      ),

    // Whatever writes into the folder changes its version.
    announce: () => [],

    password: (name, owner) => new Password(name, {}, { parent: owner }).result,
  };
}

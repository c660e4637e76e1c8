import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { ChannelFile, ChannelObject, Image, Machine, Network, Password, Pointer, Volume } from "../../../provider/sdk";
import { networkName, volumeName } from "../../../provider/incus/labels";
import { CHANNEL_PATH } from "../../../provider/incus/machine";
import { HostPlace } from "../../../roles/types";
import { digest } from "../../definition";
import { Platform } from "../../platform";

/** Alias of the cloud image that set-up makes in the Incus project. */
const base = "webinfra-debian-13";

/** Arguments of {@link incusPlatform}. */
export interface IncusPlatformArgs {
  /** The stack's name; labels everything. */
  readonly stack: string;
  /** WEBINFRA_HOME. */
  readonly home: string;
  /** Subnet of the stack's bridge. Default: the first of 10.77.0.0/24 … 10.77.255.0/24 that is free. */
  readonly cidr: string | undefined;
  /** What machines start from: an image with all their packages. Undefined: each installs its own. */
  readonly image:
    | {
        /** cloud-init's user-data of the throw-away machine that installs them. */
        readonly userData: string;
        readonly maxAgeDays: number;
      }
    | undefined;
  readonly parent: pulumi.Resource;
}

/** System containers on the user's own machine. Creates the stack's bridge. */
export function incusPlatform({ stack, home, cidr, image, parent }: IncusPlatformArgs): Platform {
  const directory = join(home, "channels", stack);
  const network = new Network("network", { name: networkName(stack), stack, cidr }, { parent });
  const recipe = image && { base, ...image };
  const packages = recipe && new Image("image", { ...recipe, network: network.network }, { parent });
  return {
    name: "incus",
    // Balancers answer on their own addresses, which this computer reaches.
    publicAddress: undefined,
    channel: pulumi.output(directory),

    machine(name, request, owner) {
      const volume =
        request.dataVolumeGiB === undefined
          ? undefined
          : new Volume(
              `${name}-data`,
              {
                name: volumeName(stack, request.host.name),
                stack,
                host: request.host.name,
                sizeGiB: request.dataVolumeGiB,
              },
              { parent: owner, protect: request.protect, retainOnDelete: true, ignoreChanges: ["sizeGiB"] },
            );
      const holdsData: pulumi.CustomResourceOptions = volume
        ? // Two machines must never mount one data volume, and one edit must never stop all databases.
          { protect: request.protect, deleteBeforeReplace: true, ignoreChanges: ["userData", "channel"] }
        : {};
      const place = network.cidr.apply((networkCidr): HostPlace => ({
        networkCidr,
        channel: { type: "directory", path: CHANNEL_PATH },
        secretsThrough: "user-data",
      }));
      const userData = pulumi.secret(request.userData(place));
      const machine = new Machine(
        name,
        {
          host: request.host.name,
          stack,
          roles: [...request.host.roles],
          image: recipe ?? base,
          network: network.network,
          userData,
          definition: volume && pulumi.unsecret(userData.apply(digest)),
          channel: directory,
          volume: volume && { name: volume.volume, path: "/var/lib/mysql" },
        },
        { parent: owner, ...holdsData, ...(packages && { dependsOn: [packages] }) },
      );
      return { machine: machine.machine, address: machine.address };
    },

    channelObject: (name, { key, content }, owner) =>
      new ChannelObject(name, { directory, key, content }, { parent: owner }),

    pointer: (name, { key, content }, owner) =>
      new Pointer(name, { directory, key, content }, { parent: owner, retainOnDelete: true }),

    archive: (name, { folder, archive }, owner) =>
      new ChannelFile(
        name,
        { directory, key: `${folder}/${archive.sha256}.tar.gz`, source: archive.path, sha256: archive.sha256 },
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

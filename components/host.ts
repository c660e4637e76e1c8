import * as pulumi from "@pulumi/pulumi";
import { cloudConfig } from "../cloudinit";
import { Config } from "../config/schema";
import { HostSecrets } from "../roles/types";
import { Topology, TopologyHost } from "../topology/types";
import { Archive } from "./archive";
import { Platform } from "./platform";

/** Arguments of {@link Host}. */
export interface HostArgs {
  /** Name of the host and the roles placed on it. */
  readonly host: TopologyHost;
  readonly topology: Topology;
  readonly config: Config;
  readonly platform: Platform;
  readonly secrets: pulumi.Output<HostSecrets>;
  /** The hosts' programs. */
  readonly kit: Archive;
  /** Refuse to delete or replace it while it holds data. */
  readonly protectData: boolean;
}

/** One host: its machine, the data volume of a database, and its entry in the inventory. */
export class Host extends pulumi.ComponentResource {
  /** The machine's id. */
  declare public readonly machine: pulumi.Output<string>;
  /** Private IPv4 address. */
  declare public readonly address: pulumi.Output<string>;
  /** The host's entry in the inventory. */
  declare public readonly entry: pulumi.Resource;

  constructor(name: string, args: HostArgs, opts?: pulumi.ComponentResourceOptions) {
    super("webinfra:index:Host", name, {}, opts);
    const { host, topology, config, platform } = args;
    const holdsData = host.roles.includes("database");
    const userData = pulumi
      .all([args.secrets, platform.networkCidr])
      .apply(([secrets, networkCidr]) =>
        cloudConfig({ host, topology, config, networkCidr, secrets, channel: platform.channel, kit: args.kit.sha256 }),
      );
    const made = platform.machine(
      name,
      {
        host,
        userData: pulumi.secret(userData),
        protect: holdsData && args.protectData,
        dataVolumeGiB: holdsData ? config.mysql.volumeGiB : undefined,
      },
      this,
    );
    this.machine = made.machine;
    this.address = made.address;
    this.entry = platform.channelObject(
      `${name}-inventory`,
      {
        key: pulumi.interpolate`inventory/${made.machine}.json`,
        content: pulumi
          .all([made.machine, made.address])
          .apply(([machine, address]) =>
            JSON.stringify({ machine, name: host.name, roles: host.roles, address, standby: host.standby === true }),
          ),
      },
      this,
    );
    this.registerOutputs({ machine: this.machine, address: this.address });
  }
}

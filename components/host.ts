import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { cloudConfig, secretFiles } from "../cloudinit";
import { Config } from "../config/schema";
import { writeInventoryEntry } from "../core/protocol";
import { HostPlace, HostSecrets, HostView, withoutSecrets } from "../roles/types";
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

/** Secret files are the same wherever the host stands. */
const nowhere: HostPlace = {
  networkCidr: "0.0.0.0/32",
  channel: { type: "directory", path: "/" },
  secretsThrough: "user-data",
};

const secretFilesText = (view: HostView): string =>
  JSON.stringify(secretFiles(view).map(({ path, content, mode }) => ({ path, content, mode })));

/** One host: its machine, the data volume of a database, and its entry in the inventory. */
export class Host extends pulumi.ComponentResource {
  /** The machine's id. */
  declare public readonly machine: pulumi.Output<string>;
  /** Private IPv4 address. */
  declare public readonly address: pulumi.Output<string>;
  /** Of its own, where it has one. */
  declare public readonly publicAddress: pulumi.Output<string> | undefined;
  /** The host's entry in the inventory, and its text. */
  declare public readonly entry: pulumi.Resource;
  declare public readonly entryText: pulumi.Output<string>;

  constructor(name: string, args: HostArgs, opts?: pulumi.ComponentResourceOptions) {
    super("webinfra:index:Host", name, {}, opts);
    const { host, topology, config, platform } = args;
    const holdsData = host.roles.includes("database");
    const viewAt = (place: HostPlace, secrets: HostSecrets): HostView => {
      const view = { host, topology, config, secrets, secretsSha256: "", kit: args.kit.sha256, ...place };
      if (place.secretsThrough === "user-data") return view;
      // A host that gets other secrets is another machine, also where they do not come with user-data.
      const secretsSha256 = createHash("sha256").update(secretFilesText(view)).digest("hex");
      return { ...view, secretsSha256, secrets: withoutSecrets(secrets) };
    };
    const made = platform.machine(
      name,
      {
        host,
        userData: (place) =>
          pulumi.all([place, args.secrets]).apply(([where, secrets]) => cloudConfig(viewAt(where, secrets))),
        secretFiles: args.secrets.apply((secrets) => secretFilesText(viewAt(nowhere, secrets))),
        protect: holdsData && args.protectData,
        dataVolumeGiB: holdsData ? config.mysql.volumeGiB : undefined,
      },
      this,
    );
    this.machine = made.machine;
    this.address = made.address;
    this.publicAddress = made.publicAddress;
    this.entryText = pulumi.all([made.machine, made.address]).apply(([machine, address]) =>
      writeInventoryEntry({
        machine,
        name: host.name,
        roles: [...host.roles],
        address,
        standby: host.standby === true,
      }),
    );
    this.entry = platform.channelObject(
      `${name}-inventory`,
      { key: pulumi.interpolate`inventory/${made.machine}.json`, content: this.entryText },
      this,
    );
    this.registerOutputs({ machine: this.machine, address: this.address });
  }
}

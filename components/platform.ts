import * as pulumi from "@pulumi/pulumi";
import { HostPlace } from "../roles/types";
import { TopologyHost } from "../topology/types";
import { Archive } from "./archive";

/** A machine that a platform made. */
export interface PlatformMachine {
  /** The machine's id: cloud-init's instance id, known to the machine itself. */
  readonly machine: pulumi.Output<string>;
  /** Private IPv4 address. */
  readonly address: pulumi.Output<string>;
  /** Of its own, and not the site's. Undefined: it has none that the program knows. */
  readonly publicAddress?: pulumi.Output<string> | undefined;
}

/** What a host asks of its platform. */
export interface MachineRequest {
  readonly host: TopologyHost;
  /** Renders the plain `#cloud-config` for the place that the platform has made; secret when it carries secrets. */
  readonly userData: (place: pulumi.Input<HostPlace>) => pulumi.Output<string>;
  /**
   * The host's secret files as JSON, a list of `{path, content, mode}`; secret. Where `secretsThrough` is `channel` the platform puts it at
   * `secrets/<host>.json` before the machine boots.
   */
  readonly secretFiles: pulumi.Output<string>;
  /** Refuse to delete or replace the machine until it is unprotected. */
  readonly protect: boolean;
  /** Size of the data volume in GiB; undefined: no volume. It is mounted at `/var/lib/mysql` and outlives the machine. */
  readonly dataVolumeGiB: number | undefined;
}

/** One object of the channel. */
export interface ChannelRequest {
  /** Path in the channel. */
  readonly key: pulumi.Input<string>;
  readonly content: pulumi.Input<string>;
}

/** An archive to put into the channel as `<folder>/<sha256>.tar.gz`. */
export interface ArchiveRequest {
  readonly folder: "kits" | "releases";
  readonly archive: Archive;
}

/**
 * What the site needs of a place to run. Small on purpose: whatever only one platform knows stays inside that platform.
 */
export interface Platform {
  readonly name: string;
  /** The site's one public address, where the platform has one that balancers claim. */
  readonly publicAddress: pulumi.Output<string> | undefined;
  /** Where the channel is, for people: a folder or a bucket's URL. */
  readonly channel: pulumi.Output<string>;
  machine(name: string, request: MachineRequest, parent: pulumi.Resource): PlatformMachine;
  channelObject(name: string, request: ChannelRequest, parent: pulumi.Resource): pulumi.Resource;
  /** A pointer that belongs to operations: made when it is missing, never overwritten; it outlives the stack with the data. */
  pointer(name: string, request: ChannelRequest, parent: pulumi.Resource): pulumi.Resource;
  archive(name: string, request: ArchiveRequest, parent: pulumi.Resource): pulumi.Resource;
  /**
   * Tells hosts that the channel changed, once these resources are in it. `version` is a text that differs whenever they do. Empty where writing them
   * says so already.
   */
  announce(
    version: pulumi.Input<string>,
    after: readonly pulumi.Resource[],
    parent: pulumi.Resource,
  ): readonly pulumi.Resource[];
  /** A password of letters and digits; secret. */
  password(name: string, parent: pulumi.Resource): pulumi.Output<string>;
}

import * as pulumi from "@pulumi/pulumi";
import { ChannelView } from "../roles/types";
import { TopologyHost } from "../topology/types";
import { Archive } from "./archive";

/** A machine that a platform made. */
export interface PlatformMachine {
  /** The machine's id: cloud-init's instance id, known to the machine itself. */
  readonly machine: pulumi.Output<string>;
  /** Private IPv4 address. */
  readonly address: pulumi.Output<string>;
}

/** What a host asks of its platform. */
export interface MachineRequest {
  readonly host: TopologyHost;
  /** Plain `#cloud-config`; secret. */
  readonly userData: pulumi.Input<string>;
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
  /** Only create it: it belongs to whoever moves it later, and outlives the stack with the data. */
  readonly keepExisting?: boolean;
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
  /** The private network that the hosts are in, `a.b.c.d/n`. */
  readonly networkCidr: pulumi.Output<string>;
  /** How hosts reach the channel. */
  readonly channel: ChannelView;
  machine(name: string, request: MachineRequest, parent: pulumi.Resource): PlatformMachine;
  channelObject(name: string, request: ChannelRequest, parent: pulumi.Resource): pulumi.Resource;
  archive(name: string, request: ArchiveRequest, parent: pulumi.Resource): pulumi.Resource;
  /** A password of letters and digits; secret. */
  password(name: string, parent: pulumi.Resource): pulumi.Output<string>;
}

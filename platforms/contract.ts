import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { DataVolume, HostPlace, SiteSettings } from "../services/contract";
import { Topology, TopologyHost } from "../topology/types";
import { AwsSettings } from "./aws/schema";
import { DigitaloceanSettings } from "./digitalocean/schema";
import { imageSchema } from "./incus/schema";
import { networkSchema, SshSettings } from "./schema";

/** The part of a stack's configuration that platforms know. */
export interface PlatformSettings extends SiteSettings {
  readonly production: boolean;
  readonly image: z.output<typeof imageSchema>;
  readonly network: z.output<typeof networkSchema>;
  readonly ssh?: SshSettings | undefined;
  readonly aws: AwsSettings;
  readonly digitalocean: DigitaloceanSettings;
}

/** What a platform is made from. */
export interface PlatformArgs {
  /** The stack's name; labels everything. */
  readonly stack: string;
  /** Folder of the channel, for a platform that has it on this machine. */
  readonly channelDirectory: string;
  readonly config: PlatformSettings;
  readonly topology: Topology;
  /** cloud-init's user-data of a throw-away machine that installs the packages of all hosts. */
  readonly imageUserData: string;
  readonly parent: pulumi.Resource;
}

/** A file that travels to hosts, named by what it holds. */
export interface Archive {
  /** SHA-256 of the archive, lower-case hexadecimal. */
  readonly sha256: string;
  readonly path: string;
}

/** A machine that a platform made. */
export interface PlatformMachine {
  /** The machine's id: cloud-init's instance id, known to the machine itself. */
  readonly machine: pulumi.Output<string>;
  /** Private IPv4 address. */
  readonly address: pulumi.Output<string>;
  /** Of its own, and not the site's. Undefined: it has none that the program knows. */
  readonly publicAddress?: pulumi.Output<string> | undefined;
}

/** What a host asks of its platform before it can say what its machine boots with. */
export interface PlaceRequest {
  readonly host: TopologyHost;
  /** Data volumes, which outlive every machine. */
  readonly volumes: readonly DataVolume[];
  /** Refuse to delete or replace machine and volumes until they are unprotected. */
  readonly protect: boolean;
  /** This run makes the host anew on purpose: it takes over today's definition and size of its volumes, which other runs ignore where there are data. */
  readonly replacing: boolean;
  /** And its data volumes as well. */
  readonly discardData: boolean;
}

/** What a machine boots with. */
export interface BootRequest {
  /** The plain `#cloud-config`; secret when it carries secrets. */
  readonly userData: pulumi.Output<string>;
  /**
   * The host's secret files as JSON, a list of `{path, content, mode}`; secret. Where `secretsThrough` is `channel` the platform puts it at
   * `secrets/<host>.json` before the machine boots.
   */
  readonly secretFiles: pulumi.Output<string>;
  /** What it fetches from the channel as it boots. */
  readonly after: readonly pulumi.Resource[];
}

/** A place for one host, with its volumes. */
export interface PlannedPlace {
  readonly place: pulumi.Output<HostPlace>;
  /** Makes the machine that stands there. Once. */
  boot(request: BootRequest): PlatformMachine;
}

/** One object of the channel. */
export interface ChannelRequest {
  /** Path in the channel. */
  readonly key: pulumi.Input<string>;
  readonly content: pulumi.Input<string>;
  /** It stays in the channel when another key takes its place, and when nothing wants it any more. Default: false. */
  readonly keep?: boolean;
}

/** An archive to put into the channel as `<folder>/<sha256>.tar.gz`. */
export interface ArchiveRequest {
  readonly folder: "packages" | "releases";
  readonly archive: Archive;
}

/**
 * What the site needs of a place to run. Small on purpose: whatever only one platform knows stays inside that platform.
 */
export interface Platform {
  readonly name: string;
  /** The site's one public address, where the platform has one that balancers take over. */
  readonly publicAddress: pulumi.Output<string> | undefined;
  /** Where the channel is, for people: a folder or a bucket's URL. */
  readonly channel: pulumi.Output<string>;
  plan(name: string, request: PlaceRequest, parent: pulumi.Resource): PlannedPlace;
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

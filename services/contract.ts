/** What a service is: one program on hosts, which says what it is without being rendered, and renders its files for one host. */
import { HostSettings } from "../core/protocol";
import { RoleName } from "../core/roles";
import { Secret } from "../core/secret";
import { Topology, TopologyHost } from "../topology/types";
import { AppSettings } from "./app/schema";
import { BalancingSettings } from "./haproxy/schema";
import { MysqlSettings } from "./mysql/schema";

/** The part of a stack's configuration that services know. */
export interface SiteSettings extends Pick<BalancingSettings, "algorithm" | "sticky"> {
  /** The site's name. */
  readonly domain: string;
  readonly app: AppSettings;
  readonly mysql: MysqlSettings;
}

/** What a platform is, as far as hosts have to know. */
export interface PlatformTraits {
  /** How hosts reach the channel. */
  readonly channel: ChannelView["type"];
  /** How secret files reach a host: with its user-data, or as `secrets/<host>.json` in the channel. */
  readonly secretsThrough: "user-data" | "channel";
  /** With which cloud's API balancers take over the site's public address. Undefined: each has its own address only. */
  readonly publicAddress: PublicAddress["type"] | undefined;
  /** Units of the platform's image that ask the metadata address and therefore have to run as root. */
  readonly metadataReaders: readonly string[];
}

/** Where a service stands: beside which roles, in which topology, on which platform. All that {@link Service.describe} may ask. */
export interface Placement {
  readonly roles: readonly RoleName[];
  readonly topology: Topology;
  readonly settings: SiteSettings;
  readonly traits: PlatformTraits;
}

/** A port that a service opens for other machines, and who may come: the world, or hosts with one of the roles. */
export interface Port {
  readonly port: number;
  readonly protocol: "tcp" | "udp";
  readonly from: "world" | readonly RoleName[];
  readonly description: string;
}

/** A local address whose answer 200 belongs to the host's health. */
export interface HealthCheck {
  readonly name: string;
  readonly port: number;
  readonly path: string;
}

/** Where Prometheus reads a service's metrics. */
export interface MetricsEndpoint {
  readonly port: number;
  readonly path: string;
}

/** A volume that outlives the machine. */
export interface DataVolume {
  /** One word, unique on the host. */
  readonly name: string;
  /** Absolute path. */
  readonly mount: string;
  readonly sizeGiB: number;
}

/** An HAProxy on a host, whose servers sync keeps, and the site's name: in its configuration, and through its runtime socket. */
export interface ProxyFiles {
  readonly config: string;
  readonly socket: string;
}

/**
 * Who is told of what in the channel: an HAProxy whose servers follow the inventory, or a unit that runs anew when a document changes, or the host's own
 * settings.
 */
export type Watch =
  | ({ readonly kind: "proxy" } & ProxyFiles)
  | { readonly kind: "document"; readonly key: string; readonly unit: string }
  | { readonly kind: "settings"; readonly unit: string };

/** What a service is, as far as it follows from its placement. */
export interface Description {
  readonly ports?: readonly Port[];
  readonly health?: readonly HealthCheck[];
  readonly metrics?: readonly MetricsEndpoint[];
  readonly volumes?: readonly DataVolume[];
  readonly watches?: readonly Watch[];
  /** What it has from its first boot on, for as long as the machine lives. */
  readonly secrets?: readonly Secret[];
  /** What comes with the host's settings, sealed to the host, and may change while it lives. */
  readonly sealed?: readonly Secret[];
}

/** What one service has in the settings of its host. */
export type SettingsPart = Partial<Pick<HostSettings, "domain" | "application" | "database">>;

/** A file on a host. */
export interface HostFile {
  /** Absolute path. */
  readonly path: string;
  readonly content: string;
  /** Octal permissions; the owner is root. */
  readonly mode: "0600" | "0644" | "0755";
  /** It holds a secret, which goes its own way: with user-data, or through the channel to this host alone. Default: false. */
  readonly secret?: boolean;
  /** It has to be there before the channel can be reached, and comes with user-data; all others come with the host's definition. Default: false. */
  readonly boot?: boolean;
}

/**
 * The phases in which a host is brought to its role, in their order. Within a phase, no step waits for another.
 *
 * - `begin`: before anything else is there (images)
 * - `secure`: close what nobody may ask
 * - `identify`: find out which machine this is
 * - `programs`: fetch the host package, which holds the host's programs
 * - `report`: start the agent, so that it can tell how far the host is
 * - `secrets`: fetch secret files
 * - `settings`: get what may change while the host lives
 * - `mount`: mount data volumes, before the package that writes to them
 * - `prepare`: prepare what packages will find
 * - `sources`: add package sources
 * - `packages`: install packages
 * - `settle`: bring to order what packages did when they were installed
 * - `discover`: begin to follow the channel
 * - `connect`: start what takes connections to others
 * - `serve`: start what serves
 * - `announce`: let users come
 * - `seal`: leave nothing that two machines must not share (images)
 */
export const phases = [
  "begin",
  "secure",
  "identify",
  "programs",
  "report",
  "secrets",
  "settings",
  "mount",
  "prepare",
  "sources",
  "packages",
  "settle",
  "discover",
  "connect",
  "serve",
  "announce",
  "seal",
] as const;
export type Phase = (typeof phases)[number];

/** A step of bringing the host to its role: an idempotent script, run at every boot. */
export interface Step {
  readonly phase: Phase;
  /** A word such as `packages`, unique on the host. */
  readonly name: string;
  /** What it does, for people who wait, such as `installing packages`. */
  readonly doing: string;
  /** A script with its interpreter in the first line. */
  readonly script: string;
}

/** Files and steps. */
export interface Parts {
  readonly files: readonly HostFile[];
  readonly steps: readonly Step[];
}

/** What installing a service takes: the same on every host with it, and in an image that hosts start from. Holds no secret. */
export interface Installation {
  /** Debian packages. */
  readonly packages?: readonly string[];
  /** On hosts and in the making of an image. */
  readonly both?: Partial<Parts>;
  /** In the making of an image alone: in a throw-away machine, which has no roles. */
  readonly image?: Partial<Parts>;
}

/** How a host reaches the channel: a folder, a private S3 bucket through the host's own identity, or a Spaces bucket with a read-only key. */
export type ChannelView =
  | { readonly type: "directory"; readonly path: string }
  | { readonly type: "s3"; readonly bucket: string; readonly region: string }
  | {
      readonly type: "spaces";
      readonly bucket: string;
      /** Host name, such as `fra1.digitaloceanspaces.com`. */
      readonly endpoint: string;
      readonly accessKeyId: string;
      readonly secretAccessKey: string;
    };

/** The site's public address, which balancers take over themselves, and what they need to do so. */
export type PublicAddress =
  | { readonly type: "aws"; readonly address: string; readonly allocationId: string; readonly region: string }
  | { readonly type: "digitalocean"; readonly address: string };

/** What only the platform knows of the place where a host runs. */
export interface HostPlace {
  /** The private network, `a.b.c.d/n`. */
  readonly networkCidr: string;
  /** Where the host finds the channel. */
  readonly channel: ChannelView;
  /** Block devices of data volumes, by the volume's name, blank or with a file system. One that is missing the platform mounts itself. */
  readonly devices: Readonly<Record<string, string>>;
  /** Undefined: each balancer has its own address only. */
  readonly publicAddress?: PublicAddress | undefined;
}

/** All that is known of one host. A service takes from it what its view needs (define.ts). */
export interface HostContext extends Placement {
  readonly host: TopologyHost;
  readonly place: HostPlace;
  /** What all services of this host say of themselves. */
  readonly described: Required<Description>;
  /** SHA-256 of the JSON list of the host's secret files, where they come through the channel; empty elsewhere. */
  readonly secretsSha256: string;
}

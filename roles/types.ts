import { Config } from "../config/schema";
import { RoleName, Topology, TopologyHost } from "../topology/types";

/**
 * Where a file or a step is wanted: on hosts, in the making of an image that has their packages (in a throw-away machine, which has no roles), or in
 * both.
 */
export type Where = "host" | "image" | "both";

/** A file on a host. */
export interface HostFile {
  /** Absolute path. */
  readonly path: string;
  readonly content: string;
  /** Octal permissions; the owner is root. */
  readonly mode: "0600" | "0644" | "0755";
  /** It holds a secret: where secrets go through the channel, it does not come with user-data. Default: false. */
  readonly secret?: boolean;
  /** Default: host. */
  readonly where?: Where;
}

/** A TCP port that a role opens, and who may come: the world, or hosts with one of the roles. */
export interface Port {
  readonly port: number;
  readonly from: "world" | readonly RoleName[];
  readonly description: string;
}

/** A step of bringing the host to its role: an idempotent script, run in the order of the names at every boot. */
export interface ConvergeStep {
  /** Two digits and a word, such as `40-nginx`. */
  readonly name: string;
  readonly script: string;
  /** Default: host. */
  readonly where?: Where;
}

/** An HAProxy on a host, whose servers sync keeps: in its configuration, and through its runtime socket. */
export interface ProxyPlace {
  readonly config: string;
  readonly socket: string;
}

/** What one role asks of a host. */
export interface RoleParts {
  readonly packages: readonly string[];
  readonly files: readonly HostFile[];
  readonly steps: readonly ConvergeStep[];
  readonly ports: readonly Port[];
}

/** Secret texts that files on hosts hold. Only what a host needs gets into its files. */
export interface HostSecrets {
  readonly appPassword: string;
  readonly replicationPassword: string;
  /** PEM of the site's own certificate authority. */
  readonly caCertificate: string;
  /** PEM certificate and key of the database servers. */
  readonly databaseCertificate: string;
  readonly databaseKey: string;
  /** PEM certificate and key of the web servers, where Nginx terminates TLS; empty elsewhere. */
  readonly webCertificate: string;
  readonly webKey: string;
  /** Token with which balancers claim the public address on DigitalOcean; empty elsewhere. */
  readonly addressToken: string;
  /** Values for `app.secrets`, by name. */
  readonly app: Readonly<Record<string, string>>;
}

/** The same, with all that is secret blank: certificates and the authority's certificate stay. */
export const withoutSecrets = (secrets: HostSecrets): HostSecrets => ({
  ...secrets,
  appPassword: "",
  replicationPassword: "",
  databaseKey: "",
  webKey: "",
  addressToken: "",
  app: {},
});

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

/** The site's public address, which balancers claim themselves, and what they need to do so. */
export type PublicAddress =
  | { readonly type: "aws"; readonly address: string; readonly allocationId: string; readonly region: string }
  | { readonly type: "digitalocean"; readonly address: string };

/** What only the platform knows of the place where a host runs. */
export interface HostPlace {
  /** The private network, `a.b.c.d/n`. */
  readonly networkCidr: string;
  /** Where the host finds the channel. */
  readonly channel: ChannelView;
  /** Path of the data volume's block device, blank or with a file system. Undefined: the platform mounts it, or the host has none. */
  readonly dataDevice?: string | undefined;
  /** Undefined: each balancer has its own address only. */
  readonly publicAddress?: PublicAddress | undefined;
  /** How secret files reach the host: with its user-data, or as `secrets/<host>.json` in the channel. */
  readonly secretsThrough: "user-data" | "channel";
}

/** All that a role may look at to say what it asks of one host. */
export interface HostView extends HostPlace {
  readonly host: TopologyHost;
  readonly topology: Topology;
  readonly config: Config;
  readonly secrets: HostSecrets;
  /** SHA-256 of the JSON list of the host's secret files, where they come through the channel; empty elsewhere. */
  readonly secretsSha256: string;
  /** SHA-256 of the archive with the hosts' programs, which the channel holds. */
  readonly kit: string;
}

export type Role = (view: HostView) => RoleParts;

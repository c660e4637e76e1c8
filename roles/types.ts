import { Config } from "../config/schema";
import { RoleName, Topology, TopologyHost } from "../topology/types";

/** A file on a host. */
export interface HostFile {
  /** Absolute path. */
  readonly path: string;
  readonly content: string;
  /** Octal permissions; the owner is root. */
  readonly mode: "0600" | "0644" | "0755";
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
  /** Values for `app.secrets`, by name. */
  readonly app: Readonly<Record<string, string>>;
}

/** All that a role may look at to say what it asks of one host. */
export interface HostView {
  readonly host: TopologyHost;
  readonly topology: Topology;
  readonly config: Config;
  /** The private network, `a.b.c.d/n`. */
  readonly networkCidr: string;
  readonly secrets: HostSecrets;
  /** SHA-256 of the archive with the hosts' programs, which the channel holds. */
  readonly kit: string;
  /** Where the host finds the channel. */
  readonly channel: ChannelView;
}

/** How a host reaches the channel: the body of rclone's `[channel]` remote. */
export type ChannelView = { readonly type: "directory"; readonly path: string };

export type Role = (view: HostView) => RoleParts;

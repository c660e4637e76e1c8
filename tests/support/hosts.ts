/** Stacks, hosts and secrets that pure tests render hosts from. Every secret here is made up. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { cloudConfig, definitionText, type HostDefinition, hostFiles } from "../../cloudinit";
import { parseConfig, type RawConfig } from "../../config/parse";
import type { Config } from "../../config/schema";
import type { SecretTexts } from "../../core/secret";
import { platforms } from "../../platforms";
import type { HostFile, HostPlace } from "../../services/contract";
import { place } from "../../topology/place";

/** Values as Pulumi hands them out: scalars as text, the rest as JSON. */
export const rawOf = (config: Readonly<Record<string, unknown>>): RawConfig =>
  Object.fromEntries(
    Object.entries(config)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]),
  );

/** The `webinfra:` keys of a stack file. */
export function rawConfigOf(stackFile: string): RawConfig {
  const { config } = parse(stackFile) as { readonly config: Readonly<Record<string, unknown>> };
  return Object.fromEntries(
    Object.entries(rawOf(config)).map(([key, value]) => [key.replace(/^webinfra:/, ""), value]),
  );
}

/** `Pulumi.dev.yaml`, with some keys set otherwise. */
export const devRawConfig = (changes: RawConfig = {}): RawConfig => ({
  ...rawConfigOf(readFileSync(join(__dirname, "..", "..", "Pulumi.dev.yaml"), "utf8")),
  ...changes,
});

/** Secrets that a stack on DigitalOcean has to hold. */
export const digitaloceanSecrets: RawConfig = {
  secrets: JSON.stringify({ digitaloceanAddressToken: "fake-address-token" }),
};

/** The checked configuration of {@link devRawConfig}. */
export const devConfig = (changes: RawConfig = {}): Config =>
  parseConfig(devRawConfig({ ...(changes.platform === "digitalocean" && digitaloceanSecrets), ...changes }));

const fakePem = (kind: string, text: string): string =>
  `-----BEGIN ${kind}-----\n${Buffer.from(text).toString("base64")}\n-----END ${kind}-----\n`;

/** Secrets that anyone can see are none. */
export const fakeSecrets: SecretTexts = {
  "password app-password": "fake-app-password",
  "password replication-password": "fake-replication-password",
  authority: fakePem("CERTIFICATE", "fake CA certificate, for golden files only"),
  "certificate database-certificate": fakePem("CERTIFICATE", "fake database certificate, for golden files only"),
  "key database-certificate": fakePem("PRIVATE KEY", "fake database key, for golden files only"),
  "certificate web-certificate": fakePem("CERTIFICATE", "fake web certificate, for golden files only"),
  "key web-certificate": fakePem("PRIVATE KEY", "fake web key, for golden files only"),
  identity: "AGE-SECRET-KEY-1FAKEFORGOLDENFILESONLY",
  "given digitaloceanAddressToken": "fake-address-token",
};

/** The place of a host as each platform makes it. */
const places: Readonly<Record<Config["platform"], (host: string, holdsData: boolean) => HostPlace>> = {
  incus: () => ({
    networkCidr: "10.77.0.0/24",
    channel: { type: "directory", path: "/var/lib/webinfra-channel" },
    devices: {},
  }),
  aws: (_host, holdsData) => ({
    networkCidr: "10.80.0.0/16",
    channel: { type: "s3", bucket: "webinfra-prod-channel-0123456789abcdef", region: "eu-central-1" },
    devices: holdsData ? { data: "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0" } : {},
    publicAddress: {
      type: "aws",
      address: "203.0.113.7",
      allocationId: "eipalloc-0123456789abcdef0",
      region: "eu-central-1",
    },
  }),
  digitalocean: (host, holdsData) => ({
    networkCidr: "10.81.0.0/20",
    channel: {
      type: "spaces",
      bucket: "webinfra-staging-channel-0123456789",
      endpoint: "fra1.digitaloceanspaces.com",
      accessKeyId: "DO00FAKEFAKEFAKEFAKE",
      secretAccessKey: "fake-secret-access-key",
    },
    devices: holdsData ? { data: `/dev/disk/by-id/scsi-0DO_Volume_webinfra-staging-${host}` } : {},
    publicAddress: { type: "digitalocean", address: "203.0.113.8" },
  }),
};

/** A host with all that its files follow from. */
export interface HostView extends HostDefinition {
  readonly config: Config;
  readonly place: HostPlace;
  readonly secrets: SecretTexts;
  readonly secretsSha256: string;
}

/** One view a host of the stack. */
export function viewsOf(config: Config, secrets: SecretTexts = fakeSecrets): readonly HostView[] {
  const topology = place(config);
  return topology.hosts.map((host) => ({
    host,
    roles: host.roles,
    topology,
    settings: config,
    config,
    traits: platforms[config.platform].traits.hosts,
    programs: "0".repeat(64),
    sshPublicKey: config.ssh?.publicKey,
    place: places[config.platform](host.name, host.roles.includes("database")),
    secrets,
    secretsSha256: config.platform === "aws" ? "1".repeat(64) : "",
  }));
}

/** What the host fetches from the channel. */
export const definitionOf = ({ place: where, secrets, secretsSha256, ...definition }: HostView): string =>
  definitionText(definition, where, { texts: secrets, sha256: secretsSha256 });

/** The host's user-data. */
export function userDataOf(view: HostView): string {
  const { place: where, secrets, secretsSha256, ...definition } = view;
  const sha256 = createHash("sha256").update(definitionOf(view)).digest("hex");
  return cloudConfig(definition, where, { texts: secrets, sha256: secretsSha256 }, sha256);
}

/** The host's secret files. */
export const secretFilesOf = (view: HostView): readonly HostFile[] =>
  filesOf(view).filter(({ secret }) => secret === true);

/** All files that the host has, secret ones among them. */
export const filesOf = ({ place: where, secrets, secretsSha256, ...definition }: HostView): readonly HostFile[] =>
  hostFiles(definition, where, { texts: secrets, sha256: secretsSha256 });

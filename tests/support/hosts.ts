/** Stacks, views and secrets that pure tests render hosts from. Every secret here is made up. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { parseConfig, type RawConfig } from "../../config/parse";
import type { Config } from "../../config/schema";
import type { HostSecrets, HostView } from "../../roles/types";
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

/** The checked configuration of {@link devRawConfig}. */
export const devConfig = (changes: RawConfig = {}): Config => parseConfig(devRawConfig(changes));

const fakePem = (kind: string, text: string): string =>
  `-----BEGIN ${kind}-----\n${Buffer.from(text).toString("base64")}\n-----END ${kind}-----\n`;

/** Secrets that anyone can see are none. */
export const fakeSecrets: HostSecrets = {
  appPassword: "fake-app-password",
  replicationPassword: "fake-replication-password",
  caCertificate: fakePem("CERTIFICATE", "fake CA certificate, for golden files only"),
  databaseCertificate: fakePem("CERTIFICATE", "fake database certificate, for golden files only"),
  databaseKey: fakePem("PRIVATE KEY", "fake database key, for golden files only"),
  webCertificate: fakePem("CERTIFICATE", "fake web certificate, for golden files only"),
  webKey: fakePem("PRIVATE KEY", "fake web key, for golden files only"),
  app: {},
};

/** One view a host of the stack. */
export function viewsOf(config: Config, secrets: HostSecrets = fakeSecrets): readonly HostView[] {
  const topology = place(config);
  return topology.hosts.map((host) => ({
    host,
    topology,
    config,
    networkCidr: "10.77.0.0/24",
    secrets,
    kit: "0".repeat(64),
    channel: { type: "directory", path: "/var/lib/webinfra-channel" },
  }));
}

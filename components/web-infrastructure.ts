import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { cloudConfig, imageConfig, PlacementConflict } from "../cloudinit";
import { userDataFormats } from "../cloudinit/limits";
import { ConfigError } from "../config/errors";
import { Config } from "../config/schema";
import { SiteSummary } from "../config/summary";
import { writeFirstPrimaryPointer, writeReleasePointer } from "../core/protocol";
import { Ready } from "../provider/sdk";
import { HostPlace, HostSecrets, withoutSecrets } from "../roles/types";
import { hostsWith, RoleName, Topology } from "../topology/types";
import { Host } from "./host";
import { Platform } from "./platform";
import { Archive } from "./archive";
import { siteSecrets } from "./secrets";

/** Arguments of {@link WebInfrastructure}. */
export interface WebInfrastructureArgs {
  readonly config: Config;
  readonly topology: Topology;
  /** Plain facts of the site: this component's inputs as the engine and policies see them. */
  readonly summary: SiteSummary;
  /** Makes the platform below this component. */
  readonly platform: (parent: pulumi.Resource) => Platform;
  /** The application's code. */
  readonly release: Archive;
  /** The hosts' programs. */
  readonly kit: Archive;
  /** `webinfra:secrets`, by name. */
  readonly secrets: pulumi.Output<Readonly<Record<string, string>>>;
}

/** A host as the stack's outputs show it. */
export interface HostOutput {
  readonly name: string;
  readonly roles: readonly RoleName[];
  readonly machine: string;
  /** Private IPv4 address. */
  readonly address: string;
  /** Of its own, and not the site's; where the program knows one. */
  readonly publicAddress?: string;
}

/** Text that stands for a secret while the size of user-data is checked: the longest there will be, and as incompressible. */
const longest = (length: number): string =>
  Array.from({ length }, (_, index) => String.fromCharCode(48 + (((index * 2_654_435_761) % 4_294_967_296) % 75))).join(
    "",
  );

const placeholders = (appSecrets: readonly string[]): HostSecrets => ({
  appPassword: longest(32),
  replicationPassword: longest(32),
  caCertificate: longest(900),
  databaseCertificate: longest(1000),
  databaseKey: longest(300),
  webCertificate: longest(1000),
  webKey: longest(300),
  addressToken: longest(100),
  app: Object.fromEntries(appSecrets.map((name) => [name, longest(128)])),
});

/** The place of a host whose text is the longest that there will be. */
function longestPlace(platform: Config["platform"], holdsData: boolean): HostPlace {
  const networkCidr = "255.255.255.255/32";
  const address = "255.255.255.255";
  const device = longest(100);
  switch (platform) {
    case "incus":
      return { networkCidr, channel: { type: "directory", path: longest(64) }, secretsThrough: "user-data" };
    case "aws":
      return {
        networkCidr,
        channel: { type: "s3", bucket: longest(63), region: longest(20) },
        secretsThrough: "channel",
        dataDevice: holdsData ? device : undefined,
        publicAddress: { type: "aws", address, allocationId: longest(30), region: longest(20) },
      };
    case "digitalocean":
      return {
        networkCidr,
        channel: {
          type: "spaces",
          bucket: longest(63),
          endpoint: longest(40),
          accessKeyId: longest(20),
          secretAccessKey: longest(43),
        },
        secretsThrough: "user-data",
        dataDevice: holdsData ? device : undefined,
        publicAddress: { type: "digitalocean", address },
      };
  }
}

/**
 * Renders every host with placeholders, so that a conflict or too large a host is an error before anything is created.
 * @throws ConfigError for all hosts at once
 */
export function checkHosts(config: Config, topology: Topology): void {
  const { size, limit, unit } = userDataFormats[config.platform];
  const problems = topology.hosts.flatMap((host) => {
    let userData: string;
    try {
      userData = cloudConfig({
        host,
        topology,
        config,
        secrets: placeholders(config.app.secrets),
        secretsSha256: longest(64),
        kit: longest(64),
        ...longestPlace(config.platform, host.roles.includes("database")),
      });
    } catch (error) {
      if (error instanceof PlacementConflict) return [error.message];
      throw error;
    }
    const bytes = size(userData);
    return bytes <= limit
      ? []
      : [
          `${host.name}: its user-data has ${String(bytes)} ${unit}, and at most ${String(limit)} fit: ` +
            "shorten app.environment or mysql.settings, or place its roles on several hosts",
        ];
  });
  if (problems.length > 0) throw new ConfigError(problems);
}

/** The user-data of the throw-away machine that an image with the packages of all hosts is made of. */
export function hostsImage(config: Config, topology: Topology): string {
  const secrets = withoutSecrets(placeholders(config.app.secrets));
  const anywhere = longestPlace(config.platform, false);
  return imageConfig(
    topology.hosts.map((host) => ({ host, topology, config, secrets, secretsSha256: "", kit: "", ...anywhere })),
  );
}

/**
 * A whole site: network, secrets, channel, release, every host of the topology, and the proof that they serve.
 * Children: what the platform needs, `ca`, `database-certificate`, passwords, `release`, `release-pointer`, `primary-pointer`, one `Host` a host, `ready`.
 */
export class WebInfrastructure extends pulumi.ComponentResource {
  /** Where users go. */
  declare public readonly url: pulumi.Output<string>;
  declare public readonly hosts: pulumi.Output<HostOutput[]>;
  /** The public addresses that the site answers on, or those of the balancers on this computer. */
  declare public readonly addresses: pulumi.Output<string[]>;
  /** Where the channel is. */
  declare public readonly channel: pulumi.Output<string>;

  constructor(name: string, args: WebInfrastructureArgs, opts?: pulumi.ComponentResourceOptions) {
    super("webinfra:index:WebInfrastructure", name, { summary: args.summary }, opts);
    const { config, topology, release, kit } = args;
    checkHosts(config, topology);
    const platform = args.platform(this);

    const secrets = siteSecrets({
      platform,
      secrets: args.secrets,
      appSecrets: config.app.secrets,
      webDomain: topology.terminatesTls ? config.domain : undefined,
      parent: this,
    });
    const programs = platform.archive("kit", { folder: "kits", archive: kit }, this);
    const archive = platform.archive("release", { folder: "releases", archive: release }, this);
    const releaseText = writeReleasePointer(release.sha256);
    const releasePointer = platform.channelObject(
      "release-pointer",
      // Named only once it is there.
      { key: "pointers/release.json", content: pulumi.output(archive.urn).apply(() => releaseText) },
      this,
    );
    const primaryPointer = platform.pointer(
      "primary-pointer",
      { key: "pointers/primary.json", content: writeFirstPrimaryPointer(topology.initialPrimary) },
      this,
    );
    const protectData = config.mysql.protect ?? config.platform !== "incus";
    const hosts = topology.hosts.map((host) => ({
      host,
      component: new Host(host.name, { host, topology, config, platform, secrets, kit, protectData }, { parent: this }),
    }));

    this.hosts = pulumi.all(
      hosts.map(({ host, component }) =>
        pulumi
          .all([component.machine, component.address, component.publicAddress])
          .apply(([machine, address, publicAddress]) => ({
            name: host.name,
            roles: host.roles,
            machine,
            address,
            ...(publicAddress !== undefined && { publicAddress }),
          })),
      ),
    );
    const announced = platform.announce(
      pulumi
        .all([releaseText, ...hosts.map(({ component }) => component.entryText)])
        .apply((texts) => createHash("sha256").update(JSON.stringify(texts)).digest("hex")),
      [...hosts.map(({ component }) => component.entry), programs, releasePointer, primaryPointer],
      this,
    );
    const balancers = new Set(hostsWith(topology, "loadBalancer").map((host) => host.name));
    const own = this.hosts.apply((all) => all.filter(({ name }) => balancers.has(name)).map(({ address }) => address));
    this.addresses = platform.publicAddress === undefined ? own : pulumi.all([platform.publicAddress]);
    this.channel = platform.channel;
    const site = this.addresses.apply(([address = ""]) => `http://${address}`);
    const standby = new Set(topology.hosts.filter((host) => host.standby === true).map((host) => host.name));
    const ready = new Ready(
      "ready",
      {
        site,
        host: config.domain,
        machines: this.hosts.apply((all) =>
          all.map(({ name, roles, machine, address }) => ({
            name,
            roles: [...roles],
            machine,
            address,
            standby: standby.has(name),
          })),
        ),
        reach: platform.publicAddress === undefined ? "private" : "public",
        release: release.sha256,
        timeoutSeconds: config.readyTimeoutSeconds,
      },
      {
        parent: this,
        dependsOn: [...hosts.map(({ component }) => component.entry), releasePointer, primaryPointer, ...announced],
      },
    );
    this.url = pulumi.all([site, ready.checkedAt]).apply(([url]) => url);
    this.registerOutputs({ url: this.url, hosts: this.hosts, addresses: this.addresses, channel: this.channel });
  }
}

import * as pulumi from "@pulumi/pulumi";
import { cloudConfig, definitionText, HostDefinition, imageConfig, PlacementConflict } from "../cloudinit";
import { discardVariable, Replacement } from "../config/replacement";
import { Config } from "../config/schema";
import { ConfigError } from "../core/config-error";
import { digest } from "../core/digest";
import { writeFirstPrimaryPointer, writeHostPointer, writeReleasePointer } from "../core/protocol";
import { distinct, isPublic, roomFor, secretId } from "../core/secret";
import { platforms } from "../platforms";
import { Archive, Platform } from "../platforms/contract";
import { filler } from "../platforms/traits";
import { Ready } from "../provider/sdk";
import { SiteSummary } from "../review/summary";
import { describe } from "../roles";
import { hostsWith, RoleName, Topology } from "../topology/types";
import { Host } from "./host";
import { isOfSite, siteSecrets } from "./secrets";

/** Arguments of {@link Infrastructure}. */
export interface InfrastructureArgs {
  readonly config: Config;
  readonly topology: Topology;
  /** Plain facts of the site: this component's inputs as the engine and policies see them. */
  readonly summary: SiteSummary;
  /** Makes the platform below this component. */
  readonly platform: (parent: pulumi.Resource) => Platform;
  /** The application's code. */
  readonly release: Archive;
  /** The host package: the hosts' programs. */
  readonly programs: Archive;
  /** The host that this run makes anew on purpose. Undefined: none. */
  readonly replacement: Replacement | undefined;
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
  /** SHA-256 of the definition that its machine would be made from now. */
  readonly definition: string;
}

/** The hosts of a site, as they are defined. */
const definitionsOf = (config: Config, topology: Topology): readonly HostDefinition[] =>
  topology.hosts.map((host) => ({
    host,
    roles: host.roles,
    topology,
    settings: config,
    traits: platforms[config.platform].traits.hosts,
    sshPublicKey: config.ssh?.publicKey,
  }));

/**
 * Measures the user-data of every host, so that a conflict or too large a host is an error before anything is created. It holds room for secrets instead
 * of any.
 * @throws ConfigError for all hosts at once
 */
export function checkHosts(config: Config, topology: Topology): void {
  const { userData, widestPlace, hosts } = platforms[config.platform].traits;
  const sha256 = filler(64);
  const problems = definitionsOf(config, topology).flatMap((definition) => {
    const { volumes, secrets } = describe(definition);
    const texts = Object.fromEntries(secrets.map((secret) => [secretId(secret), ""]));
    const sent = hosts.secretsThrough === "user-data" ? secrets.filter((secret) => !isPublic(secret)) : [];
    const place = widestPlace(volumes);
    try {
      definitionText(definition, place, { texts, sha256 });
    } catch (error) {
      if (error instanceof PlacementConflict) {
        return [error.message];
      }
      throw error;
    }
    const text = cloudConfig(definition, place, { texts, sha256 }, sha256);
    const bytes = userData.size(text, roomFor(sent));
    return bytes <= userData.limit
      ? []
      : [
          `${definition.host.name}: its user-data has ${String(bytes)} ${userData.unit}, and at most ${String(userData.limit)} fit: ` +
            "place its roles on several hosts",
        ];
  });
  if (problems.length > 0) {
    throw new ConfigError(problems);
  }
}

/** @throws ConfigError when data are to be discarded, and the host has none */
export function checkDiscard(config: Config, topology: Topology, replacement: Replacement | undefined): void {
  const discarded =
    replacement?.discardData === true
      ? definitionsOf(config, topology).find(({ host }) => host.name === replacement.host)
      : undefined;
  if (discarded !== undefined && describe(discarded).volumes.length === 0) {
    throw new ConfigError([
      `${discardVariable} is "${discarded.host.name}", which holds no data: should be a host with a data volume, or not be set`,
    ]);
  }
}

/** The user-data of the throw-away machine that an image with the packages of all hosts is made of. */
export const hostsImage = (config: Config, topology: Topology): string => imageConfig(definitionsOf(config, topology));

/**
 * A whole site: network, secrets, channel, release, every host of the topology, and the proof that they serve.
 * Children: what the platform needs, `ca`, `database-certificate`, passwords, `release`, `release-pointer`, `host-package`,
 * `host-pointer`, `primary-pointer`, one `Host` a host, `ready`.
 */
export class Infrastructure extends pulumi.ComponentResource {
  /** Where users go. */
  declare public readonly url: pulumi.Output<string>;
  declare public readonly hosts: pulumi.Output<HostOutput[]>;
  /** The public addresses that the site answers on, or those of the balancers on this computer. */
  declare public readonly addresses: pulumi.Output<string[]>;
  /** Names of hosts that were made from an older definition: they hold data, and are replaced on purpose alone. */
  declare public readonly outdated: pulumi.Output<readonly string[]>;
  /** Where the channel is. */
  declare public readonly channel: pulumi.Output<string>;

  constructor(name: string, args: InfrastructureArgs, opts?: pulumi.ComponentResourceOptions) {
    super("webinfra:index:WebInfrastructure", name, { summary: args.summary }, opts);
    const { config, topology, release, programs, replacement } = args;
    const definitions = definitionsOf(config, topology);
    const platform = args.platform(this);

    const secrets = siteSecrets({
      platform,
      declared: distinct(
        definitions.map(describe).flatMap(({ secrets: own, sealed }) => [...own, ...sealed].filter(isOfSite)),
      ),
      secrets: args.secrets,
      appSecrets: config.app.secrets,
      parent: this,
    });
    const hostPackage = platform.archive("host-package", { folder: "packages", archive: programs }, this);
    const hostText = writeHostPointer(programs.sha256);
    const hostPointer = platform.channelObject(
      "host-pointer",
      // Named only once it is there.
      { key: "pointers/host.json", content: pulumi.output(hostPackage.urn).apply(() => hostText) },
      this,
    );
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
    const hosts = definitions.map((definition) => {
      const { host } = definition;
      const replacing = replacement?.host === host.name;
      const discardData = replacing && replacement.discardData;
      const given = { definition, platform, secrets, hostPointer, protectData, replacing, discardData };
      return { host, component: new Host(host.name, given, { parent: this }) };
    });

    this.hosts = pulumi.all(
      hosts.map(({ host, component }) =>
        pulumi
          .all([component.machine, component.address, component.publicAddress, component.definition])
          .apply(([machine, address, publicAddress, definition]) => ({
            name: host.name,
            roles: host.roles,
            machine,
            address,
            ...(publicAddress !== undefined && { publicAddress }),
            definition,
          })),
      ),
    );
    const announced = platform.announce(
      pulumi
        .all([
          releaseText,
          hostText,
          ...hosts.flatMap(({ component: { entryText, settingsText } }) => [entryText, settingsText]),
        ])
        .apply((texts) => digest(JSON.stringify(texts))),
      [
        ...hosts.flatMap(({ component: { entry, settings } }) => [entry, settings]),
        hostPointer,
        releasePointer,
        primaryPointer,
      ],
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
        machines: pulumi
          .all([this.hosts, pulumi.all(hosts.map(({ component }) => component.settingsText.apply(digest)))])
          .apply(([all, settings]) =>
            all.map(({ name, roles, machine, address, definition }, index) => ({
              name,
              roles: [...roles],
              machine,
              address,
              standby: standby.has(name),
              definition,
              settings: settings[index] ?? "",
            })),
          ),
        reach: platform.publicAddress === undefined ? "private" : "public",
        release: release.sha256,
        hostPackage: programs.sha256,
        timeoutSeconds: config.readyTimeoutSeconds,
      },
      {
        parent: this,
        dependsOn: [
          ...hosts.flatMap(({ component: { entry, settings } }) => [entry, settings]),
          hostPointer,
          releasePointer,
          primaryPointer,
          ...announced,
        ],
      },
    );
    this.outdated = ready.outdated;
    this.url = pulumi.all([site, ready.checkedAt]).apply(([url]) => url);
    this.registerOutputs({ url: this.url, hosts: this.hosts, addresses: this.addresses, channel: this.channel });
  }
}

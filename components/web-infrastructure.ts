import * as pulumi from "@pulumi/pulumi";
import { cloudConfig, compressed, PlacementConflict, userDataBudget } from "../cloudinit";
import { ConfigError } from "../config/errors";
import { Config } from "../config/schema";
import { Ready } from "../provider/sdk";
import { HostSecrets } from "../roles/types";
import { hostsWith, RoleName, Topology } from "../topology/types";
import { Host } from "./host";
import { Platform } from "./platform";
import { Archive } from "./archive";
import { siteSecrets } from "./secrets";

/** Arguments of {@link WebInfrastructure}. */
export interface WebInfrastructureArgs {
  readonly config: Config;
  readonly topology: Topology;
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
  readonly address: string;
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
  app: Object.fromEntries(appSecrets.map((name) => [name, longest(128)])),
});

/**
 * Renders every host with placeholders, so that a conflict or too large a host is an error before anything is created.
 * @throws ConfigError for all hosts at once
 */
export function checkHosts(config: Config, topology: Topology): void {
  const problems = topology.hosts.flatMap((host) => {
    let userData: string;
    try {
      userData = cloudConfig({
        host,
        topology,
        config,
        networkCidr: "255.255.255.255/32",
        secrets: placeholders(config.app.secrets),
        kit: longest(64),
        channel: { type: "directory", path: longest(64) },
      });
    } catch (error) {
      if (error instanceof PlacementConflict) return [error.message];
      throw error;
    }
    const size = compressed(userData).length;
    return size <= userDataBudget
      ? []
      : [
          `${host.name}: its user-data has ${String(size)} bytes compressed, and at most ${String(userDataBudget)} fit: ` +
            "shorten app.environment or mysql.settings, or place its roles on several hosts",
        ];
  });
  if (problems.length > 0) throw new ConfigError(problems);
}

/**
 * A whole site: network, secrets, channel, release, every host of the topology, and the proof that they serve.
 * Children: what the platform needs, `ca`, `database-certificate`, passwords, `release`, `release-pointer`, `primary-pointer`, one `Host` a host, `ready`.
 */
export class WebInfrastructure extends pulumi.ComponentResource {
  /** Where users go. */
  declare public readonly url: pulumi.Output<string>;
  declare public readonly hosts: pulumi.Output<HostOutput[]>;

  constructor(name: string, args: WebInfrastructureArgs, opts?: pulumi.ComponentResourceOptions) {
    super("webinfra:index:WebInfrastructure", name, {}, opts);
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
    platform.archive("kit", { folder: "kits", archive: kit }, this);
    const archive = platform.archive("release", { folder: "releases", archive: release }, this);
    const releasePointer = platform.channelObject(
      "release-pointer",
      // Named only once it is there.
      {
        key: "pointers/release.json",
        content: pulumi.output(archive.urn).apply(() => JSON.stringify({ release: release.sha256 })),
      },
      this,
    );
    const primaryPointer = platform.channelObject(
      "primary-pointer",
      {
        key: "pointers/primary.json",
        content: JSON.stringify({ epoch: 1, primary: topology.initialPrimary }),
        keepExisting: true,
      },
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
          .all([component.machine, component.address])
          .apply(([machine, address]) => ({ name: host.name, roles: host.roles, machine, address })),
      ),
    );
    const standby = new Set(topology.hosts.filter((host) => host.standby === true).map((host) => host.name));
    const front = hostsWith(topology, "loadBalancer")[0];
    const site = this.hosts.apply((all) => `http://${all.find((host) => host.name === front?.name)?.address ?? ""}`);
    const ready = new Ready(
      "ready",
      {
        site,
        machines: this.hosts.apply((all) =>
          all.map((one) => ({ ...one, roles: [...one.roles], standby: standby.has(one.name) })),
        ),
        release: release.sha256,
        timeoutSeconds: config.readyTimeoutSeconds,
      },
      { parent: this, dependsOn: [...hosts.map(({ component }) => component.entry), releasePointer, primaryPointer] },
    );
    this.url = pulumi.all([site, ready.checkedAt]).apply(([url]) => url);
    this.registerOutputs({ url: this.url, hosts: this.hosts });
  }
}

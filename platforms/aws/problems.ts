import { isIPv6 } from "node:net";
import { PlatformSettings } from "../contract";
import { isNetwork, isWithin } from "../../core/ipv4";
import { hostsWith, Topology } from "../../topology/types";
import { defaultNetwork, planSubnets } from "./addresses";

/** Availability zones of the stack. */
export const zonesOf = ({ aws: { region, zones } }: PlatformSettings): readonly string[] =>
  zones ?? [`${region}a`, `${region}b`];

/** EC2 imports RSA and ED25519 keys only (EC2 API reference, `ImportKeyPair`). */
const keyTypes = ["ssh-ed25519", "ssh-rsa"];

/** Those that stand in a list again. */
const repeated = (values: readonly string[]): readonly string[] => [
  ...new Set(values.filter((value, index) => values.indexOf(value) !== index)),
];

function networkProblems(config: PlatformSettings, topology: Topology): readonly string[] {
  const {
    network: { cidr },
    aws,
  } = config;
  if (aws.vpc === undefined) {
    const twice = repeated(aws.zones ?? []);
    if (twice.length > 0) {
      return [`webinfra:aws.zones lists ${twice.join(", ")} twice: should list each zone once`];
    }
    const plan = planSubnets(cidr ?? defaultNetwork, zonesOf(config), topology.hosts);
    return typeof plan === "string" ? [`webinfra:network.cidr is "${cidr ?? defaultNetwork}": ${plan}`] : [];
  }
  const { id } = aws.vpc;
  return [
    ...(cidr === undefined ? [] : [`webinfra:network.cidr is "${cidr}": ${id} has its own: leave it out`]),
    ...(aws.zones === undefined
      ? []
      : [`webinfra:aws.zones is ${JSON.stringify(aws.zones)}: the subnets of ${id} have theirs: leave it out`]),
  ];
}

function sshProblems({ ssh }: PlatformSettings): readonly string[] {
  if (!ssh) {
    return [];
  }
  const type = ssh.publicKey.split(" ", 1).join();
  return [
    ...(keyTypes.includes(type)
      ? []
      : [`webinfra:ssh.publicKey is of the type ${type}: AWS takes ${keyTypes.join(" and ")} keys only`]),
    ...ssh.allowedCidrs.flatMap((cidr, index) => {
      const [address = "", prefix] = cidr.split("/");
      return isNetwork(cidr) || (isIPv6(address) && Number(prefix) <= 128)
        ? []
        : [
            `webinfra:ssh.allowedCidrs.${String(index)} is "${cidr}": ` +
              "should be a network with its host bits zero, such as 203.0.113.7/32 or 203.0.113.0/24",
          ];
    }),
  ];
}

function volumeProblems({ aws: { volumes } }: PlatformSettings, topology: Topology): readonly string[] {
  const databases = hostsWith(topology, "database").map(({ name }) => name);
  const hosts = Object.keys(volumes);
  return [
    ...hosts
      .filter((host) => !databases.includes(host))
      .map(
        (host) =>
          `webinfra:aws.volumes names ${host}, which is no host with the role database: should be one of ${databases.join(", ")}`,
      ),
    ...repeated(Object.values(volumes)).map(
      (volume) =>
        `webinfra:aws.volumes gives ${volume} to ${hosts.filter((host) => volumes[host] === volume).join(" and ")}: ` +
        "should be a volume for one host",
    ),
  ];
}

/** What AWS cannot do of what a stack asks for, one line a problem. */
export const awsProblems = (config: PlatformSettings, topology: Topology): readonly string[] => [
  ...networkProblems(config, topology),
  ...sshProblems(config),
  ...volumeProblems(config, topology),
];

/** What is wrong with the stack's zones, by those that AWS offers the account in its region. */
export function zonesProblem(config: PlatformSettings, offered: readonly string[]): string | undefined {
  const zones = zonesOf(config);
  const missing = zones.filter((zone) => !offered.includes(zone));
  if (missing.length === 0) {
    return undefined;
  }
  return (
    `webinfra:aws.zones is ${JSON.stringify(zones)}${config.aws.zones === undefined ? " by default" : ""}: this account is not offered ` +
    `${missing.join(" and ")}: should be two or more of ${[...offered].sort().join(", ")}`
  );
}

/** A list of subnets in `webinfra:aws.vpc`. */
export type SubnetKind = "publicSubnets" | "privateSubnets";

/** What is wrong with a subnet that the stack names, by what AWS says of it. */
export function subnetProblem(
  vpc: { readonly id: string; readonly cidrBlock: string },
  kind: SubnetKind,
  index: number,
  found: {
    readonly id: string;
    readonly vpcId: string;
    readonly cidrBlock: string;
    readonly mapPublicIpOnLaunch: boolean;
  },
): string | undefined {
  const problem = (what: string): string => `webinfra:aws.vpc.${kind}.${String(index)} is "${found.id}": ${what}`;
  if (found.vpcId !== vpc.id) {
    return problem(`it is a subnet of ${found.vpcId}: should be one of ${vpc.id}`);
  }
  // A VPC may have more ranges; an IPv6-only subnet has no IPv4 range at all.
  if (!isWithin(found.cidrBlock, vpc.cidrBlock)) {
    return problem(
      `its range is ${found.cidrBlock || "not IPv4"}, and hosts let each other through in ${vpc.cidrBlock} alone, ` +
        `the primary range of ${vpc.id}: should be a subnet in it`,
    );
  }
  return kind === "publicSubnets" && !found.mapPublicIpOnLaunch
    ? problem("it gives machines no public address, which balancers need: should have mapPublicIpOnLaunch")
    : undefined;
}

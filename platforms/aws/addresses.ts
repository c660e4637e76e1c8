/** The address plan of a VPC: pure, and the same for a zone whatever other zones there are. */
import { formatAddress, parseCidr } from "../../core/ipv4";
import { TopologyHost } from "../../topology/types";

/** The network of a stack that names none. */
export const defaultNetwork = "10.80.0.0/16";

/** The subnets of one availability zone, each `a.b.c.d/n`. */
export interface ZoneSubnets {
  readonly zone: string;
  readonly public: string;
  readonly private: string;
}

/** Prefix lengths that a VPC and a subnet may have (Amazon VPC user guide, "VPC CIDR blocks" and "Subnet sizing"). */
const [largest, smallest] = [16, 28];
/** Addresses of each subnet that AWS keeps for itself (Amazon VPC user guide, "Subnet sizing"). */
const reserved = 5;
/** Last letters of zones that have their own place in a network: eight, more zones than any region has. */
const placedLetters = "abcdefgh";
/** Subnets that a network is cut into where it is large enough. */
const usualSlots = 2 * placedLetters.length;

/** The last letter of an availability zone names what belongs to it. */
export const letterOf = (zone: string): string => zone.slice(-1);

/**
 * Index of a host's zone: from the number at the end of its name, so that it never moves because of other hosts. A host without a number counts as
 * the first.
 */
export function zoneIndex(host: string, zones: number): number {
  const number = Number(/\d+$/.exec(host)?.[0] ?? 1);
  return (((number - 1) % zones) + zones) % zones;
}

/** True for hosts that users reach. */
export const isPublic = (host: Pick<TopologyHost, "roles">): boolean => host.roles.includes("loadBalancer");

/** Addresses that the fullest subnet of a kind needs: each machine's, and its successor's while it is replaced. */
function mostHosts(hosts: readonly TopologyHost[], zones: number, open: boolean): number {
  const counts = new Array<number>(zones).fill(0);
  for (const host of hosts) {
    const index = zoneIndex(host.name, zones);
    if (isPublic(host) === open) {
      counts[index] = (counts[index] ?? 0) + 2;
    }
  }
  return Math.max(...counts);
}

/**
 * Cuts the network into equal subnets, two a zone. A zone's letter decides about its place, so that a list of other zones never gives it, or one that
 * is new, what is still another's: Pulumi creates before it deletes. Networks smaller than /24 have no place for zones that are not there, and are
 * cut in the order of the list.
 * @returns the subnets, or why there is no room for them
 */
export function planSubnets(
  cidr: string,
  zones: readonly string[],
  hosts: readonly TopologyHost[],
): readonly ZoneSubnets[] | string {
  const network = parseCidr(cidr);
  if (network === undefined || network.prefix < largest || network.prefix > smallest) {
    return `a VPC has from /${String(smallest)} to /${String(largest)}: should be such as ${defaultNetwork}`;
  }
  const { first, prefix } = network;
  const least = Math.ceil(Math.log2(zones.length * 2));
  const subnet = prefix + Math.max(least, Math.min(Math.log2(usualSlots), smallest - prefix));
  if (subnet > smallest) {
    return (
      `it has no room for two subnets in each of ${String(zones.length)} zones: ` +
      `should be /${String(smallest - least)} or larger, such as ${defaultNetwork}`
    );
  }
  const room = 2 ** (32 - subnet) - reserved;
  // A NAT gateway takes an address of its public subnet.
  const needed = Math.max(mostHosts(hosts, zones.length, true) + 1, mostHosts(hosts, zones.length, false));
  if (needed > room) {
    return (
      `its subnets have ${String(room)} addresses, and one needs ${String(needed)}, ` +
      `two a host to replace it: should be larger, such as ${defaultNetwork}`
    );
  }
  const placed =
    subnet - prefix === Math.log2(usualSlots) && zones.every((one) => placedLetters.includes(letterOf(one)));
  const slot = (index: number): string => `${formatAddress(first + index * 2 ** (32 - subnet))}/${String(subnet)}`;
  return zones.map((zone, index) => {
    const at = 2 * (placed ? placedLetters.indexOf(letterOf(zone)) : index);
    return { zone, public: slot(at), private: slot(at + 1) };
  });
}

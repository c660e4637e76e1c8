/** Arithmetic on IPv4 networks. */
import ipaddr from "ipaddr.js";

/** An IPv4 network: first and last address as numbers. */
export interface Subnet {
  readonly first: number;
  readonly last: number;
  readonly prefix: number;
}

const numberOf = (address: ipaddr.IPv4): number => Buffer.from(address.toByteArray()).readUInt32BE();

/** Parses `10.77.0.0/24`; the address may be any in the network. Undefined when it is not IPv4 CIDR notation. */
export function parseCidr(cidr: string): Subnet | undefined {
  if (!ipaddr.IPv4.isValidCIDRFourPartDecimal(cidr)) {
    return undefined;
  }
  const [, prefix] = ipaddr.IPv4.parseCIDR(cidr);
  return {
    first: numberOf(ipaddr.IPv4.networkAddressFromCIDR(cidr)),
    last: numberOf(ipaddr.IPv4.broadcastAddressFromCIDR(cidr)),
    prefix,
  };
}

/** An address in dotted notation. */
export function formatAddress(address: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(address);
  return new ipaddr.IPv4([...bytes]).toString();
}

/** A network in CIDR notation. */
export const formatCidr = (subnet: Subnet): string => `${formatAddress(subnet.first)}/${String(subnet.prefix)}`;

/** Whether two networks share an address. */
export const overlaps = (a: Subnet, b: Subnet): boolean => a.first <= b.last && b.first <= a.last;

/** Whether a network is all in another one; false when one of them is not IPv4 CIDR notation. */
export function isWithin(cidr: string, other: string): boolean {
  const [inner, outer] = [parseCidr(cidr), parseCidr(other)];
  return inner !== undefined && outer !== undefined && outer.first <= inner.first && inner.last <= outer.last;
}

/** True for a network in CIDR notation whose host bits are zero. */
export function isNetwork(cidr: string): boolean {
  const subnet = parseCidr(cidr);
  return subnet !== undefined && formatCidr(subnet) === cidr;
}

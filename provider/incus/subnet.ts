/** Arithmetic on IPv4 subnets, and the choice of a free one. */

/** An IPv4 subnet: first and last address as numbers. */
export interface Subnet {
  readonly first: number;
  readonly last: number;
  readonly prefix: number;
}

/** A subnet in use, and who uses it in words. */
export interface TakenSubnet {
  readonly cidr: string;
  readonly by: string;
}

/** Parses `10.77.0.0/24`; the address may be any in the subnet. Undefined when it is not IPv4 CIDR notation. */
export function parseCidr(cidr: string): Subnet | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(cidr);
  if (match === null) {
    return undefined;
  }
  const parts = match.slice(1).map(Number);
  const prefix = parts.pop() ?? 33;
  if (prefix > 32 || parts.some((part) => part > 255)) {
    return undefined;
  }
  const address = parts.reduce((sum, part) => sum * 256 + part, 0);
  const size = 2 ** (32 - prefix);
  const first = Math.floor(address / size) * size;
  return { first, last: first + size - 1, prefix };
}

/** An address in dotted notation. */
export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}

/** A subnet in CIDR notation. */
export function formatCidr(subnet: Subnet): string {
  return `${formatAddress(subnet.first)}/${String(subnet.prefix)}`;
}

/** Whether two subnets share an address. */
export function overlaps(a: Subnet, b: Subnet): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/** Whether a subnet is all in another one; false when one of them is not IPv4 CIDR notation. */
export function isWithin(cidr: string, other: string): boolean {
  const [inner, outer] = [parseCidr(cidr), parseCidr(other)];
  return inner !== undefined && outer !== undefined && outer.first <= inner.first && inner.last <= outer.last;
}

/** The first of the taken subnets that shares an address with `cidr`. */
export function conflictOf(cidr: string, taken: readonly TakenSubnet[]): TakenSubnet | undefined {
  const wanted = parseCidr(cidr);
  return taken.find((other) => {
    const subnet = parseCidr(other.cidr);
    return wanted !== undefined && subnet !== undefined && overlaps(wanted, subnet);
  });
}

/** The first of 10.77.0.0/24 … 10.77.255.0/24 that shares no address with what is taken. */
export function pickSubnet(taken: readonly TakenSubnet[]): string {
  for (let third = 0; third < 256; third++) {
    const cidr = `10.77.${String(third)}.0/24`;
    if (conflictOf(cidr, taken) === undefined) {
      return cidr;
    }
  }
  const first = conflictOf("10.77.0.0/16", taken);
  throw new Error(
    "no subnet is free among 10.77.0.0/24 … 10.77.255.0/24" +
      (first === undefined ? "" : ` (${first.by} has ${first.cidr})`) +
      ": set the network's `cidr` to a private IPv4 subnet that this machine does not use, for example 192.168.222.0/24",
  );
}

/** Subnets in Linux's /proc/net/route, without the default route. */
export function parseRoutes(table: string): TakenSubnet[] {
  const number = (hex: string): number => Buffer.from(hex, "hex").readUInt32LE();
  return table
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const [device, destination, , , , , , mask] = line.trim().split(/\s+/);
      if (device === undefined || !/^[0-9A-F]{8}$/i.test(destination ?? "") || !/^[0-9A-F]{8}$/i.test(mask ?? "")) {
        return [];
      }
      const prefix = number(mask ?? "")
        .toString(2)
        .replaceAll("0", "").length;
      return prefix === 0
        ? []
        : [
            {
              cidr: `${formatAddress(number(destination ?? ""))}/${String(prefix)}`,
              by: `a route of this machine (${device})`,
            },
          ];
    });
}

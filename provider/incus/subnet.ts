/** The choice of an IPv4 subnet that nothing here uses. */
import { formatAddress, overlaps, parseCidr } from "../../core/ipv4";

/** A subnet in use, and who uses it in words. */
export interface TakenSubnet {
  readonly cidr: string;
  readonly by: string;
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

import { PlatformSettings } from "../contract";
import { isWithin } from "../../core/ipv4";
import { conflictOf } from "../../provider/incus/subnet";
import { hostsWith, Topology } from "../../topology/types";

/** Used where the stack names no network. */
export const defaultCidr = "10.81.0.0/20";

/** RFC 1918, which VPCs have to be inside of (DigitalOcean, "Plan your VPC network"). */
const privateRanges = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"] as const;
/** Ranges that DigitalOcean uses itself in every region ("Plan your VPC network"; the last by its release notes of 7 March 2025). */
const reservedRanges = ["10.244.0.0/16", "10.245.0.0/16", "10.246.0.0/24", "10.229.0.0/16"] as const;
/** Sources that one firewall rule takes (DigitalOcean, "Firewalls limits"). */
const mostSources = 1000;

function networkProblems(cidr: string): readonly string[] {
  const problem = (right: string) => [`webinfra:network.cidr is "${cidr}": ${right}, such as ${defaultCidr}`];
  const prefix = Number(cidr.split("/")[1]);
  if (prefix < 16 || prefix > 28) {
    return problem("on digitalocean should be a network from /16 to /28");
  }
  if (!privateRanges.some((range) => isWithin(cidr, range))) {
    return problem(`on digitalocean should be inside ${privateRanges.join(", ")}`);
  }
  const reserved = conflictOf(
    cidr,
    reservedRanges.map((range) => ({ cidr: range, by: "DigitalOcean" })),
  );
  return reserved === undefined
    ? []
    : problem(`DigitalOcean keeps ${reserved.cidr} for itself: should be another network`);
}

/** True when `domain` is the zone itself or a name below it. */
const inside = (domain: string, zone: string): boolean => domain === zone || domain.endsWith(`.${zone}`);

/** What DigitalOcean cannot do of what the stack asks for, one line a problem; empty when it can do all. */
export function digitaloceanProblems(config: PlatformSettings, topology: Topology): readonly string[] {
  const { digitalocean, domain, ssh } = config;
  const databases = hostsWith(topology, "database").map(({ name }) => name);
  return [
    ...networkProblems(config.network.cidr ?? defaultCidr),
    ...(digitalocean.dnsZone === undefined || inside(domain, digitalocean.dnsZone)
      ? []
      : [
          `webinfra:digitalocean.dnsZone is "${digitalocean.dnsZone}": the site's name ${domain} is not inside it: ` +
            `should be ${domain.replace(/^[^.]+\.(?=.*\.)/, "")}, or another zone that holds webinfra:domain`,
        ]),
    ...Object.keys(digitalocean.volumes)
      .filter((host) => !databases.includes(host))
      .map(
        (host) =>
          `webinfra:digitalocean.volumes.${host}: no database host has that name: should be ${databases.join(" or ")}`,
      ),
    ...((ssh?.allowedCidrs.length ?? 0) > mostSources
      ? [
          `webinfra:ssh.allowedCidrs lists ${String(ssh?.allowedCidrs.length)} address ranges: should be at most ` +
            `${String(mostSources)}, which is what a firewall rule of DigitalOcean takes`,
        ]
      : []),
  ];
}

import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import { PlatformSettings } from "../contract";

/** Seconds that resolvers may keep the site's address. */
const ttl = 300;

/**
 * The site's public address and its name. It is assigned to no Droplet here: the balancer that is in charge takes it over, and an address that moved must
 * never be drift that the next update undoes.
 */
export function publicAddress(
  { digitalocean: { region, dnsZone }, domain }: PlatformSettings,
  parent: pulumi.Resource,
): digitalocean.ReservedIp {
  const address = new digitalocean.ReservedIp("public-address", { region }, { parent });
  if (dnsZone !== undefined) {
    const name = domain === dnsZone ? "@" : domain.slice(0, -dnsZone.length - 1);
    new digitalocean.DnsRecord("dns", { domain: dnsZone, type: "A", name, value: address.ipAddress, ttl }, { parent });
  }
  return address;
}

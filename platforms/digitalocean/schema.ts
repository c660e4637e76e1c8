/** What only the platform `digitalocean` knows, in a stack's configuration: `webinfra:digitalocean`. */
import { z } from "zod";
import { domainName, matching, truth } from "../../core/schema";
import { hostsVolumes, perRole } from "../schema";

export const digitaloceanSchema = z.strictObject({
  region: matching(/^[a-z]{3}[1-9]$/, "a DigitalOcean region, such as fra1")
    .refine((region) => !["nyc1", "nyc2", "ric1"].includes(region), {
      error: () => "has no Spaces, which the channel needs: should be another region, such as nyc3 or fra1",
    })
    .default("fra1")
    .meta({ description: "The region. It needs Spaces." }),
  sizes: perRole(/^[a-z0-9]+(-[a-z0-9]+)+$/, "a Droplet size, such as s-1vcpu-2gb", {
    loadBalancer: "s-1vcpu-2gb",
    webServer: "s-1vcpu-2gb",
    appServer: "s-1vcpu-2gb",
    database: "s-2vcpu-4gb",
    monitor: "s-1vcpu-2gb",
  })
    .prefault({})
    .meta({ description: "Droplet sizes, a role." }),
  image: matching(/^[a-z0-9][a-z0-9.-]*$/, "an image's slug or id, such as debian-13-x64")
    .default("debian-13-x64")
    .meta({
      description: "The Debian 13 image of new Droplets, resolved once: a later one never replaces a host unasked.",
    }),
  publicNetworking: truth.default(true).meta({
    description:
      "`false`: hosts other than balancers have no public interface and reach the internet through a NAT gateway. `true`: they have one, which the firewall closes.",
  }),
  dnsZone: matching(domainName, "a domain that DigitalOcean serves, such as foobar.com")
    .optional()
    .meta({ description: "The DigitalOcean domain that gets the site's name. Default: no DNS record." }),
  volumes: hostsVolumes(
    /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
    "a volume's id, such as 506f78a4-e098-11e5-ad9f-000f53306ae1",
  ),
});

export type DigitaloceanSettings = z.output<typeof digitaloceanSchema>;

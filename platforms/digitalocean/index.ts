import * as random from "@pulumi/random";
import { ConfigError } from "../../core/config-error";
import { Platform, PlatformArgs } from "../contract";
import { publicAddress } from "./address";
import { spacesChannel } from "./channel";
import { firewalls } from "./firewall";
import { imageId, plan, Site } from "./machines";
import { network } from "./network";
import { digitaloceanProblems } from "./problems";
import { assign, stackProject } from "./project";
import { dropletKey } from "./ssh";

/**
 * Droplets in a VPC, with volumes, firewalls, a Spaces bucket as the channel and a reserved IP.
 * @throws ConfigError when the stack asks for what DigitalOcean cannot do
 */
export function digitaloceanPlatform({ stack, config, topology, parent }: PlatformArgs): Platform {
  const problems = digitaloceanProblems(config, topology);
  if (problems.length > 0) {
    throw new ConfigError(problems);
  }

  const project = stackProject(stack, config.production, parent);
  const vpc = network(stack, config, parent);
  const channel = spacesChannel(stack, config.digitalocean.region, parent);
  const address = publicAddress(config, parent);
  // Not the reserved IP: projects list it under another name than it has, which is a difference for ever; it follows the Droplet that takes it over.
  assign("site-project", project, [channel.urn], parent);
  const site: Site = {
    stack,
    config,
    network: vpc,
    firewalls: firewalls({ stack, config, topology, cidr: vpc.cidr, parent }),
    key: dropletKey(stack, config.ssh?.publicKey, parent),
    image: imageId(config.digitalocean.image, parent),
    channel,
    publicAddress: address,
    project,
  };
  return {
    name: "digitalocean",
    publicAddress: address.ipAddress,
    channel: channel.url,

    plan: (name, request, owner) => plan(site, name, request, owner),

    channelObject: (name, { key, content, keep = false }, owner) =>
      channel.object(name, { key, content, contentType: "application/json" }, { parent: owner, retainOnDelete: keep }),

    pointer: (name, { key, content }, owner) =>
      channel.object(
        name,
        { key, content, contentType: "application/json" },
        // Spaces has no resource that only creates: what keeps a later text is that the program never writes this object again.
        { parent: owner, ignoreChanges: ["content"], retainOnDelete: true },
      ),

    archive: (name, { folder, archive }, owner) =>
      channel.object(
        name,
        { key: `${folder}/${archive.sha256}.tar.gz`, source: archive.path, contentType: "application/gzip" },
        {
          parent: owner,
          // Where the archive was made differs from checkout to checkout; what it holds does not.
          ignoreChanges: ["source"],
          // Old archives stay: hosts may still need them, after an update that failed the way leads back to them, and they are small.
          retainOnDelete: true,
        },
      ),

    announce: (version, after, owner) => [
      channel.object(
        "version",
        { key: "version", content: version, contentType: "text/plain" },
        { parent: owner, dependsOn: [...after] },
      ),
    ],

    password: (name, owner) =>
      new random.RandomPassword(name, { length: 32, special: false }, { parent: owner }).result,
  };
}

import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import { PlatformSettings } from "../contract";
import { rolePorts } from "../../roles/ports";
import { Port } from "../../services/contract";
import { RoleName, roleWords, Topology } from "../../topology/types";
import { digitaloceanTraits } from "./traits";
import { nameOf, roleTag, stackName } from "./names";

type Inbound = digitalocean.types.input.FirewallInboundRule;
type Outbound = digitalocean.types.input.FirewallOutboundRule;

/** DigitalOcean, "Firewalls limits": rules of both directions, and tags, that one firewall takes. */
const mostRules = 50;
const mostTags = 5;

const world = ["0.0.0.0/0", "::/0"];
/** What the world may reach. */
const worldPorts = [80, 443];

/** Why DigitalOcean would not take a firewall, or ought not to get it; empty when all is well. */
export function firewallProblems(
  role: RoleName,
  ports: readonly Port[],
  rules: number,
  tags: number,
): readonly string[] {
  return [
    ...ports
      .filter(({ port, from }) => from === "world" && !worldPorts.includes(port))
      .map(
        ({ port }) => `port ${String(port)} of ${role} is open to the world: only ${worldPorts.join(" and ")} may be`,
      ),
    ...(rules > mostRules
      ? [`the firewall of ${role} has ${String(rules)} rules: DigitalOcean takes ${String(mostRules)}`]
      : []),
    ...(tags > mostTags
      ? [`the firewall of ${role} has ${String(tags)} tags: DigitalOcean takes ${String(mostTags)}`]
      : []),
  ];
}

/** What hosts may reach: packages, the channel and APIs by HTTP, names, the time, and one another. Without any rule nothing gets out. */
function outbound(cidr: pulumi.Input<string>, customImage: boolean): readonly Outbound[] {
  const to = (protocol: string, portRange: string, destinationAddresses: pulumi.Input<string>[]): Outbound => ({
    protocol,
    portRange,
    destinationAddresses,
  });
  return [
    to("tcp", "80", world),
    to("tcp", "443", world),
    to("tcp", "53", world),
    to("udp", "53", world),
    to("udp", "123", world),
    // Custom images get their addresses by DHCP ("Firewalls limits"); an image with a slug is DigitalOcean's own.
    ...(customImage ? [to("udp", "67", world)] : []),
    to("tcp", "1-65535", [cidr]),
    to("udp", "1-65535", [cidr]),
    { protocol: "icmp", destinationAddresses: [cidr] },
  ];
}

/** Arguments of {@link firewalls}. */
export interface FirewallsArgs {
  readonly stack: string;
  readonly config: PlatformSettings;
  readonly topology: Topology;
  /** The private network. */
  readonly cidr: pulumi.Output<string>;
  readonly parent: pulumi.Resource;
}

/** Tags and firewalls of the stack. */
export interface Firewalls {
  /** The stack's own tag. */
  readonly stackTag: pulumi.Output<string>;
  /** The tag of hosts with this role. */
  readonly tagOf: (role: RoleName) => pulumi.Output<string>;
  /** One a role. */
  readonly firewalls: readonly digitalocean.Firewall[];
}

/** A firewall a role, from the ports that the role opens and nothing else. They filter private traffic too, and know tcp, udp and icmp only. */
export function firewalls({ stack, config, topology, cidr, parent }: FirewallsArgs): Firewalls {
  const tag = (name: string, value: string) => new digitalocean.Tag(name, { name: value }, { parent }).name;
  // The tag `webinfra` belongs to no stack: with it a stack that goes would untag all others. Droplets bring it along.
  const stackTag = tag("tag-stack", stackName(stack));
  const flows = rolePorts({ topology, settings: config, traits: digitaloceanTraits.hosts });
  const tags = new Map([...flows.keys()].map((role) => [role, tag(`tag-${roleWords[role]}`, roleTag(stack, role))]));
  const tagOf = (role: RoleName): pulumi.Output<string> => {
    const found = tags.get(role);
    if (!found) {
      throw new Error(`no host has the role ${role}`);
    }
    return found;
  };

  const inbound = ({ port, protocol, from }: Port): Inbound => ({
    protocol,
    portRange: String(port),
    ...(from === "world" ? { sourceAddresses: world } : { sourceTags: from.map(tagOf) }),
  });
  const ssh: readonly Inbound[] = config.ssh
    ? [{ protocol: "tcp", portRange: "22", sourceAddresses: config.ssh.allowedCidrs }]
    : [];
  const made = [...flows].map(([role, ports]) => {
    const inboundRules = [...ports.map(inbound), ...ssh];
    const outboundRules = [...outbound(cidr, /^\d+$/.test(config.digitalocean.image))];
    const firewallTags = [tagOf(role)];
    const problems = firewallProblems(role, ports, inboundRules.length + outboundRules.length, firewallTags.length);
    if (problems.length > 0) {
      throw new Error(problems.join("\n"));
    }
    return new digitalocean.Firewall(
      `firewall-${roleWords[role]}`,
      { name: nameOf(stack, roleWords[role]), tags: firewallTags, inboundRules, outboundRules },
      { parent },
    );
  });
  return { stackTag, tagOf, firewalls: made };
}

/** What traffic a resource lets in, AWS and DigitalOcean alike. */
import type { CheckedResource } from "./rule";
import { list, record, texts } from "./values";

/** Traffic that is let in. */
export interface Ingress {
  /** `tcp`, `udp`, another protocol's name or number, or `-1` for all. */
  readonly protocol: string;
  /** First and last port; all ports where the protocol has none. */
  readonly from: number;
  readonly to: number;
  /** Address ranges, and ids of prefix lists, that it may come from. */
  readonly sources: readonly string[];
}

const allPorts = { from: 0, to: 65_535 } as const;

/** Protocols that both have other names for: "all", and IANA's numbers with or without leading zeros. */
const protocols: Readonly<Record<string, string>> = { all: "-1", "1": "icmp", "6": "tcp", "17": "udp" };

/** A protocol's usual name; what is no text may be any protocol. */
function protocolOf(value: unknown): string {
  if (typeof value !== "string") {
    return "-1";
  }
  const name = value.toLowerCase().replace(/^0+(?=\d)/, "");
  return protocols[name] ?? name;
}

const port = (value: unknown, otherwise: number): number => (typeof value === "number" ? value : otherwise);

function awsPorts(protocol: string, from: unknown, to: unknown): Pick<Ingress, "from" | "to"> {
  // Of ICMP they are type and code, and with all protocols they mean nothing.
  if (protocol !== "tcp" && protocol !== "udp") {
    return allPorts;
  }
  return { from: port(from, allPorts.from), to: port(to, allPorts.to) };
}

function awsIngress(rule: Readonly<Record<string, unknown>>, sources: readonly string[]): Ingress {
  const protocol = protocolOf(rule["ipProtocol"] ?? rule["protocol"]);
  return { protocol, ...awsPorts(protocol, rule["fromPort"], rule["toPort"]), sources };
}

/** Sources of a rule that has lists of them. */
const listed = (rule: Readonly<Record<string, unknown>>): readonly string[] =>
  ["cidrBlocks", "ipv6CidrBlocks", "prefixListIds"].flatMap((input) => texts(rule[input]));

function digitaloceanPorts(range: unknown): Pick<Ingress, "from" | "to"> {
  const found = typeof range === "string" ? /^(\d+)(?:-(\d+))?$/.exec(range) : null;
  // "all" and "0" are all ports.
  if (!found || range === "0") {
    return allPorts;
  }
  return { from: Number(found[1]), to: Number(found[2] ?? found[1]) };
}

/** What a resource lets in; nothing of a resource that filters no traffic. */
export function ingressOf({ type, props }: CheckedResource): readonly Ingress[] {
  switch (type) {
    case "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule":
      return [
        awsIngress(
          props,
          ["cidrIpv4", "cidrIpv6", "prefixListId"].flatMap((input) => texts(props[input])),
        ),
      ];
    case "aws:ec2/securityGroupRule:SecurityGroupRule":
      return props["type"] === "ingress" ? [awsIngress(props, listed(props))] : [];
    case "aws:ec2/securityGroup:SecurityGroup":
    case "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup":
      return list(props["ingress"])
        .map(record)
        .map((rule) => awsIngress(rule, listed(rule)));
    case "digitalocean:index/firewall:Firewall":
      return list(props["inboundRules"])
        .map(record)
        .filter((rule) => rule["action"] !== "deny")
        .map((rule) => ({
          protocol: protocolOf(rule["protocol"]),
          ...digitaloceanPorts(rule["portRange"]),
          sources: texts(rule["sourceAddresses"]),
        }));
    default:
      return [];
  }
}

/** Ranges that hold more than one registry ever handed to one owner: two halves of the internet are the internet, too. */
const widestOwned = { v4: 8, v6: 16 } as const;

/** Whether a source is the whole internet, or too large a part of it to belong to anybody; a prefix list may hold anything, and change. */
function isWorld(source: string): boolean {
  if (source.startsWith("pl-")) {
    return true;
  }
  const [address = "", length] = source.split("/");
  if (length === undefined) {
    return false;
  }
  return Number(length) < (address.includes(":") ? widestOwned.v6 : widestOwned.v4);
}

/** The traffic that a resource lets in from everywhere, and from where. */
export function worldIngress(resource: CheckedResource): readonly Ingress[] {
  return ingressOf(resource)
    .map((ingress) => ({ ...ingress, sources: ingress.sources.filter(isWorld) }))
    .filter(({ sources }) => sources.length > 0);
}

/** Words for traffic: `tcp port 22 from 0.0.0.0/0`. */
export function ingressText({ protocol, from, to, sources }: Ingress): string {
  const ports = from === to ? `port ${String(from)}` : `ports ${String(from)} to ${String(to)}`;
  return `${protocol === "-1" ? "any protocol" : `${protocol} ${ports}`} from ${sources.join(" and ")}`;
}

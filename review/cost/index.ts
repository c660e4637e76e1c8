import { z } from "zod";
import type { Config } from "../../config/schema";
import { rootDiskGiB } from "../../platforms/aws/traits";
import { sizeOf } from "../../platforms/schema";
import type { Topology, TopologyHost } from "../../topology/types";
import { awsPrices, digitaloceanPrices, hoursPerMonth } from "./prices";

/** US dollars with two decimals; null: the price table has none. */
const usd = z.number().nullable();

const lineSchema = z.strictObject({
  /** What is paid for, such as `t3.small` or `data volume, 20 GiB`. */
  what: z.string(),
  monthlyUsd: usd,
});

/** A stack's cost a month of 730 h by the price table, in US dollars. */
export const costSchema = z.strictObject({
  /** Every host in the order of the topology. */
  hosts: z.array(z.strictObject({ host: z.string(), monthlyUsd: usd, lines: z.array(lineSchema) })),
  /** What the hosts share. */
  shared: z.array(lineSchema),
  /** The sum of all lines; null when one of them has no price. */
  monthlyUsd: usd,
  /** What has no price, each once. */
  unpriced: z.array(z.string()),
  /** Day of the price table, such as 2026-11-21. */
  pricesOf: z.string(),
  /** What the estimate leaves out, and which region's prices it takes. */
  notes: z.array(z.string()),
});
export type Cost = z.infer<typeof costSchema>;

/** A line in whole cents; null: no price. */
interface Line {
  readonly what: string;
  readonly cents: number | null;
}

interface Lines {
  readonly hosts: readonly { readonly host: string; readonly lines: readonly Line[] }[];
  readonly shared: readonly Line[];
  readonly pricesOf: string;
  readonly notes: readonly string[];
}

type Priced = Pick<Config, "platform" | "aws" | "digitalocean" | "mysql">;

/** Requests of one host to a channel in a bucket: it looks every 5 s (rclone takes two HEADs and a GET), and lists two folders every 300 s (services/sync). */
const hostGets = (3 * hoursPerMonth * 3600) / 5;
const hostLists = (2 * hoursPerMonth * 3600) / 300;

/** Cents of an amount; its binary error is cut before a half is rounded up. */
const cents = (dollars: number): number => Math.round(Number((dollars * 100).toFixed(6)));
const line = (what: string, dollars: number | null | undefined): Line => ({
  what,
  cents: dollars === null || dollars === undefined ? null : cents(dollars),
});
const hourly = (what: string, dollars: number | undefined): Line =>
  line(what, dollars === undefined ? undefined : dollars * hoursPerMonth);

const sum = (lines: readonly Line[]): number | null =>
  lines.reduce<number | null>((total, { cents }) => (total === null || cents === null ? null : total + cents), 0);
const dollars = (amount: number | null): number | null => (amount === null ? null : amount / 100);
const shown = ({ what, cents }: Line): Cost["shared"][number] => ({ what, monthlyUsd: dollars(cents) });

const traffic = "Traffic, requests of visitors, snapshots, taxes and discounts are not in it.";

/** Types whose surplus the price table knows. */
const burstsAtPrice = /^t3a?\./;

const holdsData = (host: TopologyHost): boolean => host.roles.includes("database");

function onAws(topology: Topology, { aws, mysql }: Priced): Lines {
  const prices = awsPrices;
  const zones = aws.zones?.length ?? 2;
  const gateways = aws.vpc !== undefined || aws.nat === "none" ? 0 : aws.nat === "single" ? 1 : zones;
  const gp3 = (what: string, gib: number): Line => line(`${what}, ${String(gib)} GiB`, gib * prices.gp3GiBMonth);
  const typeOf = ({ roles }: TopologyHost): string => sizeOf(roles, aws.instanceTypes);
  return {
    hosts: topology.hosts.map((host) => {
      const type = typeOf(host);
      return {
        host: host.name,
        lines: [
          hourly(type, prices.instanceHour[type]),
          gp3("root volume", rootDiskGiB),
          ...(holdsData(host) ? [gp3("data volume", mysql.volumeGiB)] : []),
          line("detailed monitoring", prices.detailedMonitoringMonth),
          line("channel requests", (hostGets * prices.s3ThousandGets + hostLists * prices.s3ThousandLists) / 1000),
          // One balancer has the site's address in place of its own: as many addresses as balancers.
          ...(host.roles.includes("loadBalancer") ? [hourly("public IPv4 address", prices.publicIpv4Hour)] : []),
        ],
      };
    }),
    shared: [
      ...(gateways === 0
        ? []
        : [
            hourly(`NAT gateway × ${String(gateways)}`, gateways * prices.natGatewayHour),
            hourly(`NAT gateway address × ${String(gateways)}`, gateways * prices.publicIpv4Hour),
          ]),
      line("channel (S3)", prices.s3ChannelMonth),
    ],
    pricesOf: prices.date,
    notes: [
      ...(aws.region === prices.region
        ? []
        : [`The prices are those of ${prices.region}: ${aws.region} has others, mostly higher.`]),
      ...(aws.vpc === undefined ? [] : ["The existing VPC's own NAT gateways are not in it."]),
      ...(topology.hosts.some((host) => burstsAtPrice.test(typeOf(host)))
        ? [
            "T3 and T3a hosts that use more than their baseline over a day cost " +
              `${money(prices.surplusVcpuHour)} more a vCPU-hour above it (EC2 pricing, Unlimited Mode).`,
          ]
        : []),
      traffic,
    ],
  };
}

function onDigitalocean(topology: Topology, { digitalocean, mysql }: Priced): Lines {
  const prices = digitaloceanPrices;
  return {
    hosts: topology.hosts.map((host) => {
      const size = sizeOf(host.roles, digitalocean.sizes);
      return {
        host: host.name,
        lines: [
          line(size, prices.dropletMonth[size]),
          ...(holdsData(host)
            ? [line(`data volume, ${String(mysql.volumeGiB)} GiB`, mysql.volumeGiB * prices.volumeGiBMonth)]
            : []),
        ],
      };
    }),
    shared: [
      line("reserved IP", prices.reservedIpMonth),
      ...(digitalocean.publicNetworking ? [] : [line("NAT gateway", prices.natGatewayMonth)]),
      line("channel (Spaces)", prices.spacesMonth),
    ],
    pricesOf: prices.date,
    notes: [traffic],
  };
}

function linesOf(topology: Topology, config: Priced): Lines | undefined {
  switch (config.platform) {
    case "aws":
      return onAws(topology, config);
    case "digitalocean":
      return onDigitalocean(topology, config);
    case "incus":
      return undefined;
  }
}

/** What a stack costs a month by the price table; undefined on incus, which costs nothing. Pure. */
export function estimate(topology: Topology, config: Priced): Cost | undefined {
  const lines = linesOf(topology, config);
  if (lines === undefined) {
    return undefined;
  }
  const all = [...lines.hosts.flatMap((host) => host.lines), ...lines.shared];
  return {
    hosts: lines.hosts.map((host) => ({
      host: host.host,
      monthlyUsd: dollars(sum(host.lines)),
      lines: host.lines.map(shown),
    })),
    shared: lines.shared.map(shown),
    monthlyUsd: dollars(sum(all)),
    unpriced: [...new Set(all.filter(({ cents }) => cents === null).map(({ what }) => what))],
    pricesOf: lines.pricesOf,
    notes: [...lines.notes],
  };
}

/** An amount with its cents, `unknown` without a price. No dollar sign: GitHub's Markdown would take what stands between two for mathematics. */
export function money(amount: number | null): string {
  return amount === null ? "unknown" : amount.toFixed(2);
}

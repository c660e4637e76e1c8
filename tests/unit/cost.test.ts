import assert from "node:assert/strict";
import fc from "fast-check";
import { configSchema } from "../../config/schema";
import { presetNames } from "../../topology/schema";
import { costSchema, type Cost, estimate, money } from "../../review/cost";
import { awsPrices, digitaloceanPrices } from "../../review/cost/prices";
import { costMarkdown, costNotes, costRows } from "../../review/cost/text";
import { place } from "../../topology/place";
import { roleNames, type Topology } from "../../topology/types";
import { review, reviewMarkdown, reviewSettings } from "../../review";

const costOf = (values: Readonly<Record<string, unknown>>): Cost => {
  const config = configSchema.parse(values);
  const cost = estimate(place(config), config);
  assert.ok(cost !== undefined);
  return cost;
};
const aws = (values: Readonly<Record<string, unknown>> = {}) => costOf({ platform: "aws", ...values });
const digitalocean = (values: Readonly<Record<string, unknown>> = {}) =>
  costOf({ platform: "digitalocean", ...values });
const hostOf = (cost: Cost, name: string) => cost.hosts.find(({ host }) => host === name);
const shared = (cost: Cost) => cost.shared.map(({ what, monthlyUsd }) => [what, monthlyUsd]);
const inCents = (amount: number | null) => Math.round((amount ?? NaN) * 100);

describe("cost: aws", () => {
  it("counts a host's instance, volumes, monitoring, requests and address", () => {
    const cost = aws();
    assert.deepEqual(hostOf(cost, "lb-1")?.lines, [
      { what: "t3.small", monthlyUsd: 15.18 },
      { what: "root volume, 20 GiB", monthlyUsd: 1.6 },
      { what: "detailed monitoring", monthlyUsd: 2.1 },
      { what: "channel requests", monthlyUsd: 0.72 },
      { what: "public IPv4 address", monthlyUsd: 3.65 },
    ]);
    assert.deepEqual(hostOf(cost, "db-1"), {
      host: "db-1",
      monthlyUsd: 36.39,
      lines: [
        { what: "t3.medium", monthlyUsd: 30.37 },
        { what: "root volume, 20 GiB", monthlyUsd: 1.6 },
        { what: "data volume, 20 GiB", monthlyUsd: 1.6 },
        { what: "detailed monitoring", monthlyUsd: 2.1 },
        { what: "channel requests", monthlyUsd: 0.72 },
      ],
    });
  });

  it("has these sums", () => {
    assert.deepEqual(
      presetNames.map((topology) => [topology, aws({ topology }).monthlyUsd]),
      [
        ["dedicated-databases", 171.82],
        ["primary-replica-pair", 132.62],
        ["split-tiers", 211.02],
        ["replica-per-web", 169.01],
      ],
    );
  });

  it("counts NAT gateways as the stack's zones and settings say", () => {
    const channel = ["channel (S3)", 0.09];
    assert.deepEqual(shared(aws()), [["NAT gateway × 1", 32.85], ["NAT gateway address × 1", 3.65], channel]);
    const zones = ["us-east-1a", "us-east-1b", "us-east-1c"];
    assert.deepEqual(shared(aws({ aws: { nat: "per-zone", zones } })), [
      ["NAT gateway × 3", 98.55],
      ["NAT gateway address × 3", 10.95],
      channel,
    ]);
    assert.deepEqual(shared(aws({ aws: { nat: "per-zone" } }))[0], ["NAT gateway × 2", 65.7]);
    assert.deepEqual(shared(aws({ aws: { nat: "none", image: "ami-0123456789abcdef0" } })), [channel]);
    const vpc = {
      id: "vpc-0123456789abcdef0",
      publicSubnets: ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
      privateSubnets: ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"],
    };
    const existing = aws({ aws: { vpc } });
    assert.deepEqual(shared(existing), [channel]);
    assert.ok(existing.notes.includes("The existing VPC's own NAT gateways are not in it."));
  });

  it("has an address for each balancer", () => {
    const roles = { web: ["webServer", "appServer"], db: ["database"], lb: ["loadBalancer"] };
    const hosts = (["lb-1", "lb-2", "web-1", "db-1"] as const).map((name) => ({
      name,
      roles: roles[name.split("-")[0] as keyof typeof roles],
    }));
    const addresses = aws({ topology: "custom", hosts }).hosts.flatMap(({ host, lines }) =>
      lines.filter(({ what }) => what === "public IPv4 address").map(() => host),
    );
    assert.deepEqual(addresses, ["lb-1", "lb-2"]);
  });

  it("says that another region's prices are not known", () => {
    const elsewhere = aws({ aws: { region: "eu-central-1" } });
    assert.equal(elsewhere.monthlyUsd, aws().monthlyUsd);
    const regional = "The prices are those of us-east-1: eu-central-1 has others, mostly higher.";
    assert.equal(elsewhere.notes[0], regional);
    assert.ok(!aws().notes.includes(regional));
  });

  it("says what processor time above the baseline costs, where a host can use it", () => {
    const surplus =
      "T3 and T3a hosts that use more than their baseline over a day cost 0.05 more a vCPU-hour above it (EC2 pricing, Unlimited Mode).";
    const notes = (...types: readonly [string, string]) =>
      aws({ topology: "primary-replica-pair", aws: { instanceTypes: { loadBalancer: types[0], database: types[1] } } })
        .notes;
    assert.deepEqual(aws().notes.slice(0, -1), [surplus]);
    assert.deepEqual(notes("t3a.small", "m7i.large").slice(0, -1), [surplus]);
    // Types that no host has say nothing.
    assert.deepEqual(notes("c6i.large", "m7i.large").slice(0, -1), []);
  });

  it("does not guess a type that the table does not have", () => {
    const cost = aws({ aws: { instanceTypes: { database: "x9.large" } } });
    assert.equal(hostOf(cost, "db-1")?.monthlyUsd, null);
    assert.equal(hostOf(cost, "lb-1")?.monthlyUsd, 23.25);
    assert.equal(cost.monthlyUsd, null);
    assert.deepEqual(cost.unpriced, ["x9.large"]);
    assert.equal(costNotes(cost)[0], "There is no price for x9.large: the total is unknown.");
    assert.deepEqual(costRows(cost).at(-1), ["total", "unknown", ""]);
  });
});

describe("cost: digitalocean", () => {
  it("counts Droplets, volumes and Spaces; a reserved IP that is in use is free", () => {
    const cost = digitalocean({ mysql: { volumeGiB: 50 } });
    assert.deepEqual(hostOf(cost, "db-1"), {
      host: "db-1",
      monthlyUsd: 29,
      lines: [
        { what: "s-2vcpu-4gb", monthlyUsd: 24 },
        { what: "data volume, 50 GiB", monthlyUsd: 5 },
      ],
    });
    assert.deepEqual(shared(cost), [
      ["reserved IP", 0],
      ["channel (Spaces)", 5],
    ]);
  });

  it("has these sums", () => {
    assert.deepEqual(
      presetNames.map((topology) => [topology, digitalocean({ topology }).monthlyUsd]),
      [
        ["dedicated-databases", 93],
        ["primary-replica-pair", 69],
        ["split-tiers", 117],
        ["replica-per-web", 95],
      ],
    );
  });

  it("has no price for a NAT gateway, and says so", () => {
    const cost = digitalocean({ digitalocean: { publicNetworking: false } });
    assert.equal(cost.monthlyUsd, null);
    assert.deepEqual(cost.unpriced, ["NAT gateway"]);
  });
});

describe("cost: every platform", () => {
  const stack = fc.record({
    platform: fc.constantFrom("aws", "digitalocean"),
    topology: fc.constantFrom(...presetNames),
    web: fc.integer({ min: 1, max: 15 }),
    replicas: fc.integer({ min: 0, max: 7 }),
    mysql: fc.record({ volumeGiB: fc.integer({ min: 1, max: 16_384 }) }),
    aws: fc.record({
      nat: fc.constantFrom("single", "per-zone"),
      instanceTypes: fc.record({
        database: fc.constantFrom(...Object.keys(awsPrices.instanceHour)),
        webServer: fc.constantFrom(...Object.keys(awsPrices.instanceHour)),
      }),
    }),
    digitalocean: fc.record({
      sizes: fc.record({ database: fc.constantFrom(...Object.keys(digitaloceanPrices.dropletMonth)) }),
    }),
  });

  it("is nothing on incus", () => {
    const config = configSchema.parse({ platform: "incus" });
    assert.equal(estimate(place(config), config), undefined);
  });

  it("is the sum of its lines, to the cent, of the promised shape", () => {
    fc.assert(
      fc.property(stack, (values) => {
        const cost = costOf(values);
        assert.deepEqual(costSchema.parse(JSON.parse(JSON.stringify(cost))), cost);
        const sum = (lines: readonly { readonly monthlyUsd: number | null }[]) =>
          lines.reduce((total, { monthlyUsd }) => total + inCents(monthlyUsd), 0);
        for (const host of cost.hosts) {
          assert.equal(inCents(host.monthlyUsd), sum(host.lines));
        }
        assert.equal(inCents(cost.monthlyUsd), sum(cost.hosts) + sum(cost.shared));
        for (const { monthlyUsd } of [...cost.hosts.flatMap(({ lines }) => lines), ...cost.shared]) {
          assert.ok(Number.isInteger(Number(((monthlyUsd ?? NaN) * 100).toFixed(6))));
        }
      }),
    );
  });

  it("grows with hosts and with the data's volume", () => {
    fc.assert(
      fc.property(stack, (values) => {
        const config = configSchema.parse(values);
        const topology = place(config);
        const total = (hosts: Topology["hosts"]) => estimate({ ...topology, hosts }, config)?.monthlyUsd ?? NaN;
        const before = total(topology.hosts);
        for (const role of roleNames) {
          assert.ok(total([...topology.hosts, { name: "one-more", roles: [role] }]) > before, role);
        }
        const mysql = { volumeGiB: values.mysql.volumeGiB + 10 };
        const larger = values.mysql.volumeGiB > 16_000 ? Infinity : (costOf({ ...values, mysql }).monthlyUsd ?? NaN);
        assert.ok(larger > before);
      }),
    );
  });

  it("has a price for every default size", () => {
    const placed = roleNames.filter((role) => role !== "monitor");
    const hosts = placed.map((role) => ({ name: role.toLowerCase(), roles: [role] }));
    for (const platform of ["aws", "digitalocean"]) {
      assert.deepEqual(costOf({ platform, topology: "custom", hosts }).unpriced, []);
    }
  });
});

describe("cost: the price table", () => {
  it("is dated, names its sources, and has sound prices", () => {
    for (const { date, sources } of [awsPrices, digitaloceanPrices]) {
      assert.match(date, /^20\d\d-\d\d-\d\d$/);
      assert.ok(Date.parse(date) <= Date.now());
      for (const source of sources) {
        assert.match(source, /^https:\/\/(aws\.amazon|(www|docs)\.digitalocean)\.com\//);
      }
    }
    for (const prices of [awsPrices.instanceHour, digitaloceanPrices.dropletMonth]) {
      for (const [size, price] of Object.entries(prices)) {
        assert.ok(price > 0, size);
      }
    }
  });

  it("prices a type of EC2 in proportion to its size", () => {
    const sizes = ["large", "xlarge", "2xlarge", "4xlarge"];
    const families = [...new Set(Object.keys(awsPrices.instanceHour).map((type) => type.split(".")[0]))];
    for (const family of families) {
      const prices = sizes.map((size) => awsPrices.instanceHour[`${String(family)}.${size}`]);
      const [large = NaN] = prices;
      prices.forEach((price, step) => {
        if (price !== undefined) {
          assert.equal(price.toFixed(5), (large * 2 ** step).toFixed(5), family);
        }
      });
    }
  });
});

describe("cost: as text", () => {
  it("writes amounts with two decimals, and no dollar sign, which Markdown takes for mathematics", () => {
    assert.deepEqual([0, 1234.5, -3, null].map(money), ["0.00", "1234.50", "-3.00", "unknown"]);
    assert.ok(!costMarkdown(digitalocean()).join("\n").includes("$"));
  });

  it("is a table whose rows have the head's columns, with the notes below", () => {
    const lines = costMarkdown(digitalocean());
    assert.equal(lines[0], "| for | USD a month | what |");
    assert.ok(lines.includes("| db-1 | 26.00 | s-2vcpu-4gb 24.00; data volume, 20 GiB 2.00 |"));
    assert.ok(lines.includes("| total | 93.00 |  |"));
    assert.equal(
      lines.at(-1),
      `List prices of ${digitaloceanPrices.date}, a month of 730 h. Traffic, requests of visitors, snapshots, taxes and discounts are not in it.`,
    );
  });

  it("ends a review's document, and is not there without one", () => {
    const config = configSchema.parse({ platform: "aws" });
    const topology = place(config);
    const found = review(topology, reviewSettings(config, topology));
    const withCost = reviewMarkdown(found, estimate(topology, config));
    assert.ok(withCost.startsWith(reviewMarkdown(found)));
    assert.match(withCost, /\n## Cost\n\n\| for \| USD a month \| what \|\n/);
    assert.ok(!reviewMarkdown(found).includes("Cost"));
  });
});

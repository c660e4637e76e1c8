/** The estimate against what the platforms really ask their providers for. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { configSchema } from "../../config/schema";
import { presetNames } from "../../topology/schema";
import { estimate } from "../../review/cost";
import { awsPrices, digitaloceanPrices, hoursPerMonth } from "../../review/cost/prices";
import { place } from "../../topology/place";
import { awsConfig, buildAws, ofType, type Settings } from "../support/aws";

const cents = (dollars: number): number => Math.round(Number((dollars * 100).toFixed(6)));
const sum = (amounts: readonly number[]): number => amounts.reduce((total, amount) => total + amount, 0);
const gib = (value: unknown): number => z.number().positive().parse(value);

/** The estimate without the channel, which is no matter of resources. */
function withoutChannel(config: Parameters<typeof estimate>[1] & Parameters<typeof place>[0]): number {
  const cost = estimate(place(config), config);
  assert.ok(cost !== undefined);
  const lines = [...cost.hosts.flatMap((host) => host.lines), ...cost.shared];
  return sum(lines.filter(({ what }) => !what.startsWith("channel")).map(({ monthlyUsd }) => cents(monthlyUsd ?? NaN)));
}

describe("cost: of the resources on aws", function () {
  this.timeout(20_000);

  async function resourceCost(settings: Settings): Promise<number> {
    const made = await buildAws(settings);
    const instances = ofType(made, "Instance").map(({ inputs }) => {
      const { instanceType, rootBlockDevice } = z
        .object({
          instanceType: z.string(),
          monitoring: z.literal(true),
          rootBlockDevice: z.object({ volumeType: z.literal("gp3"), volumeSize: z.number() }),
        })
        .parse(inputs);
      return (
        cents((awsPrices.instanceHour[instanceType] ?? NaN) * hoursPerMonth) +
        cents(rootBlockDevice.volumeSize * awsPrices.gp3GiBMonth) +
        cents(awsPrices.detailedMonitoringMonth)
      );
    });
    const volumes = ofType(made, "Volume").map(({ inputs }) => cents(gib(inputs.size) * awsPrices.gp3GiBMonth));
    const gateways = ofType(made, "NatGateway").length;
    // One address is the site's: the balancer that has it has no other.
    const elastic = ofType(made, "Eip").length;
    assert.equal(elastic, gateways + 1);
    const balancers = place(awsConfig(settings)).hosts.filter(({ roles }) => roles.includes("loadBalancer")).length;
    return (
      sum([...instances, ...volumes]) +
      cents(gateways * awsPrices.natGatewayHour * hoursPerMonth) +
      cents(gateways * awsPrices.publicIpv4Hour * hoursPerMonth) +
      balancers * cents(awsPrices.publicIpv4Hour * hoursPerMonth)
    );
  }

  for (const settings of [
    { topology: "replica-per-web" },
    { web: 5, replicas: 3, mysql: { volumeGiB: 77 } },
    { aws: { nat: "per-zone", zones: ["us-east-1a", "us-east-1b", "us-east-1c"] } },
    { aws: { nat: "none", image: "ami-0123456789abcdef0", instanceTypes: { database: "m7i.large" } } },
  ]) {
    it(`is what the estimate says: ${JSON.stringify(settings)}`, async () => {
      assert.equal(await resourceCost(settings), withoutChannel(awsConfig(settings)));
    });
  }
});

describe("cost: of the resources on digitalocean", () => {
  const resource = z.object({ type: z.string(), inputs: z.record(z.string(), z.unknown()) });

  for (const topology of presetNames) {
    it(`is what the estimate says: ${topology}`, () => {
      const file = join(__dirname, `../golden/graphs/digitalocean-${topology}/resources.json`);
      const made = z.array(resource).parse(JSON.parse(readFileSync(file, "utf8")));
      const priced = made.map(({ type, inputs }) => {
        switch (type.split(":").at(-1)) {
          case "Droplet":
            return cents(digitaloceanPrices.dropletMonth[z.string().parse(inputs["size"])] ?? NaN);
          case "Volume":
            return cents(gib(inputs["size"]) * digitaloceanPrices.volumeGiBMonth);
          case "VpcNatGateway":
            return NaN;
          default:
            return 0;
        }
      });
      assert.equal(sum(priced), withoutChannel(configSchema.parse({ platform: "digitalocean", topology })));
    });
  }
});

import assert from "node:assert/strict";
import fc from "fast-check";
import { planSubnets, zoneIndex, type ZoneSubnets } from "../../platforms/aws/addresses";
import { isNetwork, isWithin } from "../../core/ipv4";

const letters = "abcdefgh";
const zonesOf = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `us-east-1${letters[index] ?? "?"}`);
/** Zones of any region, in any order; in some lists those beyond h, which have no place of their own. */
const zoneLists = (alphabet: string) =>
  fc
    .uniqueArray(fc.constantFrom(...Array.from(alphabet)), { minLength: 2, maxLength: 8 })
    .map((list) => list.map((letter) => `eu-west-1${letter}`));
const hosts = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ name: `web-${String(index + 1)}`, roles: ["webServer" as const] }));

/** First and last address of a network. */
function rangeOf(cidr: string): readonly [number, number] {
  const [address = "", prefix = ""] = cidr.split("/");
  const first = Buffer.from(address.split(".").map(Number)).readUInt32BE();
  return [first, first + 2 ** (32 - Number(prefix)) - 1];
}

const networks = fc
  .record({ prefix: fc.integer({ min: 16, max: 28 }), at: fc.nat({ max: 2 ** 32 - 1 }) })
  .map(({ prefix, at }) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(at - (at % 2 ** (32 - prefix)));
    return `${[...bytes].join(".")}/${String(prefix)}`;
  });

describe("the address plan on AWS", () => {
  it("has subnets that are disjoint, inside the VPC, of a size that AWS takes, and large enough", () => {
    const outcomes = { planned: 0, refused: 0 };
    fc.assert(
      fc.property(networks, zoneLists("abcdefghijz"), fc.integer({ min: 0, max: 200 }), (cidr, zones, many) => {
        const count = zones.length;
        const plan = planSubnets(cidr, zones, hosts(many));
        if (typeof plan === "string") {
          outcomes.refused += 1;
          return;
        }
        outcomes.planned += 1;
        assert.deepEqual(
          plan.map(({ zone }) => zone),
          zones,
        );
        const [first, last] = rangeOf(cidr);
        const subnets = plan.flatMap((zone) => [zone.public, zone.private]).map(rangeOf);
        assert.equal(subnets.length, 2 * count);
        subnets.sort((a, b) => a[0] - b[0]);
        subnets.forEach(([from, to], index) => {
          assert.ok(from >= first && to <= last);
          assert.ok(index === 0 || from > subnets[index - 1]![1]);
          assert.ok(to - from + 1 >= 16);
          assert.ok(to - from + 1 - 5 >= 2 * Math.ceil(many / count));
        });
        assert.ok(plan.flatMap((zone) => [zone.public, zone.private]).every(isNetwork));
      }),
    );
    assert.ok(outcomes.planned > 0 && outcomes.refused > 0);
  });

  it("refuses no network that has room", () => {
    // Two subnets a zone, each at least /28.
    for (const [count, prefix] of [
      [2, 26],
      [3, 25],
      [4, 25],
      [5, 24],
      [8, 24],
    ] as const) {
      assert.equal(typeof planSubnets(`10.0.0.0/${String(prefix)}`, zonesOf(count), hosts(2)), "object");
      assert.equal(typeof planSubnets(`10.0.0.0/${String(prefix + 1)}`, zonesOf(count), hosts(2)), "string");
    }
  });

  const planned = (cidr: string, zones: readonly string[]): readonly ZoneSubnets[] => {
    const plan = planSubnets(cidr, zones, []);
    assert.ok(typeof plan !== "string");
    return plan;
  };

  it("has a zone's subnets by its letter", () => {
    const [a, b, c, h] = [
      { zone: "us-east-1a", public: "10.80.0.0/20", private: "10.80.16.0/20" },
      { zone: "us-east-1b", public: "10.80.32.0/20", private: "10.80.48.0/20" },
      { zone: "us-east-1c", public: "10.80.64.0/20", private: "10.80.80.0/20" },
      { zone: "us-east-1h", public: "10.80.224.0/20", private: "10.80.240.0/20" },
    ];
    assert.deepEqual(planned("10.80.0.0/16", ["us-east-1a", "us-east-1b"]), [a, b]);
    assert.deepEqual(planned("10.80.0.0/16", ["us-east-1h", "us-east-1a", "us-east-1c"]), [h, a, c]);
  });

  it("never gives a zone what another list of zones gives another, so that subnets can be made before others go", () => {
    fc.assert(
      fc.property(
        networks.filter((cidr) => Number(cidr.split("/")[1]) <= 24),
        zoneLists("abcdefgh"),
        zoneLists("abcdefgh"),
        (cidr, before, after) => {
          const all = new Map<string, ZoneSubnets>();
          for (const one of [...planned(cidr, before), ...planned(cidr, after)]) {
            assert.deepEqual(all.get(one.zone) ?? one, one);
            all.set(one.zone, one);
          }
          const ranges = [...all.values()].flatMap((zone) => [zone.public, zone.private]).map(rangeOf);
          ranges.sort((a, b) => a[0] - b[0]);
          ranges.forEach(([from], index) => assert.ok(index === 0 || from > ranges[index - 1]![1]));
        },
      ),
    );
  });

  it("goes by the order of the list where not every letter has a place", () => {
    const subnets = (cidr: string, ...letters: readonly string[]) =>
      planned(
        cidr,
        letters.map((letter) => `us-east-1${letter}`),
      ).flatMap((zone) => [zone.public, zone.private]);
    const four = (bits: number, step: number) =>
      [0, 1, 2, 3].map((index) => `10.0.0.${String(index * step)}/${String(bits)}`);
    // A quarter of the addresses each, or an eighth.
    assert.deepEqual(subnets("10.0.0.0/26", "b", "d"), four(28, 16));
    assert.deepEqual(subnets("10.0.0.0/25", "b", "d"), four(28, 16));
    assert.deepEqual(subnets("10.0.0.0/24", "b", "z"), four(28, 16));
    assert.deepEqual(subnets("10.0.0.0/24", "b", "d"), [
      "10.0.0.32/28",
      "10.0.0.48/28",
      "10.0.0.96/28",
      "10.0.0.112/28",
    ]);
  });

  it("says what a network lacks", () => {
    const why = (cidr: string, count = 2, many = 2) => planSubnets(cidr, zonesOf(count), hosts(many));
    assert.equal(why("10.0.0.0/12"), "a VPC has from /28 to /16: should be such as 10.80.0.0/16");
    assert.equal(
      why("10.0.0.0/27"),
      "it has no room for two subnets in each of 2 zones: should be /26 or larger, such as 10.80.0.0/16",
    );
    assert.equal(
      why("10.0.0.0/24", 2, 16),
      "its subnets have 11 addresses, and one needs 16, two a host to replace it: should be larger, such as 10.80.0.0/16",
    );
  });

  it("counts the NAT gateway where balancers are", () => {
    const balancers = (count: number) =>
      hosts(2 * count).map(({ name }) => ({ name, roles: ["loadBalancer" as const] }));
    assert.equal(typeof planSubnets("10.0.0.0/24", zonesOf(2), balancers(5)), "object");
    assert.equal(
      planSubnets("10.0.0.0/24", zonesOf(2), balancers(6)),
      "its subnets have 11 addresses, and one needs 13, two a host to replace it: should be larger, such as 10.80.0.0/16",
    );
  });

  it("takes a host's zone from the number at the end of its name", () => {
    assert.deepEqual(
      ["web-1", "web-2", "web-3", "web-10", "db2", "balancer", "x-0"].map((name) => zoneIndex(name, 2)),
      [0, 1, 0, 1, 1, 0, 1],
    );
    assert.deepEqual(
      ["web-1", "web-2", "web-3", "web-4"].map((name) => zoneIndex(name, 3)),
      [0, 1, 2, 0],
    );
  });

  it("knows whether a network is inside another", () => {
    for (const [cidr, other, inside] of [
      ["10.80.16.0/20", "10.80.0.0/16", true],
      ["10.80.0.0/16", "10.80.0.0/16", true],
      ["10.80.0.0/15", "10.80.0.0/16", false],
      ["10.81.0.0/20", "10.80.0.0/16", false],
      ["100.64.0.0/24", "10.80.0.0/16", false],
      ["192.168.255.240/28", "192.168.0.0/16", true],
      ["192.168.0.128/28", "192.168.0.0/25", false],
      ["", "10.80.0.0/16", false],
    ] as const) {
      assert.equal(isWithin(cidr, other), inside, `${cidr} in ${other}`);
    }
  });

  it("knows a network by its host bits", () => {
    assert.ok(["203.0.113.7/32", "203.0.113.0/24", "128.0.0.0/1"].every(isNetwork));
    assert.ok(!["203.0.113.7/24", "203.0.113.0/33", "256.0.0.0/8", "2001:db8::/32"].some(isNetwork));
  });
});

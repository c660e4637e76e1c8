import assert from "node:assert/strict";
import fc from "fast-check";
import { takenSubnets } from "../../provider/incus/network";
import { formatCidr, overlaps, parseCidr } from "../../core/ipv4";
import { conflictOf, parseRoutes, pickSubnet } from "../../provider/incus/subnet";

const anyCidr = fc
  .tuple(fc.constantFrom(10, 172, 192), fc.nat(255), fc.nat(255), fc.nat(255), fc.integer({ min: 8, max: 32 }))
  .map(([a, b, c, d, prefix]) => `${String(a)}.${String(b)}.${String(c)}.${String(d)}/${String(prefix)}`);
const near = fc
  .tuple(fc.nat(255), fc.nat(255), fc.integer({ min: 20, max: 32 }))
  .map(([c, d, p]) => `10.77.${c}.${d}/${p}`);

describe("provider: subnets", () => {
  it("parses an address in a subnet to the subnet", () => {
    assert.equal(formatCidr(parseCidr("10.77.3.1/24")!), "10.77.3.0/24");
    assert.equal(formatCidr(parseCidr("255.255.255.255/32")!), "255.255.255.255/32");
    assert.equal(formatCidr(parseCidr("1.2.3.4/0")!), "0.0.0.0/0");
    for (const bad of ["", "none", "10.77.0.0", "10.77.0.0/33", "10.77.0.256/24", "fd00::/64"]) {
      assert.equal(parseCidr(bad), undefined, bad);
    }
  });

  it("overlap is symmetric, and every subnet overlaps itself", () => {
    fc.assert(
      fc.property(anyCidr, anyCidr, (one, two) => {
        const [a, b] = [parseCidr(one)!, parseCidr(two)!];
        assert.equal(overlaps(a, b), overlaps(b, a));
        assert.ok(overlaps(a, a));
      }),
    );
  });

  it("never picks a subnet that overlaps one in use", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(near, anyCidr), { maxLength: 60 }), (cidrs) => {
        const taken = cidrs.map((cidr) => ({ cidr, by: "somebody" }));
        if (
          conflictOf(
            "10.77.0.0/16",
            taken.filter((one) => parseCidr(one.cidr)!.prefix <= 16),
          ) !== undefined
        ) {
          assert.throws(() => pickSubnet(taken), /no subnet is free/);
          return;
        }
        const picked = parseCidr(pickSubnet(taken))!;
        assert.equal(picked.prefix, 24);
        assert.ok(cidrs.every((cidr) => !overlaps(picked, parseCidr(cidr)!)));
      }),
    );
  });

  it("picks the first that is free", () => {
    assert.equal(pickSubnet([]), "10.77.0.0/24");
    assert.equal(pickSubnet([{ cidr: "10.77.0.1/23", by: "x" }]), "10.77.2.0/24");
  });

  it("says who has everything, and what to set", () => {
    assert.throws(() => pickSubnet([{ cidr: "10.0.0.0/8", by: "a route of this machine (tun0)" }]), {
      message:
        "no subnet is free among 10.77.0.0/24 … 10.77.255.0/24 (a route of this machine (tun0) has 10.0.0.0/8): " +
        "set the network's `cidr` to a private IPv4 subnet that this machine does not use, for example 192.168.222.0/24",
    });
  });

  it("reads routes as Linux lists them, without the default route", () => {
    const table = [
      "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT",
      "eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0",
      "tun0\t00004D0A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0",
      "",
    ].join("\n");
    assert.deepEqual(parseRoutes(table), [{ cidr: "10.77.0.0/16", by: "a route of this machine (tun0)" }]);
    assert.deepEqual(parseRoutes(""), []);
  });

  it("counts a network, its bridge and its route once, and its own not at all", () => {
    const networks = [
      { name: "webinfra-aaaaaa", cidr: "10.77.0.0/24", stack: "dev" },
      { name: "webinfra-bbbbbb", cidr: "10.77.1.0/24", stack: "prod" },
      { name: "incusbr0", cidr: "10.4.0.0/24", stack: undefined },
      { name: "eth0", cidr: "", stack: undefined },
    ];
    const interfaces = [
      { name: "webinfra-bbbbbb", cidr: "10.77.1.1/24" },
      { name: "eth0", cidr: "10.0.0.7/24" },
    ];
    const routes = [
      { cidr: "10.77.0.0/24", by: "a route of this machine (webinfra-aaaaaa)" },
      { cidr: "172.16.0.0/12", by: "a route of this machine (tun0)" },
    ];
    assert.deepEqual(takenSubnets(networks, interfaces, routes, "webinfra-aaaaaa"), [
      { cidr: "10.77.1.0/24", by: 'the Incus network webinfra-bbbbbb of stack "prod"' },
      { cidr: "10.4.0.0/24", by: "the Incus network incusbr0" },
      { cidr: "10.0.0.7/24", by: "the interface eth0 of this machine" },
      { cidr: "172.16.0.0/12", by: "a route of this machine (tun0)" },
    ]);
  });
});

/** Whatever topology a stack asks for, if it makes sense at all, every host of it can be built. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { parse } from "yaml";
import { parseConfig } from "../../config/parse";
import { presetNames } from "../../topology/schema";
import { serverId } from "../../services/mysql";
import { place } from "../../topology/place";
import { hostsWith, roleNames, type Topology, zone } from "../../topology/types";
import { platforms } from "../../platforms";
import { devRawConfig, userDataOf, viewsOf } from "../support/hosts";

interface CloudConfig {
  readonly hostname: string;
  readonly write_files: readonly { readonly path: string; readonly content: string }[];
}

const balancing = fc.constantFrom("active-active", "active-passive");

const presets = fc
  .record({
    topology: fc.constantFrom(...presetNames),
    balancing,
    web: fc.integer({ min: 1, max: 16 }),
    appServers: fc.integer({ min: 1, max: 16 }),
    replicas: fc.integer({ min: 0, max: 8 }),
  })
  .map((given) => Object.fromEntries(Object.entries(given).map(([key, value]) => [key, String(value)])));

const roles = roleNames.filter((role) => role !== "monitor");
const ownHosts = fc
  .record({
    balancing,
    hosts: fc.array(fc.uniqueArray(fc.constantFrom(...roles), { minLength: 1 }), { minLength: 1, maxLength: 6 }),
  })
  // One host that has everything makes any list sensible.
  .map(({ balancing: mode, hosts }) => ({
    topology: "custom",
    balancing: mode,
    hosts: JSON.stringify(
      [...hosts, roles].map((placed, index) => ({ name: `host-${String(index + 1)}`, roles: placed })),
    ),
  }));

/** Names of the zone that stand in a text. */
const namesIn = (text: string): readonly string[] =>
  [...text.matchAll(/[a-z0-9-]+(?:\.[a-z0-9-]+)*\.webinfra\.internal/g)].map(([name]) => name);

/** Names that hosts have once the inventory is complete. */
const known = (topology: Topology): ReadonlySet<string> =>
  new Set([
    ...topology.hosts.map(({ name }) => `${name}.${zone}`),
    // The name in the databases' certificates, which is verified and never resolved.
    `db.${zone}`,
  ]);

describe("any topology", () => {
  it("renders to cloud-init for each host, with server ids of their own, and no name that no host has", () => {
    fc.assert(
      fc.property(fc.oneof(presets, ownHosts), (changes) => {
        const config = parseConfig(devRawConfig(changes));
        const topology = place(config);
        const names = known(topology);
        const ids = hostsWith(topology, "database").map(({ name }) => serverId(name));
        assert.equal(new Set(ids).size, ids.length);
        for (const view of viewsOf(config)) {
          // Throws at a port that is wanted twice, or two contents at one path.
          const text = userDataOf(view);
          const document = parse(text) as CloudConfig;
          assert.equal(document.hostname, view.host.name);
          const { size, limit } = platforms[config.platform].traits.userData;
          assert.ok(size(text) <= limit, `${view.host.name}: ${String(size(text))}`);
          const unknown = document.write_files
            .flatMap(({ content }) => namesIn(content))
            .filter((name) => !names.has(name));
          assert.deepEqual(unknown, []);
        }
      }),
      { numRuns: 12 },
    );
  });
});

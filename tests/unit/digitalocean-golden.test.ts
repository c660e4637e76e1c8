/** What whole sites on DigitalOcean are made of, and what an edit of their configuration touches. */
import assert from "node:assert/strict";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { digitaloceanPlatform } from "../../platforms/digitalocean";
import { Infrastructure } from "../../components/infrastructure";
import { parseConfig } from "../../config/parse";
import type { Replacement } from "../../config/replacement";
import { presetNames } from "../../topology/schema";
import { summarize } from "../../review/summary";
import { place } from "../../topology/place";
import { editsOf, type ReplacingInputs } from "../support/edits";
import { checkGolden } from "../support/golden";
import { graphText } from "../support/graph";
import { rawOf } from "../support/hosts";
import { mask, type Recorded, runProgram, secretMark, secretsIn } from "../support/program";

type Settings = Readonly<Record<string, unknown>>;

/** Runs the site's program for the stack `staging`; the hosts' programs and the application are archives that are not there. */
function build(
  settings: Settings = {},
  {
    release = "b",
    secrets = {},
    replacement,
  }: {
    readonly release?: string;
    readonly secrets?: Readonly<Record<string, string>>;
    readonly replacement?: Replacement;
  } = {},
): Promise<readonly Recorded[]> {
  const stack = "staging";
  const given: Readonly<Record<string, string>> = {
    digitaloceanAddressToken: `${secretMark}-address-token`,
    ...secrets,
  };
  const config = parseConfig(rawOf({ platform: "digitalocean", secrets: given, ...settings }));
  const topology = place(config);
  const archive = (folder: string, digit: string) => {
    const sha256 = digit.repeat(64);
    return { sha256, path: `/cache/${folder}/${sha256}.tar.gz` };
  };
  return runProgram(
    () => {
      const site = new Infrastructure("site", {
        config,
        topology,
        summary: summarize(stack, config, topology, null),
        platform: (parent) =>
          digitaloceanPlatform({ stack, channelDirectory: "/nowhere", config, topology, imageUserData: "", parent }),
        release: archive("releases", release),
        programs: archive("packages", "a"),
        replacement,
        secrets: pulumi.secret(given),
      });
      return Promise.resolve({ addresses: site.addresses, channel: site.channel, hosts: site.hosts });
    },
    { stack },
  );
}

/**
 * Inputs that the provider marks ForceNew (terraform-provider-digitalocean, resource_droplet.go, resource_volume.go, resource_spaces_bucket_object.go,
 * resource_vpc.go).
 */
const replacing: ReplacingInputs = {
  "digitalocean:index/droplet:Droplet": [
    ...["image", "region", "userData", "sshKeys", "monitoring", "dropletAgent", "vpcUuid", "publicNetworking"],
  ],
  "digitalocean:index/volume:Volume": ["region", "name", "description", "snapshotId", "initialFilesystemType"],
  "digitalocean:index/spacesBucketObject:SpacesBucketObject": ["region", "bucket", "key"],
  "digitalocean:index/vpc:Vpc": ["region", "ipRange"],
};

/** The same, with user-data, which has golden files of its own, left out. */
const readable = (one: Recorded): Recorded => {
  const { userData, ...inputs } = one.inputs;
  const shown = `<${secretsIn(userData).length > 0 ? "secret " : ""}user-data of ${one.name}>`;
  return { ...one, inputs: userData === undefined ? inputs : { ...inputs, userData: shown } };
};

describe("digitalocean: whole sites", () => {
  for (const topology of presetNames) {
    it(`is made of the same as ever: ${topology}`, async () => {
      const graph = graphText((await build({ topology })).map(readable), "/home/user/.webinfra");
      checkGolden(join("graphs", `digitalocean-${topology}`), new Map([["resources.json", graph]]));
    });
  }

  it("answers at the reserved address, with its channel on Spaces", async () => {
    const resources = await build();
    const site = resources.find(({ type }) => type === "webinfra:index:WebInfrastructure");
    assert.deepEqual(site?.outputs.addresses, ["198.51.100.10"]);
    assert.equal(site.outputs.url, "http://198.51.100.10");
    assert.equal(site.outputs.channel, "https://webinfra-staging-0a1b2c3d.fra1.digitaloceanspaces.com");
  });

  it("shows no secret anywhere, and has none in the bucket, which every host can read", async () => {
    const resources = await build({ app: { secrets: ["API_TOKEN"] } }, { secrets: { API_TOKEN: `${secretMark}-api` } });
    assert.ok(!JSON.stringify(resources.map(({ inputs, outputs }) => mask([inputs, outputs]))).includes(secretMark));
    const objects = resources.filter(({ type }) => type.endsWith(":SpacesBucketObject"));
    assert.ok(objects.length > 5);
    assert.deepEqual(
      objects.filter(({ inputs }) => secretsIn(inputs).length > 0),
      [],
    );
    // Nor sealed to more than the hosts that run the application.
    assert.deepEqual(
      resources
        .filter(({ type }) => type === "webinfra:secrets:Sealed")
        .map(({ name }) => name)
        .sort(),
      ["web-1-sealed", "web-2-sealed"],
    );
  });

  describe("an edit touches just what it should", () => {
    /** What an edit does beside what it leaves alone, with types by their last word. */
    async function edit(settings: Settings, release = "b") {
      const [old, now] = [await build(), await build(settings, { release })];
      const { untouched, ...edits } = editsOf(old, now, replacing);
      const short = (lines: readonly string[]) => lines.map((line) => line.replace(/^.*:/, ""));
      assert.ok(untouched > 40, "most of a site stays as it is");
      const databases = now
        .filter(({ name }) => /^db-\d(-data)?$/.test(name))
        .map(({ type, name }) => `${type} ${name}`);
      const touched = new Set([...edits.updated, ...edits.replaced, ...edits.deleted]);
      assert.deepEqual(
        databases.filter((name) => touched.has(name)),
        [],
      );
      return Object.fromEntries(Object.entries(edits).map(([how, lines]) => [how, short(lines)]));
    }
    const nothing = { created: [], updated: [], replaced: [], deleted: [] };
    const announced = ["SpacesBucketObject version", "Ready ready"];

    it("nothing, when nothing changed", async () => {
      assert.deepEqual(await edit({}), nothing);
    });

    it("another web server", async () => {
      assert.deepEqual(await edit({ web: 3 }), {
        ...nothing,
        created: [
          "Droplet web-3",
          "ProjectResources web-3-project",
          "SpacesBucketObject web-3-definition",
          "SpacesBucketObject web-3-inventory",
          "SpacesBucketObject web-3-settings",
          "Tag web-3-tag",
          "SealingKey web-3-sealing-key",
        ],
        updated: announced,
      });
    });

    it("one web server less", async () => {
      const { deleted, ...others } = await edit({ web: 1 });
      assert.deepEqual(others, { created: [], replaced: [], updated: announced });
      assert.deepEqual(deleted, [
        "Droplet web-2",
        "ProjectResources web-2-project",
        "SpacesBucketObject web-2-definition",
        "SpacesBucketObject web-2-inventory",
        "SpacesBucketObject web-2-settings",
        "Tag web-2-tag",
        "SealingKey web-2-sealing-key",
      ]);
    });

    it("another size, which databases take only when they are replaced on purpose", async () => {
      const sizes = { webServer: "s-2vcpu-2gb", appServer: "s-2vcpu-2gb", database: "s-4vcpu-8gb" };
      assert.deepEqual(await edit({ digitalocean: { sizes } }), {
        ...nothing,
        replaced: [
          "Droplet web-1",
          "Droplet web-2",
          "SpacesBucketObject web-1-inventory",
          "SpacesBucketObject web-2-inventory",
        ],
        updated: ["ProjectResources web-1-project", "ProjectResources web-2-project", ...announced],
      });
    });

    it("another release", async () => {
      assert.deepEqual(await edit({}, "c"), {
        ...nothing,
        // Its key is its hash; the old one stays in the bucket.
        replaced: ["SpacesBucketObject release"],
        updated: ["SpacesBucketObject release-pointer", ...announced],
      });
    });

    it("another MySQL setting", async () => {
      assert.deepEqual(await edit({ mysql: { settings: { max_connections: 300 } } }), {
        ...nothing,
        updated: ["SpacesBucketObject db-1-settings", "SpacesBucketObject db-2-settings", ...announced],
      });
    });

    it("another APT source of MySQL, which databases take only when they are replaced on purpose", async () => {
      assert.deepEqual(await edit({ mysql: { source: { suite: "forky" } } }), {
        ...nothing,
        // Beside those that their machines were made by, which stay.
        replaced: ["SpacesBucketObject db-1-definition", "SpacesBucketObject db-2-definition"],
        updated: ["Ready ready"],
      });
    });

    it("another image", async () => {
      assert.deepEqual(await edit({ digitalocean: { image: "4711" } }), {
        ...nothing,
        // Custom images need DHCP let out.
        updated: ["app", "db", "lb", "web"].map((word) => `Firewall firewall-${word}`),
      });
    });
  });
});

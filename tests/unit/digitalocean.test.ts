/** The DigitalOcean platform by what it asks of the provider. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { gunzipSync } from "node:zlib";
import * as pulumi from "@pulumi/pulumi";
import fc from "fast-check";
import { digitaloceanPlatform } from "../../platforms/digitalocean";
import { digitaloceanCredentialProblems } from "../../platforms/digitalocean/credentials";
import { firewallProblems } from "../../platforms/digitalocean/firewall";
import { digitaloceanProblems } from "../../platforms/digitalocean/problems";
import { fingerprintOf, isEd25519Point, keyOfNobody } from "../../platforms/digitalocean/ssh";
import { parseConfig } from "../../config/parse";
import { presetNames } from "../../topology/schema";
import { rolePorts } from "../../roles/ports";
import type { HostPlace } from "../../services/contract";
import { digitaloceanTraits } from "../../platforms/digitalocean/traits";
import { place } from "../../topology/place";
import { roleNames, roleWords } from "../../topology/types";
import { debianImage, keyOfAccount } from "../support/answers/digitalocean";
import { digitaloceanSecrets, rawOf, userDataOf, viewsOf } from "../support/hosts";
import { mask, type Recorded, runProgram, secretMark, secretsIn, shortUrn } from "../support/program";

type Settings = Readonly<Record<string, unknown>>;

const configOf = (settings: Settings = {}) =>
  parseConfig({ ...digitaloceanSecrets, ...rawOf({ platform: "digitalocean", ...settings }) });

class Parent extends pulumi.ComponentResource {
  constructor() {
    super("test:index:Parent", "site");
  }
}

const hostPackage = { sha256: "a".repeat(64), path: "/cache/packages/package.tar.gz" };

/** Runs the platform with every host of the topology; user-data is the JSON of the place where the host runs, unless said otherwise. */
async function build(
  settings: Settings = {},
  {
    preview = false,
    stack = "staging",
    render = (where: HostPlace) => JSON.stringify(where),
    replacing = "",
    discardData = false,
  } = {},
): Promise<readonly Recorded[]> {
  const config = configOf(settings);
  const topology = place(config);
  return runProgram(
    () => {
      const parent = new Parent();
      const platform = digitaloceanPlatform({
        stack,
        channelDirectory: "/nowhere",
        config,
        topology,
        imageUserData: "",
        parent,
      });
      const password = platform.password("app-password", parent);
      platform.archive("host-package", { folder: "packages", archive: hostPackage }, parent);
      const pointer = platform.pointer("primary-pointer", { key: "pointers/primary.json", content: "{}" }, parent);
      const entries = topology.hosts.map((host) => {
        const holdsData = host.roles.includes("database");
        const volumes = holdsData ? [{ name: "data", mount: "/var/lib/mysql", sizeGiB: 20 }] : [];
        const planned = platform.plan(
          host.name,
          { host, volumes, protect: holdsData, replacing: host.name === replacing, discardData },
          parent,
        );
        const made = planned.boot({
          userData: pulumi.all([planned.place, password]).apply(([at, text]) => `${render(at)}\n${text}`),
          secretFiles: pulumi.secret("[]"),
          after: [],
        });
        const key = pulumi.interpolate`inventory/${made.machine}.json`;
        return platform.channelObject(`${host.name}-inventory`, { key, content: made.address }, parent);
      });
      platform.announce("v1", [...entries, pointer], parent);
      return Promise.resolve({ channel: platform.channel, address: platform.publicAddress });
    },
    { stack, preview },
  );
}

const ofType = (resources: readonly Recorded[], type: string): readonly Recorded[] =>
  resources.filter((one) => one.type === type);
const find = (resources: readonly Recorded[], type: string, name: string): Recorded => {
  const found = ofType(resources, type).find((one) => one.name === name);
  assert.ok(found, `${type} ${name}`);
  return found;
};
const type = {
  vpc: "digitalocean:index/vpc:Vpc",
  nat: "digitalocean:index/vpcNatGateway:VpcNatGateway",
  tag: "digitalocean:index/tag:Tag",
  firewall: "digitalocean:index/firewall:Firewall",
  droplet: "digitalocean:index/droplet:Droplet",
  volume: "digitalocean:index/volume:Volume",
  sshKey: "digitalocean:index/sshKey:SshKey",
  spacesKey: "digitalocean:index/spacesKey:SpacesKey",
  bucket: "digitalocean:index/spacesBucket:SpacesBucket",
  object: "digitalocean:index/spacesBucketObject:SpacesBucketObject",
  address: "digitalocean:index/reservedIp:ReservedIp",
  dns: "digitalocean:index/dnsRecord:DnsRecord",
  project: "digitalocean:index/project:Project",
  members: "digitalocean:index/projectResources:ProjectResources",
  provider: "pulumi:providers:digitalocean",
  password: "random:index/randomPassword:RandomPassword",
} as const;

/** The text that cloud-init gets from a Droplet's user-data, which has to be secret. */
function userDataIn({ inputs }: Recorded): string {
  const [message = ""] = secretsIn(inputs.userData).map((text) => JSON.parse(text) as string);
  const body = message.split("\n\n")[2] ?? "";
  return gunzipSync(Buffer.from(body, "base64")).toString("utf8");
}

/** The place that a machine was told it runs at. */
const placeOf = (resources: readonly Recorded[], host: string): HostPlace =>
  JSON.parse(userDataIn(find(resources, type.droplet, host)).split("\n")[0] ?? "") as HostPlace;

const waitsFor = (one: Recorded): readonly string[] => one.dependencies.map(shortUrn);

interface Rule {
  readonly protocol: string;
  readonly portRange?: string;
  readonly sourceAddresses?: readonly string[];
  readonly sourceTags?: readonly string[];
  readonly destinationAddresses?: readonly string[];
}
const inbound = ({ inputs }: Recorded): readonly Rule[] => inputs.inboundRules as readonly Rule[];
const outbound = ({ inputs }: Recorded): readonly Rule[] => inputs.outboundRules as readonly Rule[];

describe("digitalocean", () => {
  describe("a site with the defaults", () => {
    let resources: readonly Recorded[];
    before(async () => {
      resources = await build();
    });
    const droplet = (host: string): Recorded => find(resources, type.droplet, host);

    it("has everything in one region, below the site, with names in kebab-case", () => {
      for (const one of resources.filter(({ custom }) => custom)) {
        assert.equal(one.parent, "site (test:index:Parent)", one.name);
        assert.match(one.name, /^[a-z]+(-[a-z]+|-[1-9][0-9]*)*$/);
        if ("region" in one.inputs) {
          assert.equal(one.inputs.region, "fra1", one.name);
        }
      }
      const keys = resources.map(({ type: kind, name }) => `${kind} ${name}`);
      assert.equal(new Set(keys).size, keys.length);
    });

    it("has a VPC with the default network and no NAT gateway", () => {
      const vpc = find(resources, type.vpc, "network");
      assert.deepEqual(vpc.inputs, { name: "webinfra-staging-network", region: "fra1", ipRange: "10.81.0.0/20" });
      assert.equal(vpc.deleteBeforeReplace, true);
      assert.deepEqual(ofType(resources, type.nat), []);
      for (const { inputs } of ofType(resources, type.droplet)) {
        assert.equal(inputs.vpcUuid, "network-id");
        assert.equal(inputs.publicNetworking, true);
      }
    });

    it("makes Droplets that are watched, shut down in order, and have neither IPv6 nor the console's agent", () => {
      assert.equal(ofType(resources, type.droplet).length, 5);
      for (const { name, inputs } of ofType(resources, type.droplet)) {
        assert.equal(inputs.name, `webinfra-staging-${name}`);
        assert.equal(inputs.monitoring, true);
        assert.equal(inputs.gracefulShutdown, true);
        assert.equal(inputs.ipv6, false);
        assert.equal(inputs.dropletAgent, false);
        assert.equal(inputs.size, name.startsWith("db-") ? "s-2vcpu-4gb" : "s-1vcpu-2gb");
      }
    });

    it("gives a machine ten minutes to shut down", () => {
      for (const one of ofType(resources, type.droplet)) {
        assert.equal(one.deleteTimeout, "10m", one.name);
      }
    });

    it("resolves the image once, and never replaces a host for a newer one", () => {
      for (const { inputs, ignoreChanges } of ofType(resources, type.droplet)) {
        assert.equal(inputs.image, String(debianImage));
        assert.ok(ignoreChanges.includes("image"));
      }
    });

    it("replaces a stateless host of another size, beside the old one", () => {
      for (const name of ["lb-1", "web-1", "web-2"]) {
        const one = droplet(name);
        assert.deepEqual(one.replaceOnChanges, ["size"]);
        assert.deepEqual(one.ignoreChanges, ["image"]);
        assert.equal(one.deleteBeforeReplace, false);
        assert.equal(one.protect, false);
        assert.equal(one.inputs.volumeIds, undefined);
      }
    });

    it("neither stops nor replaces a database for another definition, and never makes two for one volume", () => {
      for (const name of ["db-1", "db-2"]) {
        const one = droplet(name);
        assert.deepEqual(one.ignoreChanges, ["userData", "image", "size", "sshKeys"]);
        assert.deepEqual(one.replaceOnChanges, []);
        assert.equal(one.deleteBeforeReplace, true);
        assert.equal(one.protect, true);
        assert.deepEqual(one.inputs.volumeIds, [`${name}-data-id`]);
      }
    });

    it("keeps data on volumes of their own, blank at first, which hosts find by their names", () => {
      assert.deepEqual(
        ofType(resources, type.volume).map(({ name }) => name),
        ["db-1-data", "db-2-data"],
      );
      for (const name of ["db-1", "db-2"]) {
        const volume = find(resources, type.volume, `${name}-data`);
        assert.deepEqual(volume.inputs, {
          name: `webinfra-staging-${name}`,
          region: "fra1",
          size: 20,
          tags: ["webinfra", "webinfra-staging", `webinfra-staging-host:${name}`],
        });
        assert.equal(volume.protect, true);
        assert.equal(volume.retainOnDelete, true);
        assert.deepEqual(volume.ignoreChanges, ["size"]);
        assert.equal(volume.importId, "");
        assert.equal(placeOf(resources, name).devices.data, `/dev/disk/by-id/scsi-0DO_Volume_webinfra-staging-${name}`);
      }
      assert.deepEqual(placeOf(resources, "web-1").devices, {});
    });

    it("tags everything that takes tags, with tags that exist before", () => {
      const tags = new Map(ofType(resources, type.tag).map(({ name, inputs }) => [name, inputs.name]));
      assert.deepEqual([...tags.keys()].sort(), [
        ...["db-1-tag", "db-2-tag", "lb-1-tag", "tag-app", "tag-db", "tag-lb", "tag-stack", "tag-web"],
        ...["web-1-tag", "web-2-tag"],
      ]);
      assert.deepEqual(droplet("web-1").inputs.tags, [
        "webinfra",
        "webinfra-staging",
        "webinfra-staging-role:web",
        "webinfra-staging-role:app",
        "webinfra-staging-host:web-1",
      ]);
      for (const name of ["tag-stack", "tag-web", "tag-app", "web-1-tag"]) {
        assert.ok(waitsFor(droplet("web-1")).includes(`${name} (${type.tag})`), name);
      }
      // A stack that goes must not untag the others.
      assert.ok(![...tags.values()].includes("webinfra"));
    });

    it("has every firewall, and the key, before the first Droplet", () => {
      for (const one of ofType(resources, type.droplet)) {
        const waits = waitsFor(one);
        for (const word of ["lb", "web", "app", "db"]) {
          assert.ok(waits.includes(`firewall-${word} (${type.firewall})`));
        }
        assert.ok(waits.includes(`ssh-key (${type.sshKey})`));
      }
    });

    it("lets the world in through 80 only, and private traffic between the roles that need it", () => {
      const db = inbound(find(resources, type.firewall, "firewall-db"));
      assert.deepEqual(
        db.find(({ portRange }) => portRange === "3306"),
        {
          protocol: "tcp",
          portRange: "3306",
          sourceTags: ["web", "app", "db"].map((word) => `webinfra-staging-role:${word}`),
        },
      );
      const open = ofType(resources, type.firewall).flatMap((one) =>
        inbound(one)
          .filter(({ sourceAddresses }) => sourceAddresses)
          .map(({ portRange, sourceAddresses }) => ({ name: one.name, portRange, sourceAddresses })),
      );
      assert.deepEqual(open, [{ name: "firewall-lb", portRange: "80", sourceAddresses: ["0.0.0.0/0", "::/0"] }]);
    });

    it("lets hosts reach packages, names, the time, and one another", () => {
      for (const one of ofType(resources, type.firewall)) {
        assert.deepEqual(
          outbound(one).map(({ protocol, portRange = "", destinationAddresses = [] }) =>
            [protocol, portRange, ...destinationAddresses].join(" "),
          ),
          [
            "tcp 80 0.0.0.0/0 ::/0",
            "tcp 443 0.0.0.0/0 ::/0",
            "tcp 53 0.0.0.0/0 ::/0",
            "udp 53 0.0.0.0/0 ::/0",
            "udp 123 0.0.0.0/0 ::/0",
            "tcp 1-65535 10.81.0.0/20",
            "udp 1-65535 10.81.0.0/20",
            "icmp  10.81.0.0/20",
          ],
        );
      }
    });

    it("registers a key that nobody has, so that no root password is mailed", () => {
      const key = find(resources, type.sshKey, "ssh-key");
      assert.deepEqual(key.inputs, { name: "webinfra-staging-key", publicKey: keyOfNobody("staging") });
      for (const { inputs } of ofType(resources, type.droplet)) {
        assert.deepEqual(inputs.sshKeys, [fingerprintOf(keyOfNobody("staging"))]);
      }
    });

    it("has a private bucket with versions, made and written with a key of its own", () => {
      const [writer, reader] = ["channel-writer", "channel-reader"].map((name) =>
        find(resources, type.spacesKey, name),
      );
      assert.deepEqual(writer?.inputs.grants, [{ bucket: "", permission: "fullaccess" }]);
      const bucket = find(resources, type.bucket, "channel");
      assert.deepEqual(bucket.inputs, {
        name: "webinfra-staging-0a1b2c3d",
        region: "fra1",
        acl: "private",
        versioning: { enabled: true },
        lifecycleRules: [
          {
            id: "replaced",
            enabled: true,
            noncurrentVersionExpiration: { days: 7 },
            abortIncompleteMultipartUploadDays: 1,
          },
        ],
      });
      assert.equal(bucket.retainOnDelete, true);
      assert.deepEqual(reader?.inputs.grants, [{ bucket: "webinfra-staging-0a1b2c3d", permission: "read" }]);
      const provider = find(resources, type.provider, "channel");
      assert.equal(provider.inputs.spacesAccessId, "DO00CHANNEL-WRITER");
      assert.deepEqual(secretsIn(provider.inputs.spacesSecretKey), [`"${secretMark}-channel-writer"`]);
      for (const one of [bucket, ...ofType(resources, type.object)]) {
        assert.match(one.provider, /pulumi:providers:digitalocean::channel::/, one.name);
        assert.equal(one.inputs.acl, "private");
      }
    });

    it("gives hosts the bucket with the read-only key", () => {
      for (const name of ["lb-1", "web-1", "db-1"]) {
        const { channel, networkCidr } = placeOf(resources, name);
        assert.deepEqual(channel, {
          type: "spaces",
          bucket: "webinfra-staging-0a1b2c3d",
          endpoint: "fra1.digitaloceanspaces.com",
          accessKeyId: "DO00CHANNEL-READER",
          secretAccessKey: `${secretMark}-channel-reader`,
        });
        assert.equal(networkCidr, "10.81.0.0/20");
      }
    });

    it("puts objects and archives into the bucket, leaves the pointer to the primary to who moves it, and says last that it changed", () => {
      const pointer = find(resources, type.object, "primary-pointer");
      assert.deepEqual(pointer.ignoreChanges, ["content"]);
      assert.equal(pointer.retainOnDelete, true);
      const entry = find(resources, type.object, "web-1-inventory");
      const [droplet = ""] = find(resources, type.members, "web-1-project").inputs.resources as readonly string[];
      assert.match(droplet, /^do:droplet:\d+$/);
      assert.equal(entry.inputs.key, `inventory/${droplet.replace("do:droplet:", "")}.json`);
      assert.equal(entry.inputs.content, "10.81.7.1");
      assert.deepEqual(entry.ignoreChanges, []);
      assert.equal(entry.retainOnDelete, false);
      const archive = find(resources, type.object, "host-package");
      assert.equal(archive.inputs.key, `packages/${hostPackage.sha256}.tar.gz`);
      assert.equal(archive.inputs.source, hostPackage.path);
      assert.deepEqual(archive.ignoreChanges, ["source"]);
      assert.equal(archive.retainOnDelete, true);
      const version = find(resources, type.object, "version");
      assert.equal(version.inputs.key, "version");
      assert.equal(version.inputs.content, "v1");
      for (const name of ["web-1-inventory", "db-2-inventory", "primary-pointer"]) {
        assert.ok(waitsFor(version).includes(`${name} (${type.object})`), name);
      }
    });

    it("has a reserved address that is assigned to no Droplet, and tells balancers alone of it", () => {
      const address = find(resources, type.address, "public-address");
      assert.deepEqual(address.inputs, { region: "fra1" });
      assert.deepEqual(placeOf(resources, "lb-1").publicAddress, { type: "digitalocean", address: "198.51.100.10" });
      for (const name of ["web-1", "db-1"]) {
        assert.equal(placeOf(resources, name).publicAddress, undefined);
      }
      const assigning = resources.filter(({ type: kind }) => /Assignment|Attachment/.test(kind));
      assert.deepEqual(assigning, []);
      assert.deepEqual(ofType(resources, type.dns), []);
    });

    it("has a project, and all that can be is in it", () => {
      assert.equal(find(resources, type.project, "project").inputs.environment, "Staging");
      const members = ofType(resources, type.members).flatMap(({ inputs }) => inputs.resources as readonly string[]);
      const kinds = members.map((urn) => urn.split(":")[1]).sort();
      assert.deepEqual(kinds, [...Array.from({ length: 5 }, () => "droplet"), "space", ...["volume", "volume"]]);
    });

    it("draws passwords of letters and digits", () => {
      assert.deepEqual(find(resources, type.password, "app-password").inputs, { length: 32, special: false });
    });

    it("shows no secret, and puts none but the writer's own into anything but user-data", () => {
      assert.ok(!JSON.stringify(resources.map(({ inputs, outputs }) => mask([inputs, outputs]))).includes(secretMark));
      const holders = resources.filter(({ inputs }) => secretsIn(inputs).length > 0).map(({ name }) => name);
      assert.deepEqual(holders.sort(), ["channel", "db-1", "db-2", "lb-1", "web-1", "web-2"]);
      for (const one of ofType(resources, type.droplet)) {
        assert.ok(one.additionalSecretOutputs.includes("userData"));
      }
    });
  });

  describe("settings", () => {
    it("keeps other hosts than balancers off the internet, which they reach through a NAT gateway, where the stack says so", async () => {
      const resources = await build({ digitalocean: { publicNetworking: false } });
      for (const { name, inputs } of ofType(resources, type.droplet)) {
        assert.equal(inputs.publicNetworking, name === "lb-1", name);
      }
      const nat = find(resources, type.nat, "nat");
      assert.deepEqual(nat.inputs.vpcs, [{ vpcUuid: "network-id", defaultGateway: true }]);
      assert.equal(nat.inputs.type, "PUBLIC");
      assert.deepEqual(nat.ignoreChanges, ["vpcs"]);
      assert.equal(nat.deleteBeforeReplace, true);
      assert.ok(waitsFor(find(resources, type.droplet, "db-1")).includes(`nat (${type.nat})`));
    });

    it("opens SSH to the stack's own address ranges, with the user's key", async () => {
      const publicKey = `ssh-ed25519 ${Buffer.from("a key of the user").toString("base64")} user`;
      const allowedCidrs = ["203.0.113.7/32", "2001:db8::/48"];
      const resources = await build({ ssh: { allowedCidrs, publicKey } });
      for (const one of ofType(resources, type.firewall)) {
        assert.deepEqual(
          inbound(one).filter(({ portRange }) => portRange === "22"),
          [{ protocol: "tcp", portRange: "22", sourceAddresses: allowedCidrs }],
        );
      }
      assert.deepEqual(
        ofType(resources, type.sshKey).map(({ inputs }) => inputs.publicKey),
        [publicKey],
      );
      for (const one of ofType(resources, type.droplet)) {
        assert.deepEqual(one.inputs.sshKeys, [fingerprintOf(publicKey)]);
        assert.ok(waitsFor(one).includes(`ssh-key (${type.sshKey})`));
      }
    });

    it("uses a key that the account has already, which cannot be registered twice", async () => {
      const { publicKey, fingerprint } = keyOfAccount;
      const resources = await build({ ssh: { allowedCidrs: ["203.0.113.7/32"], publicKey } });
      assert.deepEqual(ofType(resources, type.sshKey), []);
      for (const { inputs } of ofType(resources, type.droplet)) {
        assert.deepEqual(inputs.sshKeys, [fingerprint]);
      }
    });

    it("gives the site's name to the address, where the zone is given", async () => {
      const below = await build({ digitalocean: { dnsZone: "foobar.com" } });
      assert.deepEqual(find(below, type.dns, "dns").inputs, {
        domain: "foobar.com",
        type: "A",
        name: "www",
        value: "198.51.100.10",
        ttl: 300,
      });
      const itself = await build({ domain: "foobar.com", digitalocean: { dnsZone: "foobar.com" } });
      assert.equal(find(itself, type.dns, "dns").inputs.name, "@");
    });

    it("takes over a volume that an earlier stack kept, as it is", async () => {
      const id = "506f78a4-e098-11e5-ad9f-000f53306ae1";
      const resources = await build({ digitalocean: { volumes: { "db-2": id } } });
      const volume = find(resources, type.volume, "db-2-data");
      assert.equal(volume.importId, id);
      assert.deepEqual(volume.ignoreChanges, ["name", "size", "tags", "description", "initialFilesystemType"]);
      assert.equal(find(resources, type.volume, "db-1-data").importId, "");
    });

    it("says that a production stack is one", async () => {
      const resources = await build({ production: true });
      assert.equal(find(resources, type.project, "project").inputs.environment, "Production");
    });

    it("uses another region, other sizes and an image by its id", async () => {
      const resources = await build({
        digitalocean: { region: "ams3", image: "4711", sizes: { webServer: "c-2", appServer: "c-4" } },
      });
      // The host has both roles: that of the application decides.
      assert.equal(find(resources, type.droplet, "web-1").inputs.size, "c-4");
      assert.equal(find(resources, type.droplet, "web-1").inputs.image, "4711");
      assert.equal(find(resources, type.droplet, "web-1").inputs.region, "ams3");
      assert.equal(find(resources, type.bucket, "channel").inputs.region, "ams3");
      const [firewall] = ofType(resources, type.firewall);
      // Custom images get their addresses by DHCP.
      assert.ok(
        firewall &&
          outbound(firewall).some(({ protocol, portRange }) => `${protocol} ${String(portRange)}` === "udp 67"),
      );
    });

    it("can be previewed, when nothing is known yet", async () => {
      const resources = await build({ digitalocean: { publicNetworking: false } }, { preview: true });
      assert.equal(ofType(resources, type.droplet).length, 5);
      assert.equal(ofType(resources, type.firewall).length, 4);
    });

    it("keeps stacks apart whose names differ in what DigitalOcean's names cannot have", async () => {
      const names = async (stack: string) => {
        const resources = await build({}, { stack });
        return [
          ...ofType(resources, type.volume).map(({ inputs }) => String(inputs.name)),
          ...ofType(resources, type.bucket).map(({ inputs }) => String(inputs.name)),
          ...ofType(resources, type.tag).map(({ inputs }) => String(inputs.name)),
        ];
      };
      const [one, other] = [await names("eu_west.1"), await names("eu-west-1")];
      assert.deepEqual(
        one.filter((name) => other.includes(name)),
        [],
      );
      for (const name of [...one, ...other]) {
        assert.match(name, /^[a-z][a-z0-9-]{0,63}(:[a-z0-9-]+)?$/);
      }
    });
  });

  describe("user-data", () => {
    it("holds the host's own secrets, and fits", async () => {
      for (const view of viewsOf(configOf())) {
        const { host } = view;
        const render = (where: HostPlace) => userDataOf({ ...view, place: where });
        const resources = await build({}, { render });
        const droplet = find(resources, type.droplet, host.name);
        assert.match(userDataIn(droplet), /^#cloud-config\n/);
        const [message = ""] = secretsIn(droplet.inputs.userData).map((text) => JSON.parse(text) as string);
        assert.ok(Buffer.byteLength(message) < 64 * 1024, `${host.name}: ${String(Buffer.byteLength(message))}`);
      }
    });
  });

  describe("any topology", () => {
    const anyRoles = roleNames.filter((role) => role !== "monitor");
    const presets = fc.record({
      topology: fc.constantFrom(...presetNames),
      web: fc.integer({ min: 1, max: 6 }),
      appServers: fc.integer({ min: 1, max: 3 }),
      replicas: fc.integer({ min: 0, max: 3 }),
    });
    const own = fc
      .array(fc.uniqueArray(fc.constantFrom(...anyRoles), { minLength: 1 }), { minLength: 1, maxLength: 6 })
      // One host that has everything makes any list sensible. Hosts called after roles must not be taken for them.
      .map((hosts) => ({
        topology: "custom",
        hosts: [...hosts, anyRoles].map((placed, index) => ({
          name: Object.values(roleWords)[index] ?? `host-${String(index)}`,
          roles: placed,
        })),
      }));

    it("lets in what the roles declare, and nothing more", async () => {
      await fc.assert(
        fc.asyncProperty(fc.oneof(presets, own), async (settings) => {
          const config = configOf(settings);
          const topology = place(config);
          const resources = await build(settings);
          const droplets = ofType(resources, type.droplet).map(({ name, inputs }) => ({
            name,
            tags: new Set(inputs.tags as readonly string[]),
          }));
          const tagged = (tags: readonly string[] = []) =>
            droplets.filter((droplet) => tags.some((tag) => droplet.tags.has(tag))).map(({ name }) => name);
          // Who may reach which port of which host, as the firewalls have it…
          const allowed = ofType(resources, type.firewall).flatMap((firewall) =>
            tagged(firewall.inputs.tags as readonly string[]).flatMap((host) =>
              inbound(firewall).flatMap(({ protocol, portRange = "", sourceTags, sourceAddresses = [] }) =>
                [...tagged(sourceTags), ...sourceAddresses].map((from) => `${from} > ${host} ${protocol} ${portRange}`),
              ),
            ),
          );
          // … and as the roles want it.
          const wanted = [...rolePorts({ topology, settings: config, traits: digitaloceanTraits.hosts })].flatMap(
            ([role, ports]) =>
              topology.hosts
                .filter((host) => host.roles.includes(role))
                .flatMap((host) =>
                  ports.flatMap(({ port, from }) =>
                    (from === "world"
                      ? ["0.0.0.0/0", "::/0"]
                      : topology.hosts
                          .filter(({ roles }) => roles.some((one) => from.includes(one)))
                          .map(({ name }) => name)
                    ).map((source) => `${source} > ${host.name} tcp ${String(port)}`),
                  ),
                ),
          );
          assert.deepEqual(new Set(allowed), new Set(wanted));
          assert.ok(wanted.length > 0);
          // A host that no firewall covers would be open to everyone.
          const covered = new Set(
            ofType(resources, type.firewall).flatMap(({ inputs }) => tagged(inputs.tags as readonly string[])),
          );
          assert.deepEqual([...covered].sort(), topology.hosts.map(({ name }) => name).sort());
        }),
        { numRuns: 12 },
      );
    });
  });

  describe("what it cannot do", () => {
    const problems = (settings: Settings): readonly string[] => {
      const config = configOf(settings);
      return digitaloceanProblems(config, place(config));
    };

    it("is an error before anything is made", async () => {
      await assert.rejects(
        build({ network: { cidr: "10.0.0.0/12" } }),
        /The stack's configuration has a problem:\n {2}- webinfra:network\.cidr is "10\.0\.0\.0\/12"/,
      );
    });

    it("has nothing against its own defaults, nor the largest and smallest network", () => {
      assert.deepEqual(problems({}), []);
      for (const cidr of ["10.81.0.0/16", "192.168.7.0/28", "172.31.0.0/16", "10.246.1.0/24"]) {
        assert.deepEqual(problems({ network: { cidr } }), []);
      }
    });

    it("names the network that DigitalOcean does not have", () => {
      assert.deepEqual(problems({ network: { cidr: "10.80.0.0/15" } }), [
        'webinfra:network.cidr is "10.80.0.0/15": on digitalocean should be a network from /16 to /28, such as 10.81.0.0/20',
      ]);
      assert.deepEqual(problems({ network: { cidr: "192.0.2.0/24" } }), [
        'webinfra:network.cidr is "192.0.2.0/24": on digitalocean should be inside 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, such as 10.81.0.0/20',
      ]);
      for (const [cidr, range] of [
        ["10.244.128.0/20", "10.244.0.0/16"],
        ["10.245.0.0/16", "10.245.0.0/16"],
        ["10.246.0.0/16", "10.246.0.0/24"],
        ["10.229.3.0/28", "10.229.0.0/16"],
      ] as const) {
        assert.deepEqual(problems({ network: { cidr } }), [
          `webinfra:network.cidr is "${cidr}": DigitalOcean keeps ${range} for itself: should be another network, such as 10.81.0.0/20`,
        ]);
      }
    });

    it("names a zone that the site's name is not inside of", () => {
      assert.deepEqual(problems({ digitalocean: { dnsZone: "example.org" } }), [
        'webinfra:digitalocean.dnsZone is "example.org": the site\'s name www.foobar.com is not inside it: should be foobar.com, or another zone that holds webinfra:domain',
      ]);
      assert.deepEqual(problems({ domain: "notfoobar.com", digitalocean: { dnsZone: "foobar.com" } }), [
        'webinfra:digitalocean.dnsZone is "foobar.com": the site\'s name notfoobar.com is not inside it: should be notfoobar.com, or another zone that holds webinfra:domain',
      ]);
    });

    it("names a volume for a host that keeps no data", () => {
      const volumes = { "web-1": "506f78a4-e098-11e5-ad9f-000f53306ae1" };
      assert.deepEqual(problems({ digitalocean: { volumes } }), [
        "webinfra:digitalocean.volumes.web-1: no database host has that name: should be db-1 or db-2",
      ]);
    });

    it("names more address ranges than a rule takes", () => {
      const allowedCidrs = Array.from({ length: 1001 }, (_, index) => `203.0.113.${String(index % 256)}/32`);
      assert.deepEqual(problems({ ssh: { allowedCidrs, publicKey: keyOfAccount.publicKey } }), [
        "webinfra:ssh.allowedCidrs lists 1001 address ranges: should be at most 1000, which is what a firewall rule of DigitalOcean takes",
      ]);
    });

    it("refuses a firewall that is too large, or opens more to the world than 80 and 443", () => {
      const port = { port: 3306, protocol: "tcp", from: "world", description: "MySQL" } as const;
      assert.deepEqual(firewallProblems("database", [port], 51, 6), [
        "port 3306 of database is open to the world: only 80 and 443 may be",
        "the firewall of database has 51 rules: DigitalOcean takes 50",
        "the firewall of database has 6 tags: DigitalOcean takes 5",
      ]);
      const users = [80, 443].map((one) => ({ ...port, port: one }));
      assert.deepEqual(firewallProblems("loadBalancer", [...users, { ...port, from: ["appServer"] }], 50, 5), []);
    });
  });

  describe("credentials", () => {
    it("are a token in either of the provider's variables", () => {
      assert.deepEqual(digitaloceanCredentialProblems({ DIGITALOCEAN_TOKEN: "t" }), []);
      assert.deepEqual(digitaloceanCredentialProblems({ DIGITALOCEAN_ACCESS_TOKEN: "t" }), []);
      const missing = [
        "DIGITALOCEAN_TOKEN is not set: should be an API token that may read and write (https://cloud.digitalocean.com/account/api/tokens); DIGITALOCEAN_ACCESS_TOKEN will do as well",
      ];
      assert.deepEqual(digitaloceanCredentialProblems({}), missing);
      assert.deepEqual(digitaloceanCredentialProblems({ DIGITALOCEAN_TOKEN: " " }), missing);
    });
  });

  describe("the key of nobody", () => {
    it("is an SSH key, another one for each stack and always the same for one", () => {
      const keys = ["dev", "staging", "prod"].map(keyOfNobody);
      assert.equal(new Set(keys).size, 3);
      assert.equal(keyOfNobody("prod"), keys[2]);
      for (const key of keys) {
        const [kind, text = ""] = key.split(" ");
        assert.equal(kind, "ssh-ed25519");
        const blob = Buffer.from(text, "base64");
        assert.equal(blob.subarray(0, 19).toString("latin1"), "\0\0\0\x0bssh-ed25519\0\0\0\x20");
        assert.ok(isEd25519Point(blob.subarray(19)) && blob.length === 51);
      }
    });

    it("tells points of the curve from other texts, and takes those of OpenSSL for some", () => {
      const made = Array.from({ length: 8 }, () =>
        generateKeyPairSync("ed25519").publicKey.export({ format: "der", type: "spki" }).subarray(-32),
      );
      for (const point of made) {
        assert.ok(isEd25519Point(point));
      }
      // No x goes with y = 2, and y = p is not below p.
      const two = Buffer.alloc(32);
      two[0] = 2;
      const prime = Buffer.alloc(32, 0xff);
      [prime[0], prime[31]] = [0xed, 0x7f];
      assert.deepEqual([isEd25519Point(two), isEd25519Point(prime)], [false, false]);
    });

    it("has the fingerprint that ssh-keygen shows", () => {
      assert.equal(fingerprintOf(keyOfAccount.publicKey), keyOfAccount.fingerprint);
    });
  });
});

/** docs/platforms.md, "Differences": what its cells say, held against what the engine is asked for on each platform. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { RawConfig } from "../../config/parse";
import { type PlatformName, platformNames } from "../../platforms/schema";
import site from "../../index";
import { devRawConfig, digitaloceanSecrets } from "../support/hosts";
import { temporaryHome } from "../support/home";
import { platforms } from "../../platforms";
import { type Recorded, runProgram, secretsIn } from "../support/program";

const text = readFileSync(join(__dirname, "..", "..", "docs", "platforms.md"), "utf8");
const table = text
  .slice(text.indexOf("## Differences"), text.indexOf("**The metadata address.**"))
  .split("\n")
  .filter((line) => line.startsWith("|"))
  .map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
const columns = table[0]?.map((cell) => cell.replaceAll("`", "")) ?? [];

function cell(row: string, platform: PlatformName): string {
  const found = table.find(([name]) => name === row);
  assert.ok(found, `docs/platforms.md has no row "${row}"`);
  return found[columns.indexOf(platform)] ?? "";
}

describe("docs/platforms.md: the differences", function () {
  this.timeout(60_000);

  const asked = new Map<PlatformName, readonly Recorded[]>();
  temporaryHome();
  const build = (platform: PlatformName, more: RawConfig = {}) =>
    runProgram(site, {
      config: devRawConfig({ app: '{"directory":"tests/fixtures/app"}', platform, ...digitaloceanSecrets, ...more }),
      secretKeys: ["secrets"],
    });
  before(async () => {
    for (const platform of platformNames) {
      asked.set(platform, await build(platform));
    }
  });

  const all = (platform: PlatformName): readonly Recorded[] => asked.get(platform) ?? [];
  const machineTypes: Readonly<Record<PlatformName, string>> = {
    incus: "webinfra:incus:Machine",
    aws: "aws:ec2/instance:Instance",
    digitalocean: "digitalocean:index/droplet:Droplet",
  };
  const machine = (platform: PlatformName, name: string): Recorded => {
    const found = all(platform).find((one) => one.type === machineTypes[platform] && one.name === name);
    assert.ok(found, `${platform} has no ${name}`);
    return found;
  };
  const has = (platform: PlatformName, type: string): boolean => all(platform).some((one) => one.type === type);

  /** What a row's cell says, told from the resources. */
  const rows: Readonly<Record<string, (platform: PlatformName) => string | RegExp>> = {
    "a host is": (platform) =>
      ({ incus: "a system container", aws: "an EC2 instance", digitalocean: "a Droplet" })[
        platformNames.find((one) => all(platform).some(({ type }) => type === machineTypes[one])) ?? "incus"
      ],
    "its image": (platform) =>
      machine(platform, "web-1").ignoreChanges.some((key) => key === "ami" || key === "image")
        ? /a newer one never replaces a host$/
        : "Debian 13 made by set-up",
    "its size": (platform) => {
      const { inputs } = machine(platform, "web-1");
      return inputs.instanceType !== undefined
        ? /^`aws.instanceTypes`, a role/
        : inputs.size !== undefined
          ? "`digitalocean.sizes`, a role"
          : /^none/;
    },
    "users come to": (platform) => {
      const binds = all(platform).some(({ type }) => /eipAssociation|reservedIpAssignment/i.test(type));
      assert.ok(!binds, `${platform} binds the address to a machine`);
      return has(platform, "aws:ec2/eip:Eip")
        ? "an Elastic IP that the balancer takes over"
        : has(platform, "digitalocean:index/reservedIp:ReservedIp")
          ? "a reserved IP that the balancer takes over"
          : "the balancer's own address";
    },
    firewall: (platform) =>
      has(platform, "aws:ec2/securityGroup:SecurityGroup")
        ? "a security group a role; sources are groups"
        : has(platform, "digitalocean:index/firewall:Firewall")
          ? "a firewall a role; sources are tags"
          : /^none/,
    channel: (platform) =>
      has(platform, "aws:s3/bucket:Bucket")
        ? /^a private S3 bucket/
        : has(platform, "digitalocean:index/spacesBucket:SpacesBucket")
          ? /^a Spaces bucket/
          : /^a folder/,
    "a host's secrets come": (platform) => {
      const { inputs } = machine(platform, "web-1");
      const secret = secretsIn(inputs).length > 0;
      const object = all(platform).some(({ name }) => name === "web-1-secrets");
      assert.notEqual(secret, object, "once, and one way");
      return secret ? "with its user-data" : /^through the channel/;
    },
    "user-data": (platform) =>
      new RegExp(
        `^at most ${String(platforms[platform].traits.userData.limit / 1024)} KiB (of gzip|as a MIME message)`,
      ),
    "encryption at rest": (platform) => {
      const volumes = all(platform).filter(({ inputs }) => inputs.encrypted === true);
      return volumes.length > 0 &&
        has(platform, "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration")
        ? "volumes and bucket"
        : /^(the machine's own|what DigitalOcean does by itself)$/;
    },
    "TLS alone to the channel": (platform) =>
      has(platform, "aws:s3/bucketPolicy:BucketPolicy")
        ? "enforced by the bucket's policy"
        : /folder|cannot be enforced/,
    "`up` has seen": (platform) => {
      const ready = all(platform).find(({ type }) => type === "webinfra:index:Ready");
      return ready?.inputs.reach === "private" ? /^every machine/ : /^(through the public address|the same)/;
    },
    "databases are protected": (platform) =>
      machine(platform, "db-1").protect ? "unless `mysql.protect: false`" : "with `mysql.protect: true`",
    "another MySQL setting": (platform) =>
      all(platform).some(({ name }) => name === "db-1-settings") ? /^in force within seconds|^the same$/ : /made anew/,
    "another source of MySQL": (platform) =>
      machine(platform, "db-1").ignoreChanges.some((key) => key.startsWith("userData"))
        ? /new database hosts get it, and others when they are made anew|the same/
        : /every database host/,
    "`down` keeps": (platform) => {
      const kept = all(platform)
        .filter(({ retainOnDelete }) => retainOnDelete)
        .map(({ type }) => type);
      assert.ok(kept.some((type) => /volume/i.test(type)));
      return kept.some((type) => /bucket$/i.test(type)) ? "the data volumes and the bucket" : /^the data volumes(;|$)/;
    },
  };

  for (const platform of platformNames) {
    for (const [row, told] of Object.entries(rows)) {
      it(`${platform}: ${row}`, () => {
        const wanted = told(platform);
        if (typeof wanted === "string") {
          assert.equal(cell(row, platform), wanted);
        } else {
          assert.match(cell(row, platform), wanted);
        }
      });
    }

    it(`${platform}: DNS record`, async () => {
      const settings: Readonly<Record<PlatformName, RawConfig>> = {
        incus: {},
        aws: { aws: '{"zoneId":"Z0123456789ABCDEFGHIJ"}' },
        digitalocean: { digitalocean: '{"dnsZone":"foobar.com"}' },
      };
      const made = await build(platform, settings[platform]);
      const [type] = made.map((one) => one.type).filter((one) => /record/i.test(one));
      const wanted = type === undefined ? /^none$/ : type.startsWith("aws:route53") ? /^Route 53/ : /dnsZone/;
      assert.match(cell("DNS record", platform), wanted);
    });
  }
});

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { preview } from "../../cli/engine/preview";
import { up } from "../../cli/engine/up";
import { describeFailure, exitCode } from "../../cli/errors";
import { PolicyRefusal, policyPacks } from "../../cli/engine/policy";
import { readStateFile } from "../../cli/engine/state";
import type { SiteSummary } from "../../review/summary";
import { siteType } from "../../policy/pack";
import { forgetPromises, type Sandbox, sandbox } from "../support/cli";
import { compliantSite } from "../support/policy";

/**
 * A site whose parts are components with the types of cloud resources: the engine hands their inputs to policies as it does those of resources, and needs no
 * provider.
 */
const program =
  (summary: Partial<SiteSummary>, parts: readonly (readonly [string, string, object])[] = []) =>
  () => {
    const site = new pulumi.ComponentResource(siteType, "site", { summary: { ...compliantSite, ...summary } });
    for (const [type, name, inputs] of parts) {
      new pulumi.ComponentResource(type, name, { ...inputs }, { parent: site });
    }
    return Promise.resolve({});
  };
const weak: Partial<SiteSummary> = { https: false, backups: false };
const tags = { project: "webinfra", stack: compliantSite.stack };
const open = {
  cidrIpv4: "0.0.0.0/0",
  ipProtocol: "tcp",
  fromPort: 22,
  toPort: 22,
  description: "SSH",
  tags: { ...tags, role: "loadBalancer" },
};
const openGroup = ["aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "ssh", open] as const;
const next =
  "next: do what they say, or waive a rule by its name, with the reason, in webinfra:policy.waivers (docs/policies.md)";
const cannot = "webinfra cannot do this yet: waive the rule, with what stands in for it as the reason";

// With the real Pulumi CLI and a program that makes nothing.
describe("policy: with the Pulumi CLI", function () {
  this.timeout(60_000);
  let box: Sandbox;
  beforeEach(forgetPromises);
  beforeEach(() => (box = sandbox()));
  afterEach(() => box.remove());
  const none = { config: [] };
  const refused = (message: string) => (error: unknown) => {
    assert.ok(error instanceof PolicyRefusal, String(error));
    assert.equal(error.message, message);
    assert.equal(describeFailure(error).code, exitCode.failed);
    return true;
  };

  it("refuses an up with every violation, before anything is created", async () => {
    const site = program(weak, [openGroup, ["aws:s3/bucket:Bucket", "channel", { tags }]]);
    await assert.rejects(
      up(box.context({ program: site }), "trial", none),
      refused(
        [
          "up is refused by 7 rules of the policy pack:",
          `  production-https (site): the site is not served over HTTPS: ${cannot}`,
          `  production-backups (site): the databases are not backed up: ${cannot}`,
          "  ingress-web-only (ssh): lets in tcp port 22 from 0.0.0.0/0: name the group, tag or address range that needs it as the source",
          "  no-world-ssh (ssh): opens SSH with tcp port 22 from 0.0.0.0/0: set `webinfra:ssh.allowedCidrs` to the address ranges that administer the site, or leave SSH closed",
          "  encrypted-buckets (channel): the bucket has no encryption configuration: give it a BucketServerSideEncryptionConfiguration",
          "  private-buckets (channel): the bucket has no public access block: set the access list to private, allow everybody nothing, and give an S3 bucket a BucketPublicAccessBlock with all four blocks true",
          "  tls-only-buckets (channel): the bucket has no bucket policy: give it a BucketPolicy that denies everybody every action of S3, on the bucket and all in it, where aws:SecureTransport is false, on no other condition",
          next,
        ].join("\n"),
      ),
    );
    assert.equal(box.stdout(), "checking the policies\n");
    assert.deepEqual(readStateFile(join(box.home, "state"), "webinfra", "trial")?.resources, []);
  });

  it("shows the plan of a refused preview, and the violations as JSON too", async () => {
    const site = program(weak);
    await assert.rejects(preview(box.context({ program: site }), "trial", none), PolicyRefusal);
    assert.equal(
      box.stdout(),
      `  + create webinfra-trial [pulumi:pulumi:Stack]\n  + create site [${siteType}]\n2 resources would change\n`,
    );
    const before = box.stdout().length;
    await assert.rejects(preview(box.context({ program: site, json: true }), "trial", none), PolicyRefusal);
    const { violations } = JSON.parse(box.stdout().slice(before)) as { readonly violations: readonly object[] };
    assert.deepEqual(violations[0], {
      policy: "production-https",
      mandatory: true,
      resource: "site",
      message: `the site is not served over HTTPS: ${cannot}`,
    });
    assert.equal(box.stderr(), "");
  });

  it("writes the comment of a refused preview whole", async () => {
    const site = box.context({ program: program({ https: false }), json: true });
    await assert.rejects(preview(site, "trial", { ...none, markdown: true }), PolicyRefusal);
    assert.match(box.stdout(), /^\| create \| `webinfra:index:WebInfrastructure` \| `site` \|/m);
    assert.match(box.stdout(), /^\*\*1 violation\*\*: this cannot be deployed\.$/m);
    assert.match(
      box.stdout(),
      /^\| `production-https` \| \*\*violated\*\* \| `site` \| `the site is not served over HTTPS: /m,
    );
    assert.ok(!box.stdout().includes("The preview failed"));
  });

  it("lets a site up whose violations are waived by name, and says so", async () => {
    const waivers = {
      "production-https": "no certificate before May",
      "production-backups": "a nightly dump goes off-site",
      "no-world-ssh": "a honeypot, see issue 12",
      "ingress-web-only": "a honeypot, see issue 12",
    };
    const site = program({ ...weak, policy: { waivers } }, [openGroup]);
    const result = await up(box.context({ program: site }), "trial", none);
    assert.deepEqual(result.changes, { create: 3 });
    assert.ok(
      box
        .stdout()
        .startsWith(
          [
            "checking the policies",
            "  waived (site): production-https is waived (no certificate before May): the site is not served over HTTPS",
            "  waived (site): production-backups is waived (a nightly dump goes off-site): the databases are not backed up",
            "  waived (ssh): ingress-web-only is waived (a honeypot, see issue 12): lets in tcp port 22 from 0.0.0.0/0",
            "  waived (ssh): no-world-ssh is waived (a honeypot, see issue 12): opens SSH with tcp port 22 from 0.0.0.0/0",
            'bringing up the stack "trial"',
            "",
          ].join("\n"),
        ),
      box.stdout(),
    );
  });

  it("refuses a waiver that names no rule", async () => {
    const site = program({ policy: { waivers: { "production-htps": "no certificate before May" } } });
    await assert.rejects(
      up(box.context({ program: site }), "trial", none),
      refused(
        [
          "up is refused by a rule of the policy pack:",
          '  known-waivers (site): webinfra:policy.waivers names "production-htps", which is no rule: did you mean "production-https"?',
          next,
        ].join("\n"),
      ),
    );
  });

  it("says which checks wait, and makes them in the update", async () => {
    // A component's inputs are known in a preview unless they come from what is not made yet.
    const site = () => {
      const top = new pulumi.ComponentResource(siteType, "site", { summary: compliantSite });
      const later = pulumi.runtime.isDryRun() ? pulumi.unknown : JSON.stringify({ Statement: [] });
      new pulumi.ComponentResource("aws:s3/bucketPolicy:BucketPolicy", "tls", { policy: later }, { parent: top });
      return Promise.resolve({});
    };
    await assert.rejects(
      up(box.context({ program: site }), "trial", none),
      refused(
        [
          "up is refused by a rule of the policy pack:",
          "  tls-only-buckets (tls): the bucket policy does not refuse requests without TLS: give it a BucketPolicy that denies everybody every action of S3, on the bucket and all in it, where aws:SecureTransport is false, on no other condition",
          next,
        ].join("\n"),
      ),
    );
    assert.match(box.stdout(), /^ {2}policy checks that wait for `up`, because a value is not known yet: 2$/m);
  });

  it("spares a site of this machine the check, unless it is production", async () => {
    const { isHeldToPolicies } = await import("../../cli/engine/policy.js");
    const held = (config: Record<string, unknown>) => isHeldToPolicies({ config });
    assert.equal(held({ "webinfra:platform": "incus" }), false);
    assert.equal(held({ "webinfra:platform": "incus", "webinfra:production": false }), false);
    assert.equal(held({ "webinfra:platform": "incus", "webinfra:production": true }), true);
    assert.equal(held({ "webinfra:platform": "incus", "webinfra:production": "true" }), true);
    assert.equal(held({ "webinfra:platform": "aws" }), true);
    assert.equal(held({ "webinfra:platform": "digitalocean" }), true);
  });
});

describe("policy: the pack's process", () => {
  const root = resolve(__dirname, "../..");
  const serves = async (command: string, args: readonly string[], cwd: string) => {
    const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "inherit"] });
    try {
      const [data] = (await once(child.stdout, "data")) as [Buffer];
      assert.match(data.toString(), /^\d+\n$/);
    } finally {
      child.kill();
    }
  };

  it("serves where Pulumi has no Node.js language host", () =>
    serves(join(root, "policy", "bin", "pulumi-analyzer-policy-nodejs"), ["127.0.0.1:1", "."], policyPacks[0]!));

  it("serves as Pulumi's Node.js language host starts it", () =>
    serves(
      process.execPath,
      [require.resolve("@pulumi/pulumi/cmd/run-policy-pack"), "127.0.0.1:1", policyPacks[0]!],
      policyPacks[0]!,
    ));
});

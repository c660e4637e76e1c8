/** docs/going-live-*.md and the README: what they tell to type, to allow and to pay, held against the command line, the golden graphs and the estimate. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import { commandLine } from "../../cli/main";
import { parseConfig, type RawConfig } from "../../config/parse";
import { estimate } from "../../review/cost";
import { place } from "../../topology/place";
import site from "../../index";
import { goldenRoot } from "../support/golden";
import { temporaryHome } from "../support/home";
import { devRawConfig, digitaloceanSecrets, rawConfigOf, rawOf } from "../support/hosts";
import { runProgram } from "../support/program";

const root = join(__dirname, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const pages = { aws: "docs/going-live-aws.md", digitalocean: "docs/going-live-digitalocean.md" } as const;

/** The blocks of shell commands of a page. */
const shellBlocks = (text: string): string[] =>
  [...text.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, body = ""]) => body);

/** The words of a command line, as a shell takes them apart. */
const words = (line: string): string[] =>
  [...line.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([word]) => word.replaceAll(/'([^']*)'|"([^"]*)"/g, "$1$2"));

/** Every call of the command on a page, without its comment. */
const calls = (text: string): string[] =>
  [
    ...shellBlocks(text).flatMap((body) => body.match(/\.\/webinfra [^#\n)&|]*/g) ?? []),
    ...[...text.matchAll(/`(\.\/webinfra [^`]+)`/g)].map(([, call = ""]) => call),
  ].filter((call) => !call.includes("<"));

/** Types of resources that a platform's golden graphs hold. */
function typesOf(platform: keyof typeof pages): string[] {
  const folders = readdirSync(join(goldenRoot, "graphs")).filter((name) => name.startsWith(`${platform}-`));
  const texts = folders.map((name) => readFileSync(join(goldenRoot, "graphs", name, "resources.json"), "utf8"));
  const types = texts.flatMap((text) => [...text.matchAll(new RegExp(`"type": "(${platform}:[^"]+)"`, "g"))]);
  return [...new Set(types.map(([, type = ""]) => type))].sort();
}

describe("docs: going live, and the README", () => {
  for (const page of [...Object.values(pages), "README.md"]) {
    it(`${page}: its commands are those of the command line`, async () => {
      const found = calls(read(page));
      assert.ok(found.length >= 4, `only ${String(found.length)} calls were found`);
      for (const call of found) {
        const line = commandLine({ context: () => Promise.reject(new Error("reached")), exit: () => undefined });
        const quiet = (command: Command): void => {
          command.configureOutput({ writeErr: () => undefined, writeOut: () => undefined }).exitOverride();
          command.commands.forEach(quiet);
        };
        quiet(line);
        const [, ...args] = words(call);
        await assert.rejects(line.parseAsync(["node", "webinfra", ...args]), { message: "reached" }, call);
      }
    });
  }

  for (const [platform, page] of Object.entries(pages)) {
    it(`${page}: says first that no account has seen it`, () => {
      const [, , first = ""] = read(page).split("\n");
      assert.match(first, /^\*\*No account has seen this page yet\.\*\*/, platform);
    });

    it(`${page}: its costs are the estimate's`, () => {
      const text = read(page);
      const stack = /Pulumi\.(\w+)\.yaml/.exec(text)?.[1] ?? assert.fail();
      const monthly = (more: RawConfig = {}): string => {
        const config = parseConfig({ ...digitaloceanSecrets, ...rawConfigOf(read(`Pulumi.${stack}.yaml`)), ...more });
        return estimate(place(config), config)?.monthlyUsd?.toFixed(2) ?? assert.fail();
      };
      const rows = [...text.matchAll(/^\| .* \| +(\d+\.\d\d) \|$/gm)].map(([, amount]) => amount);
      assert.deepEqual(
        rows,
        platform === "aws" ? [monthly(), monthly(rawOf({ aws: { nat: "single" } }))] : [monthly()],
      );
    });
  }
});

describe("docs: going live, the second operator", function () {
  this.timeout(60_000);
  const home = temporaryHome();

  for (const platform of ["aws", "digitalocean"] as const) {
    it(`${platform}: nothing of a stack is bound to the WEBINFRA_HOME that brought it up`, async () => {
      const config = devRawConfig({ app: '{"directory":"tests/fixtures/app"}', platform, ...digitaloceanSecrets });
      const recorded = await runProgram(site, { config, secretKeys: ["secrets"] });
      const bound = recorded.filter(({ inputs }) => JSON.stringify(inputs).includes(home()));
      // Where an archive was packed; what it holds has its hash for a name.
      assert.deepEqual(bound.map(({ name }) => name).sort(), ["host-package", "release"]);
      for (const { name, inputs, ignoreChanges } of bound) {
        const { source: _packed, ...others } = inputs;
        assert.ok(ignoreChanges.includes("source"), name);
        assert.ok(!JSON.stringify(others).includes(home()), name);
      }
    });
  }
});

describe("docs: going live on AWS", () => {
  const statement = z.strictObject({
    Sid: z.string(),
    Effect: z.literal("Allow"),
    Action: z.union([z.string(), z.array(z.string())]),
    Resource: z.union([z.string(), z.array(z.string())]),
    Condition: z.record(z.string(), z.record(z.string(), z.string())).optional(),
  });
  const policy = z.strictObject({ Version: z.literal("2012-10-17"), Statement: z.array(statement) });
  const text = read("docs/going-live/aws-policy.json");
  const { Statement: statements } = policy.parse(JSON.parse(text));
  const actions = statements.flatMap(({ Action: action }) => action);
  const allowed = (action: string): boolean =>
    actions.some((one) => one === action || (one.endsWith("*") && action.startsWith(one.slice(0, -1))));

  /** What makes, changes and deletes a resource of each type, by the Service Authorization Reference. */
  const needed: Readonly<Record<string, readonly string[]>> = {
    // Data outlive the stack, and who deploys cannot delete them.
    "aws:ebs/volume:Volume": ["ec2:CreateVolume", "ec2:ModifyVolume"],
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": [
      "ec2:RevokeSecurityGroupIngress",
      "ec2:RevokeSecurityGroupEgress",
    ],
    "aws:ec2/eip:Eip": ["ec2:AllocateAddress", "ec2:DisassociateAddress", "ec2:ReleaseAddress"],
    "aws:ec2/instance:Instance": [
      "ec2:RunInstances",
      "ec2:StopInstances",
      "ec2:StartInstances",
      "ec2:ModifyInstanceAttribute",
      "ec2:ModifyInstanceMetadataOptions",
      "ec2:ModifyInstanceCreditSpecification",
      "ec2:MonitorInstances",
      "ec2:TerminateInstances",
      "iam:PassRole",
    ],
    "aws:ec2/internetGateway:InternetGateway": [
      "ec2:CreateInternetGateway",
      "ec2:AttachInternetGateway",
      "ec2:DetachInternetGateway",
      "ec2:DeleteInternetGateway",
    ],
    "aws:ec2/keyPair:KeyPair": ["ec2:ImportKeyPair", "ec2:DeleteKeyPair"],
    "aws:ec2/natGateway:NatGateway": ["ec2:CreateNatGateway", "ec2:DeleteNatGateway"],
    "aws:ec2/route:Route": ["ec2:CreateRoute", "ec2:ReplaceRoute", "ec2:DeleteRoute"],
    "aws:ec2/routeTable:RouteTable": ["ec2:CreateRouteTable", "ec2:DeleteRouteTable"],
    "aws:ec2/routeTableAssociation:RouteTableAssociation": [
      "ec2:AssociateRouteTable",
      "ec2:ReplaceRouteTableAssociation",
      "ec2:DisassociateRouteTable",
    ],
    "aws:ec2/securityGroup:SecurityGroup": [
      "ec2:CreateSecurityGroup",
      "ec2:RevokeSecurityGroupEgress",
      "ec2:DeleteSecurityGroup",
    ],
    "aws:ec2/subnet:Subnet": ["ec2:CreateSubnet", "ec2:ModifySubnetAttribute", "ec2:DeleteSubnet"],
    "aws:ec2/volumeAttachment:VolumeAttachment": ["ec2:AttachVolume", "ec2:DetachVolume"],
    "aws:ec2/vpc:Vpc": ["ec2:CreateVpc", "ec2:ModifyVpcAttribute", "ec2:DeleteVpc"],
    "aws:ec2/vpcEndpoint:VpcEndpoint": ["ec2:CreateVpcEndpoint", "ec2:ModifyVpcEndpoint", "ec2:DeleteVpcEndpoints"],
    "aws:iam/instanceProfile:InstanceProfile": [
      "iam:CreateInstanceProfile",
      "iam:GetInstanceProfile",
      "iam:TagInstanceProfile",
      "iam:AddRoleToInstanceProfile",
      "iam:RemoveRoleFromInstanceProfile",
      "iam:DeleteInstanceProfile",
    ],
    "aws:iam/role:Role": [
      "iam:CreateRole",
      "iam:GetRole",
      "iam:TagRole",
      "iam:ListRolePolicies",
      "iam:ListAttachedRolePolicies",
      "iam:ListInstanceProfilesForRole",
      "iam:DeleteRole",
    ],
    "aws:iam/rolePolicy:RolePolicy": ["iam:PutRolePolicy", "iam:GetRolePolicy", "iam:DeleteRolePolicy"],
    "aws:route53/record:Record": [
      "route53:GetHostedZone",
      "route53:ListResourceRecordSets",
      "route53:ChangeResourceRecordSets",
      "route53:GetChange",
    ],
    "aws:s3/bucket:Bucket": ["s3:CreateBucket", "s3:PutBucketTagging", "s3:DeleteObjectVersion", "s3:DeleteBucket"],
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": ["s3:PutLifecycleConfiguration"],
    "aws:s3/bucketObjectv2:BucketObjectv2": ["s3:PutObject", "s3:PutObjectTagging", "s3:GetObject", "s3:DeleteObject"],
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": ["s3:PutBucketOwnershipControls"],
    "aws:s3/bucketPolicy:BucketPolicy": ["s3:PutBucketPolicy", "s3:GetBucketPolicy", "s3:DeleteBucketPolicy"],
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": ["s3:PutBucketPublicAccessBlock"],
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": [
      "s3:PutEncryptionConfiguration",
    ],
    "aws:s3/bucketVersioning:BucketVersioning": ["s3:PutBucketVersioning"],
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": [
      "ec2:AuthorizeSecurityGroupEgress",
      "ec2:ModifySecurityGroupRules",
      "ec2:RevokeSecurityGroupEgress",
    ],
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": [
      "ec2:AuthorizeSecurityGroupIngress",
      "ec2:ModifySecurityGroupRules",
      "ec2:RevokeSecurityGroupIngress",
    ],
  };
  /** Only with `ssh` and `aws.zoneId`: in no golden graph. */
  const onRequest = ["aws:ec2/keyPair:KeyPair", "aws:route53/record:Record"];

  it("the policy allows what each resource of the golden graphs needs, and to look at it and to tag it", () => {
    assert.deepEqual(Object.keys(needed), [...typesOf("aws"), ...onRequest].sort());
    for (const [type, wanted] of Object.entries(needed)) {
      assert.deepEqual(
        wanted.filter((action) => !allowed(action)),
        [],
        type,
      );
    }
    for (const action of ["ec2:DescribeInstances", "ec2:CreateTags", "ec2:DeleteTags", "s3:GetBucketAcl"]) {
      assert.ok(allowed(action), action);
    }
  });

  it("the policy allows nobody to delete data, to read another bucket, or to use other roles", () => {
    assert.ok(!allowed("ec2:DeleteVolume") && !allowed("ec2:DeleteSnapshot") && !actions.includes("*"));
    for (const { Sid: sid, Action: action, Resource: resource, Condition: condition } of statements) {
      const services = new Set([action].flat().map((one) => one.split(":")[0]));
      if (!services.has("ec2")) {
        assert.ok(
          [resource]
            .flat()
            .every((one) => one.includes("webinfra") || !one.startsWith("arn:aws:s3") || one.includes("STATE-BUCKET")),
          sid,
        );
        assert.ok(![resource].flat().includes("*"), sid);
      } else if (action !== "ec2:Describe*") {
        assert.deepEqual(condition, { StringEquals: { "aws:RequestedRegion": "REGION" } }, sid);
      }
    }
  });

  it("the page fills in both files, each within what IAM takes", () => {
    const fill = /^fill\(\) .*$/m.exec(read(pages.aws))?.[0] ?? assert.fail();
    const limits = { "aws-policy.json": 10_240, "aws-trust.json": 2048 };
    assert.deepEqual(readdirSync(join(root, "docs/going-live")).sort(), Object.keys(limits));
    for (const [name, limit] of Object.entries(limits)) {
      const filled = execFileSync("bash", ["-euc", `${fill}\nfill ${name}`], { cwd: root, encoding: "utf8" });
      assert.doesNotMatch(filled, /ACCOUNT|REGION|ZONE|BUCKET/, name);
      // IAM does not count white space.
      assert.ok(JSON.stringify(JSON.parse(filled)).length <= limit, name);
    }
  });
});

describe("docs: going live on DigitalOcean", () => {
  /** The scope of each type, by DigitalOcean's reference of scopes. */
  const scopes: Readonly<Record<string, string>> = {
    "digitalocean:index/dnsRecord:DnsRecord": "domain",
    "digitalocean:index/droplet:Droplet": "droplet",
    "digitalocean:index/firewall:Firewall": "firewall",
    "digitalocean:index/project:Project": "project",
    "digitalocean:index/projectResources:ProjectResources": "project",
    "digitalocean:index/reservedIp:ReservedIp": "reserved_ip",
    "digitalocean:index/spacesBucket:SpacesBucket": "spaces_key",
    "digitalocean:index/spacesBucketObject:SpacesBucketObject": "spaces_key",
    "digitalocean:index/spacesKey:SpacesKey": "spaces_key",
    "digitalocean:index/sshKey:SshKey": "ssh_key",
    "digitalocean:index/tag:Tag": "tag",
    "digitalocean:index/volume:Volume": "block_storage",
    "digitalocean:index/vpc:Vpc": "vpc",
  };

  it("the token's scopes are those of the golden graphs' resources, and of a record", () => {
    const [all = "", seen = "", address = ""] = [...read(pages.digitalocean).matchAll(/^```text\n(.*)\n```$/gm)].map(
      ([, line = ""]) => line,
    );
    assert.deepEqual(
      Object.keys(scopes),
      [...typesOf("digitalocean"), "digitalocean:index/dnsRecord:DnsRecord"].sort(),
    );
    assert.deepEqual(all.split(" "), [...new Set(Object.values(scopes))].sort());
    assert.equal(seen, "actions image regions sizes");
    // As the product itself names them where the token is missing.
    const product = read("config/secrets.ts");
    for (const scope of address.split(" ")) {
      assert.ok(product.includes(scope), scope);
    }
  });
});

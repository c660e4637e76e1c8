import assert from "node:assert/strict";
import { awsCredentialProblems } from "../../platforms/aws/credentials";
import { subnetProblem, zonesProblem } from "../../platforms/aws/problems";
import { ConfigError } from "../../core/config-error";
import { awsConfig, buildAws, type Settings } from "../support/aws";
import type { Recorded } from "../support/program";

const ed25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me";
const vpc = {
  id: "vpc-0a1b2c3d",
  publicSubnets: ["subnet-0000000a", "subnet-0000000b"],
  privateSubnets: ["subnet-1000000a", "subnet-1000000b"],
};

describe("what AWS cannot do is said before anything is made", () => {
  const refused = (settings: Settings, ...problems: string[]): void =>
    void it(problems.join("; "), async () => {
      const recorded: Recorded[] = [];
      await assert.rejects(buildAws(settings, { recorded }), new ConfigError(problems));
      assert.deepEqual(
        recorded.filter(({ custom }) => custom).map(({ name }) => name),
        [],
      );
    });

  refused(
    { network: { cidr: "10.0.0.0/12" } },
    'webinfra:network.cidr is "10.0.0.0/12": a VPC has from /28 to /16: should be such as 10.80.0.0/16',
  );
  refused(
    { aws: { zones: ["us-east-1a", "us-east-1b", "us-east-1c"] }, network: { cidr: "10.0.0.0/26" } },
    'webinfra:network.cidr is "10.0.0.0/26": it has no room for two subnets in each of 3 zones: should be /25 or larger, such as 10.80.0.0/16',
  );
  refused(
    { aws: { vpc, zones: ["us-east-1a", "us-east-1b"] }, network: { cidr: "10.0.0.0/16" } },
    'webinfra:network.cidr is "10.0.0.0/16": vpc-0a1b2c3d has its own: leave it out',
    'webinfra:aws.zones is ["us-east-1a","us-east-1b"]: the subnets of vpc-0a1b2c3d have theirs: leave it out',
  );
  refused(
    { ssh: { allowedCidrs: ["203.0.113.0/24"], publicKey: "ecdsa-sha2-nistp256 AAAA me" } },
    "webinfra:ssh.publicKey is of the type ecdsa-sha2-nistp256: AWS takes ssh-ed25519 and ssh-rsa keys only",
  );
  refused(
    { ssh: { allowedCidrs: ["203.0.113.0/24", "203.0.113.7/24", "::ffff/129"], publicKey: ed25519 } },
    'webinfra:ssh.allowedCidrs.1 is "203.0.113.7/24": should be a network with its host bits zero, such as 203.0.113.7/32 or 203.0.113.0/24',
    'webinfra:ssh.allowedCidrs.2 is "::ffff/129": should be a network with its host bits zero, such as 203.0.113.7/32 or 203.0.113.0/24',
  );
  refused(
    { aws: { volumes: { "web-1": "vol-0123abcd" } } },
    "webinfra:aws.volumes names web-1, which is no host with the role database: should be one of db-1, db-2",
  );

  refused(
    { aws: { volumes: { "db-1": "vol-0123abcd", "db-2": "vol-0123abcd" } } },
    "webinfra:aws.volumes gives vol-0123abcd to db-1 and db-2: should be a volume for one host",
  );
  refused(
    { aws: { zones: ["us-east-1a", "us-east-1b", "us-east-1a"] } },
    "webinfra:aws.zones lists us-east-1a twice: should list each zone once",
  );

  it("also of the subnets of an existing VPC", () => {
    const problem = (
      kind: "publicSubnets" | "privateSubnets",
      vpcId: string,
      mapPublicIpOnLaunch: boolean,
      cidrBlock = "172.31.16.0/20",
    ) =>
      subnetProblem({ id: vpc.id, cidrBlock: "172.31.0.0/16" }, kind, 1, {
        id: "subnet-0000000b",
        vpcId,
        cidrBlock,
        mapPublicIpOnLaunch,
      });
    assert.equal(
      problem("privateSubnets", "vpc-0fffffff", false),
      'webinfra:aws.vpc.privateSubnets.1 is "subnet-0000000b": it is a subnet of vpc-0fffffff: should be one of vpc-0a1b2c3d',
    );
    assert.equal(
      problem("publicSubnets", vpc.id, false),
      'webinfra:aws.vpc.publicSubnets.1 is "subnet-0000000b": it gives machines no public address, which balancers need: should have mapPublicIpOnLaunch',
    );
    const alone =
      "and hosts let each other through in 172.31.0.0/16 alone, the primary range of vpc-0a1b2c3d: should be a subnet in it";
    assert.equal(
      problem("publicSubnets", vpc.id, true, "100.64.0.0/24"),
      `webinfra:aws.vpc.publicSubnets.1 is "subnet-0000000b": its range is 100.64.0.0/24, ${alone}`,
    );
    assert.equal(
      problem("privateSubnets", vpc.id, false, ""),
      `webinfra:aws.vpc.privateSubnets.1 is "subnet-0000000b": its range is not IPv4, ${alone}`,
    );
    assert.equal(problem("publicSubnets", vpc.id, true), undefined);
    assert.equal(problem("privateSubnets", vpc.id, false), undefined);
  });

  it("also of zones, by those that the account is offered", () => {
    const problem = (settings: Settings, ...letters: readonly string[]) =>
      zonesProblem(
        awsConfig({ aws: { region: "ap-northeast-1", ...settings } }),
        letters.map((letter) => `ap-northeast-1${letter}`),
      );
    assert.equal(
      problem({}, "d", "a", "c"),
      'webinfra:aws.zones is ["ap-northeast-1a","ap-northeast-1b"] by default: this account is not offered ap-northeast-1b: ' +
        "should be two or more of ap-northeast-1a, ap-northeast-1c, ap-northeast-1d",
    );
    assert.equal(
      problem({ zones: ["ap-northeast-1b", "ap-northeast-1e"] }, "a", "c"),
      'webinfra:aws.zones is ["ap-northeast-1b","ap-northeast-1e"]: this account is not offered ap-northeast-1b and ap-northeast-1e: ' +
        "should be two or more of ap-northeast-1a, ap-northeast-1c",
    );
    assert.equal(problem({}, "a", "b", "c"), undefined);
    assert.equal(problem({ zones: ["ap-northeast-1a", "ap-northeast-1c"] }, "a", "c", "d"), undefined);
  });

  it("asks AWS in a preview, for the account's zones and for existing subnets", async () => {
    const told = (settings: Settings, what: RegExp) => assert.rejects(buildAws(settings, { preview: true }), what);
    await told(
      { aws: { zones: ["us-east-1a", "us-east-1g"] } },
      /webinfra:aws\.zones is \["us-east-1a","us-east-1g"\]: this account is not offered us-east-1g: should be two or more of eu-/,
    );
    await told(
      { aws: { vpc: { ...vpc, id: "vpc-0fffffff" } } },
      /webinfra:aws\.vpc\.[a-zA-Z]+\.\d is "subnet-\d+[ab]": it is a subnet of vpc-0a1b2c3d: should be one of vpc-0fffffff/,
    );
  });
});

describe("credentials for AWS", () => {
  const none = () => false;
  const problems = (environment: Record<string, string>, files: readonly string[] = []) =>
    awsCredentialProblems({ HOME: "/home/user", ...environment }, (path) => files.includes(path));

  it("are found wherever the provider finds them", () => {
    for (const environment of [
      { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" },
      { AWS_WEB_IDENTITY_TOKEN_FILE: "/token", AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/deploy" },
      // A role for others to assume is no half of anything.
      { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b", AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/deploy" },
      { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/v2/credentials" },
      { AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://169.254.170.23/v1/credentials" },
    ]) {
      assert.deepEqual(problems(environment), []);
    }
    for (const path of ["/home/user/.aws/credentials", "/home/user/.aws/config"]) {
      assert.deepEqual(problems({}, [path]), []);
      assert.deepEqual(problems({ AWS_PROFILE: "work" }, [path]), []);
    }
    assert.deepEqual(problems({ AWS_SHARED_CREDENTIALS_FILE: "/run/keys" }, ["/run/keys"]), []);
    assert.deepEqual(problems({ AWS_CONFIG_FILE: "/run/config" }, ["/run/config"]), []);
  });

  it("that are missing are named, with what to set", () => {
    assert.deepEqual(problems({}), [
      "no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY " +
        "(neither /home/user/.aws/credentials nor /home/user/.aws/config is there)",
    ]);
    assert.deepEqual(problems({ AWS_PROFILE: "work" }), [
      'AWS_PROFILE is "work", and neither /home/user/.aws/credentials nor /home/user/.aws/config is there: run aws configure --profile work',
    ]);
    assert.deepEqual(problems({ AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "" }).length, 1);
  });

  it("that are there by half are no credentials, and are never shown", () => {
    assert.deepEqual(problems({ AWS_SECRET_ACCESS_KEY: "hidden" }, ["/home/user/.aws/config"]), [
      "AWS_SECRET_ACCESS_KEY is set and AWS_ACCESS_KEY_ID is not: set both, or neither",
    ]);
    assert.deepEqual(problems({ AWS_ACCESS_KEY_ID: "AKIA" }), [
      "AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not: set both, or neither",
    ]);
    assert.deepEqual(problems({ AWS_WEB_IDENTITY_TOKEN_FILE: "/token" }), [
      "AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not: set both, or neither",
    ]);
  });

  it("are looked for in the home of a Windows user too", () => {
    const seen: string[] = [];
    awsCredentialProblems({ USERPROFILE: "/users/me" }, (path) => (seen.push(path), false));
    assert.deepEqual(seen, ["/users/me/.aws/credentials", "/users/me/.aws/config"]);
    assert.equal(awsCredentialProblems({}, none).length, 1);
  });
});

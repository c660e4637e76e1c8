/** The AWS platform by what it asks of the provider. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { presetNames } from "../../topology/schema";
import { rolePorts } from "../../roles/ports";
import { place } from "../../topology/place";
import { roleNames } from "../../topology/types";
import { awsId, awsImage } from "../support/answers/aws";
import { awsConfig, buildAws, definitionOf, find, ofType, type Settings, userDataOf } from "../support/aws";
import { mask, type Recorded, secretMark, secretsIn, shortUrn, unwrapped } from "../support/program";
import { platforms } from "../../platforms";

const publicKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me";
const vpc = {
  id: "vpc-0a1b2c3d",
  publicSubnets: ["subnet-0000000a", "subnet-0000000b"],
  privateSubnets: ["subnet-1000000a", "subnet-1000000b"],
};
const names = (resources: readonly Recorded[]): readonly string[] => resources.map(({ name }) => name).sort();
const waitsFor = ({ dependencies }: Recorded): readonly string[] => dependencies.map(shortUrn);
/** Types as `aws:ec2/instance:Instance` of the AWS provider. */
const onAws = (resources: readonly Recorded[]) => resources.filter(({ type }) => type.startsWith("aws:"));

describe("the AWS platform", () => {
  const settings = { app: { secrets: ["API_TOKEN"] }, secrets: { API_TOKEN: `${secretMark}-API_TOKEN` } };
  let site: readonly Recorded[];
  before(async () => {
    site = await buildAws(settings);
  });

  describe("the network", () => {
    it("is a VPC with a public and a private subnet in each of two zones", () => {
      assert.equal(find(site, "Vpc", "network").inputs.cidrBlock, "10.80.0.0/16");
      const subnets = ofType(site, "Subnet").map(({ name, inputs }) => [
        name,
        inputs.availabilityZone,
        inputs.cidrBlock,
        inputs.mapPublicIpOnLaunch,
      ]);
      assert.deepEqual(subnets.sort(), [
        ["private-a", "us-east-1a", "10.80.16.0/20", false],
        ["private-b", "us-east-1b", "10.80.48.0/20", false],
        ["public-a", "us-east-1a", "10.80.0.0/20", true],
        ["public-b", "us-east-1b", "10.80.32.0/20", true],
      ]);
    });

    it("takes the range, region and zones that the stack names", async () => {
      const zones = ["eu-central-1b", "eu-central-1c", "eu-central-1a"];
      const resources = await buildAws({
        network: { cidr: "10.9.0.0/20" },
        aws: { region: "eu-central-1", zones, accountId: "123456789012" },
      });
      assert.deepEqual(ofType(resources, "Subnet").length, 6);
      assert.equal(find(resources, "Subnet", "private-b").inputs.cidrBlock, "10.9.3.0/24");
      assert.equal(find(resources, "VpcEndpoint", "s3").inputs.serviceName, "com.amazonaws.eu-central-1.s3");
      const [provider] = ofType(resources, "aws");
      assert.equal(provider?.inputs.region, "eu-central-1");
      // The SDK passes what is no text to a provider as JSON.
      assert.equal(provider.inputs.allowedAccountIds, '["123456789012"]');
    });

    it("closes the group that every VPC comes with", () => {
      const { ingress, egress, vpcId } = find(site, "DefaultSecurityGroup", "closed").inputs;
      assert.deepEqual([ingress, egress, vpcId], [undefined, undefined, awsId("vpc", "network")]);
    });

    const ways = async (nat: string) => {
      const resources = await buildAws({ aws: { nat, ...(nat === "none" && { image: "ami-0a1b2c3d" }) } });
      return {
        gateways: names(ofType(resources, "NatGateway")),
        routes: Object.fromEntries(
          ofType(resources, "Route").map(({ name, inputs }) => [name, inputs.natGatewayId ?? inputs.gatewayId]),
        ),
      };
    };
    const open = { public: awsId("igw", "internet") };
    const natA = awsId("nat", "nat-a");

    it("reaches the internet through one NAT gateway, one a zone, or none", async () => {
      assert.deepEqual(await ways("single"), {
        gateways: ["nat-a"],
        routes: { ...open, "private-a": natA, "private-b": natA },
      });
      assert.deepEqual(await ways("per-zone"), {
        gateways: ["nat-a", "nat-b"],
        routes: { ...open, "private-a": natA, "private-b": awsId("nat", "nat-b") },
      });
      assert.deepEqual(await ways("none"), { gateways: [], routes: open });
    });

    it("reaches the channel past the NAT gateway, from every subnet", () => {
      const { routeTableIds, vpcEndpointType } = find(site, "VpcEndpoint", "s3").inputs;
      assert.deepEqual(
        routeTableIds,
        ofType(site, "RouteTable").map(({ name }) => awsId("rtb", name)),
      );
      assert.equal(vpcEndpointType, "Gateway");
      const attached = ofType(site, "RouteTableAssociation").map(({ inputs }) => inputs.subnetId);
      assert.deepEqual(
        attached.sort(),
        ofType(site, "Subnet")
          .map(({ name }) => awsId("subnet", name))
          .sort(),
      );
    });

    it("may be one that exists: nothing of it is made or changed", async () => {
      const resources = await buildAws({ aws: { vpc } });
      const made = new Set(onAws(resources).map(({ type }) => type.split(":").at(-1)));
      for (const type of ["Vpc", "Subnet", "InternetGateway", "NatGateway", "RouteTable", "Route", "VpcEndpoint"]) {
        assert.ok(!made.has(type), type);
      }
      assert.ok(!made.has("DefaultSecurityGroup"));
      for (const group of ofType(resources, "SecurityGroup")) {
        assert.equal(group.inputs.vpcId, vpc.id);
      }
      const subnets = ofType(resources, "Instance").map(({ name, inputs }) => [name, inputs.subnetId]);
      assert.deepEqual(subnets.sort(), [
        ["db-1", "subnet-1000000a"],
        ["db-2", "subnet-1000000b"],
        ["lb-1", "subnet-0000000a"],
        ["web-1", "subnet-1000000a"],
        ["web-2", "subnet-1000000b"],
      ]);
      assert.equal(find(resources, "Volume", "db-2-data").inputs.availabilityZone, "us-east-1b");
      assert.equal(find(resources, "SecurityGroupEgressRule", "web-to-network").inputs.cidrIpv4, "172.31.0.0/16");
    });
  });

  describe("a host", () => {
    it("is in a public subnet when users reach it, else in a private one, and never asks for an address itself", () => {
      const subnets = ofType(site, "Instance").map(({ name, inputs }) => [name, inputs.subnetId]);
      assert.deepEqual(subnets.sort(), [
        ["db-1", awsId("subnet", "private-a")],
        ["db-2", awsId("subnet", "private-b")],
        ["lb-1", awsId("subnet", "public-a")],
        ["web-1", awsId("subnet", "private-a")],
        ["web-2", awsId("subnet", "private-b")],
      ]);
      for (const { inputs } of ofType(site, "Instance")) {
        assert.ok(!("associatePublicIpAddress" in inputs));
      }
    });

    it("keeps its zone whatever other hosts there are", async () => {
      const zonesWith = async (hosts: readonly string[]) => {
        const all = [{ name: "one", roles: roleNames.filter((role) => role !== "monitor") }];
        const more = hosts.map((name) => ({ name, roles: ["webServer", "appServer"] }));
        const resources = await buildAws({ topology: "custom", hosts: [...more, ...all] });
        return find(resources, "Instance", "web-4").inputs.subnetId;
      };
      assert.equal(await zonesWith(["web-4"]), awsId("subnet", "private-b"));
      assert.equal(await zonesWith(["web-1", "web-3", "web-4"]), awsId("subnet", "private-b"));
    });

    it("guards its metadata, is watched closely, and has an encrypted disk", () => {
      assert.equal(ofType(site, "Instance").length, 5);
      for (const { name, inputs } of ofType(site, "Instance")) {
        assert.deepEqual(inputs.metadataOptions, {
          httpEndpoint: "enabled",
          httpTokens: "required",
          httpPutResponseHopLimit: 1,
        });
        assert.equal(inputs.monitoring, true);
        const { tags, ...disk } = inputs.rootBlockDevice as Readonly<Record<string, unknown>>;
        assert.deepEqual(disk, { volumeType: "gp3", volumeSize: 20, encrypted: true, deleteOnTermination: true });
        assert.equal((tags as Readonly<Record<string, string>>).host, name);
      }
    });

    it("has the type of its first role that matters, and unlimited credits where types have credits", async () => {
      const types = (resources: readonly Recorded[]) =>
        Object.fromEntries(
          ofType(resources, "Instance").map(({ name, inputs }) => [
            name,
            [inputs.instanceType, inputs.creditSpecification],
          ]),
        );
      const unlimited = { cpuCredits: "unlimited" };
      assert.deepEqual(types(site), {
        "lb-1": ["t3.small", unlimited],
        "web-1": ["t3.small", unlimited],
        "web-2": ["t3.small", unlimited],
        "db-1": ["t3.medium", unlimited],
        "db-2": ["t3.medium", unlimited],
      });
      const other = await buildAws({
        topology: "primary-replica-pair",
        aws: { instanceTypes: { database: "m7i.large", loadBalancer: "t3a.micro" } },
      });
      const [balancer, server] = [types(other)["lb-1"], types(other)["server-1"]];
      assert.deepEqual(
        [balancer, server],
        [
          ["t3a.micro", unlimited],
          ["m7i.large", undefined],
        ],
      );
    });

    it("runs Debian's own image, or the one that the stack names; a newer one replaces nothing", async () => {
      const images = (resources: readonly Recorded[]) =>
        new Set(ofType(resources, "Instance").map(({ inputs }) => inputs.ami));
      assert.deepEqual(images(site), new Set([awsImage("136693071363", String.raw`^debian-13-amd64-\d+-\d+$`)]));
      assert.deepEqual(images(await buildAws({ aws: { image: "ami-0a1b2c3d" } })), new Set(["ami-0a1b2c3d"]));
      for (const { ignoreChanges } of ofType(site, "Instance")) {
        assert.ok(ignoreChanges.includes("ami"));
      }
    });

    it("exists only once its routes, rules, rights and secrets do", () => {
      const all = [
        ...ofType(site, "Route"),
        ...ofType(site, "RouteTableAssociation"),
        ...ofType(site, "VpcEndpoint"),
        ...ofType(site, "SecurityGroupIngressRule"),
        ...ofType(site, "SecurityGroupEgressRule"),
      ];
      assert.ok(all.length > 30);
      for (const machine of ofType(site, "Instance")) {
        const waits = waitsFor(machine);
        for (const { name, type } of all) {
          assert.ok(waits.includes(`${name} (${type})`), `${machine.name} ${name}`);
        }
        assert.ok(waits.includes(`${machine.name} (aws:iam/rolePolicy:RolePolicy)`));
        for (const own of ["secrets", "definition", "settings"]) {
          assert.ok(waits.includes(`${machine.name}-${own} (aws:s3/bucketObjectv2:BucketObjectv2)`));
        }
      }
    });

    it("boots with compressed user-data within the limit, which is just its cloud-config", () => {
      const format = platforms.aws.traits.userData;
      for (const machine of ofType(site, "Instance")) {
        const text = userDataOf(machine);
        assert.match(text, /^#cloud-config\n/);
        assert.ok(text.includes(`hostname: ${machine.name}\n`));
        assert.equal(format.encode(text), machine.inputs.userDataBase64);
        assert.ok(format.size(text) <= format.limit, machine.name);
        assert.ok(!("userData" in machine.inputs));
      }
    });

    it("gets its secrets through the channel, hidden, and none with user-data", () => {
      for (const machine of ofType(site, "Instance")) {
        assert.deepEqual(secretsIn(machine.inputs), []);
        assert.ok(!userDataOf(machine).includes(secretMark), machine.name);
        assert.ok(!definitionOf(site, machine.name).includes(secretMark), machine.name);
        const object = find(site, "BucketObjectv2", `${machine.name}-secrets`);
        assert.equal(object.inputs.key, `secrets/${machine.name}.json`);
        assert.equal(mask(object.inputs.content), "[secret]");
        assert.deepEqual(object.additionalSecretOutputs, ["content"]);
      }
      const held = (host: string) => secretsIn(find(site, "BucketObjectv2", `${host}-secrets`).inputs).join();
      assert.ok(held("db-1").includes(`${secretMark}-replication-password`));
      assert.ok(held("web-1").includes(`${secretMark}-app-password`));
      assert.ok(!held("web-1").includes(`${secretMark}-replication-password`));
      const marks = new RegExp(`${secretMark}-[A-Za-z0-9_-]+`, "g");
      assert.deepEqual(held("lb-1").match(marks), [`${secretMark}-lb-1-sealing-key`]);
      // Each has its own key, and no other's.
      for (const { name } of ofType(site, "Instance")) {
        const keys = (held(name).match(marks) ?? []).filter((mark) => mark.endsWith("-sealing-key"));
        assert.deepEqual(keys, [`${secretMark}-${name}-sealing-key`]);
      }
    });

    it("gets the application's secrets with its settings, sealed to its own key, where the application runs", () => {
      assert.deepEqual(names(ofType(site, "Sealed")), ["web-1-sealed", "web-2-sealed"]);
      for (const host of ["web-1", "web-2"]) {
        const { recipient, text } = find(site, "Sealed", `${host}-sealed`).inputs;
        assert.equal(recipient, `age1${host}-sealing-key`);
        assert.equal(mask(text), "[secret]");
        assert.equal(unwrapped(text), `{"environment":{"API_TOKEN":"${secretMark}-API_TOKEN"}}`);
      }
      for (const { name } of ofType(site, "Instance")) {
        const { key, content } = find(site, "BucketObjectv2", `${name}-settings`).inputs;
        assert.equal(key, `settings/${name}.json`);
        assert.equal(/"sealed":"[0-9a-f]{64}"\}$/.test(String(content)), name.startsWith("web-"), name);
        assert.equal(/"sealed":null\}$/.test(String(content)), !name.startsWith("web-"), name);
        assert.ok(
          !secretsIn(find(site, "BucketObjectv2", `${name}-secrets`).inputs)
            .join()
            .includes("API_TOKEN"),
          name,
        );
      }
    });

    it("has no secret in anything in the bucket but in the object that it alone can read", () => {
      const shared = ofType(site, "BucketObjectv2").filter(({ name }) => !name.endsWith("-secrets"));
      assert.equal(shared.length, ofType(site, "BucketObjectv2").length - 5);
      for (const { name, inputs } of shared) {
        assert.ok(!JSON.stringify(unwrapped(inputs)).includes(secretMark), name);
      }
    });

    it("shows no secret in any plain input or output", () => {
      for (const { type, name, inputs, outputs } of site) {
        assert.ok(!JSON.stringify(mask([inputs, outputs])).includes(secretMark), `${type} ${name}`);
      }
    });

    it("that has no data is made anew before the old one goes, also for another type", () => {
      for (const name of ["lb-1", "web-1", "web-2"]) {
        const machine = find(site, "Instance", name);
        assert.equal(machine.inputs.userDataReplaceOnChange, true);
        assert.equal(machine.inputs.disableApiTermination, false);
        assert.equal(machine.deleteBeforeReplace, false);
        assert.equal(machine.protect, false);
        assert.deepEqual(machine.ignoreChanges, ["ami"]);
        assert.deepEqual(machine.replaceOnChanges, ["instanceType"]);
      }
    });
  });

  describe("a database host", () => {
    const hosts = ["db-1", "db-2"];

    it("is never stopped, replaced or deleted by an edit", () => {
      for (const name of hosts) {
        const machine = find(site, "Instance", name);
        assert.equal(machine.protect, true);
        assert.equal(machine.inputs.disableApiTermination, true);
        assert.equal(machine.deleteBeforeReplace, true);
        assert.equal(machine.inputs.userDataReplaceOnChange, false);
        assert.deepEqual(machine.ignoreChanges, [
          "userDataBase64",
          "ami",
          "instanceType",
          "creditSpecification",
          "keyName",
        ]);
        assert.deepEqual(machine.replaceOnChanges, []);
      }
    });

    it("has its data on a volume of its own, which outlives it", () => {
      assert.deepEqual(names(ofType(site, "Volume")), ["db-1-data", "db-2-data"]);
      for (const [index, name] of hosts.entries()) {
        const volume = find(site, "Volume", `${name}-data`);
        const { tags, ...inputs } = volume.inputs;
        assert.deepEqual(inputs, {
          availabilityZone: `us-east-1${"ab".charAt(index)}`,
          size: 20,
          type: "gp3",
          encrypted: true,
        });
        assert.equal((tags as Readonly<Record<string, string>>).host, name);
        assert.deepEqual([volume.protect, volume.retainOnDelete, volume.importId], [true, true, ""]);
        assert.deepEqual(volume.ignoreChanges, ["size"]);
      }
    });

    it("finds the volume by its id, whatever its device is called", () => {
      for (const name of hosts) {
        const id = awsId("vol", `${name}-data`).replace("-", "");
        const device = `/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${id}`;
        assert.ok(definitionOf(site, name).includes(device));
      }
      assert.ok(!definitionOf(site, "web-1").includes("/dev/disk/by-id"));
    });

    it("loses the volume only when it is stopped, and before another one gets it", () => {
      for (const name of hosts) {
        const attachment = find(site, "VolumeAttachment", `${name}-data`);
        assert.deepEqual(attachment.inputs, {
          deviceName: "/dev/sdf",
          volumeId: awsId("vol", `${name}-data`),
          instanceId: awsId("i", name),
          stopInstanceBeforeDetaching: true,
        });
        assert.deepEqual([attachment.protect, attachment.deleteBeforeReplace], [true, true]);
      }
    });

    it("takes over a volume that an earlier stack kept", async () => {
      const resources = await buildAws({ aws: { volumes: { "db-2": "vol-0a1b2c3d" } } });
      const [first, second] = hosts.map((name) => find(resources, "Volume", `${name}-data`));
      assert.deepEqual([first?.importId, second?.importId], ["", "vol-0a1b2c3d"]);
      assert.deepEqual(second?.ignoreChanges, ["size", "tags", "tagsAll", "finalSnapshot"]);
    });

    it("is protected only when the stack wants it", async () => {
      const resources = await buildAws({ mysql: { protect: false } });
      assert.deepEqual(names(resources.filter(({ protect }) => protect)), []);
      for (const name of hosts) {
        assert.equal(find(resources, "Instance", name).inputs.disableApiTermination, false);
        assert.equal(find(resources, "Volume", `${name}-data`).retainOnDelete, true);
      }
    });
  });

  describe("the firewall", () => {
    /** Groups by id, as the roles that they stand for. */
    const roleOf = (resources: readonly Recorded[]) =>
      new Map(
        ofType(resources, "SecurityGroup").map(({ name, inputs }) => [
          awsId("sg", name),
          (inputs.tags as Readonly<Record<string, string>>).role ?? "",
        ]),
      );
    /** What the rules of a graph let in, as `role port peer`. */
    const flowsOf = (resources: readonly Recorded[]): readonly string[] => {
      const roles = roleOf(resources);
      return ofType(resources, "SecurityGroupIngressRule").map(({ inputs }) => {
        assert.equal(inputs.ipProtocol, "tcp");
        assert.equal(inputs.fromPort, inputs.toPort);
        const {
          cidrIpv4,
          cidrIpv6,
          referencedSecurityGroupId: group,
        } = inputs as Readonly<Record<string, string | undefined>>;
        const peer = cidrIpv4 ?? cidrIpv6 ?? roles.get(group ?? "");
        return `${String(roles.get(String(inputs.securityGroupId)))} ${String(inputs.fromPort)} ${String(peer)}`;
      });
    };
    const declared = (asked: Settings): readonly string[] => {
      const config = awsConfig(asked);
      return [...rolePorts({ topology: place(config), settings: config, traits: platforms.aws.traits.hosts })].flatMap(
        ([role, ports]) =>
          ports.flatMap(({ port, from }) =>
            (from === "world" ? ["0.0.0.0/0"] : from).map((peer) => `${role} ${String(port)} ${peer}`),
          ),
      );
    };
    const described = /^[a-zA-Z0-9. _\-:/()#,@[\]+=&;{}!$*]{5,255}$/;

    const presets = fc.record({
      topology: fc.constantFrom(...presetNames),
      web: fc.integer({ min: 1, max: 5 }),
      appServers: fc.integer({ min: 1, max: 5 }),
      replicas: fc.integer({ min: 0, max: 4 }),
    });
    const roles = roleNames.filter((role) => role !== "monitor");
    const ownHosts = fc
      .array(fc.uniqueArray(fc.constantFrom(...roles), { minLength: 1 }), { maxLength: 4 })
      // One host that has everything makes any list sensible.
      .map((lists) => ({
        topology: "custom",
        hosts: [...lists, roles].map((placed, index) => ({ name: `host-${String(index + 1)}`, roles: placed })),
      }));

    it("of any topology lets in what the roles declare, and nothing more", async () => {
      await fc.assert(
        fc.asyncProperty(fc.oneof(presets, ownHosts), fc.boolean(), async (topology, existing) => {
          const asked = { ...topology, ...(existing && { aws: { vpc } }) };
          const resources = await buildAws(asked);
          assert.deepEqual([...flowsOf(resources)].sort(), [...declared(asked)].sort());
          const roleOfGroup = roleOf(resources);
          for (const host of place(awsConfig(asked)).hosts) {
            const groups = find(resources, "Instance", host.name).inputs.vpcSecurityGroupIds as readonly string[];
            assert.deepEqual(
              groups.map((id) => roleOfGroup.get(id)),
              host.roles,
            );
          }
          for (const { inputs } of ofType(resources, "SecurityGroupIngressRule")) {
            if (inputs.cidrIpv4 === "0.0.0.0/0") {
              assert.ok([80, 443].includes(Number(inputs.fromPort)));
            }
            assert.match(String(inputs.description), described);
          }
        }),
        { numRuns: 8 },
      );
    }).timeout(120_000);

    it("has groups without rules of their own", () => {
      for (const { inputs } of ofType(site, "SecurityGroup")) {
        assert.deepEqual([inputs.ingress, inputs.egress], [undefined, undefined]);
        assert.match(String(inputs.description), described);
      }
    });

    it("lets out what packages and AWS need, and to other hosts", () => {
      const out = ofType(site, "SecurityGroupEgressRule").map(({ inputs }) => {
        assert.match(String(inputs.description), described);
        return [inputs.securityGroupId, inputs.ipProtocol, inputs.fromPort, inputs.toPort, inputs.cidrIpv4];
      });
      for (const word of ["lb", "web", "app", "db"]) {
        const group = awsId("sg", word);
        assert.deepEqual(
          new Set(out.filter(([id]) => id === group)),
          new Set([
            [group, "tcp", 80, 80, "0.0.0.0/0"],
            [group, "tcp", 443, 443, "0.0.0.0/0"],
            [group, "-1", undefined, undefined, "10.80.0.0/16"],
          ]),
        );
      }
      assert.equal(out.length, 12);
    });

    it("lets SSH in only from where the stack says, with its key", async () => {
      const allowedCidrs = ["203.0.113.7/32", "2001:db8::/32"];
      const resources = await buildAws({ ssh: { allowedCidrs, publicKey } });
      const extra = flowsOf(resources).filter((flow) => !flowsOf(site).includes(flow));
      const wanted = ["loadBalancer", "webServer", "appServer", "database"].flatMap((role) =>
        allowedCidrs.map((cidr) => `${role} 22 ${cidr}`),
      );
      assert.deepEqual([...extra].sort(), wanted.sort());
      assert.equal(
        find(resources, "SecurityGroupIngressRule", "db-22-from-2001-db8---32").inputs.cidrIpv6,
        "2001:db8::/32",
      );
      assert.equal(find(resources, "KeyPair", "ssh").inputs.publicKey, publicKey);
      for (const { inputs } of ofType(resources, "Instance")) {
        assert.equal(inputs.keyName, "ssh-0a1b2c3");
      }
    });

    it("lets no SSH in by default, and registers no key", () => {
      assert.deepEqual(
        flowsOf(site).filter((flow) => flow.includes(" 22 ")),
        [],
      );
      assert.deepEqual(names(ofType(site, "KeyPair")), []);
      for (const { inputs } of ofType(site, "Instance")) {
        assert.ok(!("keyName" in inputs));
      }
    });
  });

  describe("the channel", () => {
    const setting = (type: string) => {
      const { bucket, ...rest } = find(site, type, "channel").inputs;
      assert.equal(bucket, "webinfra-prod-0a1b2c3");
      return rest;
    };

    it("is a private, versioned, encrypted bucket that speaks TLS only", () => {
      assert.deepEqual(setting("BucketPublicAccessBlock"), {
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      });
      assert.deepEqual(setting("BucketOwnershipControls"), { rule: { objectOwnership: "BucketOwnerEnforced" } });
      assert.deepEqual(setting("BucketVersioning"), { versioningConfiguration: { status: "Enabled" } });
      assert.deepEqual(setting("BucketServerSideEncryptionConfiguration"), {
        rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }],
      });
      const arn = "arn:aws:s3:::webinfra-prod-0a1b2c3";
      assert.deepEqual(JSON.parse(String(setting("BucketPolicy").policy)), {
        Version: "2012-10-17",
        Statement: [
          {
            Sid: "TlsOnly",
            Effect: "Deny",
            Principal: "*",
            Action: "s3:*",
            Resource: [arn, `${arn}/*`],
            Condition: { Bool: { "aws:SecureTransport": "false" } },
          },
        ],
      });
    });

    it("forgets old versions, which may be secrets, and uploads that broke off", () => {
      const [rule, ...others] = setting("BucketLifecycleConfiguration").rules as readonly Readonly<
        Record<string, unknown>
      >[];
      assert.deepEqual(others, []);
      assert.deepEqual(rule, {
        id: "expire-old-versions",
        status: "Enabled",
        filter: { prefix: "" },
        noncurrentVersionExpiration: { noncurrentDays: 7 },
        expiration: { expiredObjectDeleteMarker: true },
        abortIncompleteMultipartUpload: { daysAfterInitiation: 1 },
      });
    });

    it("goes with the stack, and has a name that S3 takes", async () => {
      const nameOf = async (stack: string) => {
        const [bucket] = ofType(await buildAws({}, { stack }), "Bucket");
        assert.ok(bucket);
        assert.equal(bucket.inputs.forceDestroy, true);
        assert.equal(bucket.inputs.bucket, undefined);
        return bucket.name;
      };
      assert.equal(await nameOf("prod"), "webinfra-prod");
      assert.equal(await nameOf("Team_A.blue"), "webinfra-team-a-blue");
      // Pulumi adds a hyphen and seven digits.
      assert.match(await nameOf(`a-${"very-".repeat(16)}long-name`), /^[a-z0-9][a-z0-9-]{2,54}$/);
    });

    it("holds nothing before it is closed, encrypted and versioned", () => {
      const objects = ofType(site, "BucketObjectv2");
      assert.ok(objects.length > 10);
      for (const object of objects) {
        assert.ok(waitsFor(object).includes("channel (aws:s3/bucketPolicy:BucketPolicy)"), object.name);
      }
      // The policy is the last of a chain.
      const chain = [
        "BucketPolicy",
        "BucketLifecycleConfiguration",
        "BucketVersioning",
        "BucketServerSideEncryptionConfiguration",
        "BucketOwnershipControls",
        "BucketPublicAccessBlock",
      ];
      for (const [index, type] of chain.slice(0, -1).entries()) {
        const before = chain[index + 1]!;
        assert.ok(
          waitsFor(find(site, type, "channel")).some((one) => one.endsWith(`:${before})`)),
          type,
        );
      }
    });

    it("leaves who is primary to those who change it", () => {
      const pointer = find(site, "BucketObjectv2", "primary-pointer");
      assert.equal(pointer.retainOnDelete, true);
      assert.deepEqual(pointer.ignoreChanges, ["content", "contentType", "metadata", "tags", "tagsAll"]);
      assert.deepEqual(find(site, "BucketObjectv2", "release-pointer").ignoreChanges, []);
    });

    it("keeps archives by their hash, wherever they were made", () => {
      for (const [name, key] of [
        ["host-package", `packages/${"a".repeat(64)}.tar.gz`],
        ["release", `releases/${"b".repeat(64)}.tar.gz`],
      ] as const) {
        const archive = find(site, "BucketObjectv2", name);
        assert.equal(archive.inputs.key, key);
        assert.equal((archive.inputs.source as Readonly<Record<string, unknown>>).path, `/cache/${key}`);
        assert.deepEqual(archive.ignoreChanges, ["source"]);
        assert.equal(archive.retainOnDelete, true);
      }
    });

    it("lists machines by their ids, and says so last", () => {
      const entry = find(site, "BucketObjectv2", "web-1-inventory");
      assert.equal(entry.inputs.key, `inventory/${awsId("i", "web-1")}.json`);
      assert.match(awsId("i", "web-1"), /^i-[0-9a-f]{17}$/);
      const version = find(site, "BucketObjectv2", "version");
      assert.deepEqual([version.inputs.key, version.inputs.contentType], ["version", "text/plain"]);
      for (const name of ["web-1-inventory", "db-2-inventory", "release-pointer", "primary-pointer", "host-pointer"]) {
        assert.ok(waitsFor(version).includes(`${name} (aws:s3/bucketObjectv2:BucketObjectv2)`), name);
      }
    });

    it("is shown to people as a URL", () => {
      assert.equal(find(site, "Stack", "webinfra-prod").outputs.channel, "s3://webinfra-prod-0a1b2c3");
    });
  });

  describe("the identity of a host", () => {
    const arn = "arn:aws:s3:::webinfra-prod-0a1b2c3";
    const statements = (host: string): readonly unknown[] => {
      const { Version, Statement } = JSON.parse(String(find(site, "RolePolicy", host).inputs.policy)) as {
        readonly Version: string;
        readonly Statement: readonly unknown[];
      };
      assert.equal(Version, "2012-10-17");
      return Statement;
    };
    const channel = (host: string): readonly unknown[] => [
      {
        Sid: "ReadChannel",
        Effect: "Allow",
        Action: "s3:GetObject",
        Resource: [
          `${arn}/version`,
          `${arn}/inventory/*`,
          `${arn}/pointers/*`,
          `${arn}/packages/*`,
          `${arn}/releases/*`,
          `${arn}/definitions/${host}/*`,
          `${arn}/settings/${host}.json`,
          `${arn}/secrets/${host}.json`,
        ],
      },
      {
        Sid: "ListChannel",
        Effect: "Allow",
        Action: "s3:ListBucket",
        Resource: arn,
        Condition: { StringLike: { "s3:prefix": ["inventory/*", "pointers/*"] } },
      },
    ];

    it("reads the channel and its own secrets, and nothing else", () => {
      for (const host of ["web-1", "web-2", "db-1", "db-2"]) {
        assert.deepEqual(statements(host), channel(host));
      }
    });

    it("lets a balancer move the site's address to itself alone", () => {
      const account = "arn:aws:ec2:us-east-1:123456789012";
      assert.deepEqual(statements("lb-1"), [
        ...channel("lb-1"),
        {
          Sid: "MoveAddress",
          Effect: "Allow",
          Action: "ec2:AssociateAddress",
          Resource: `${account}:elastic-ip/${awsId("eipalloc", "address")}`,
        },
        {
          Sid: "ToThisHost",
          Effect: "Allow",
          Action: "ec2:AssociateAddress",
          Resource: `${account}:instance/*`,
          Condition: {
            StringEquals: {
              "aws:ResourceTag/project": "webinfra",
              "aws:ResourceTag/stack": "prod",
              "aws:ResourceTag/host": "lb-1",
            },
          },
        },
        {
          Sid: "InThisNetwork",
          Effect: "Allow",
          Action: "ec2:AssociateAddress",
          Resource: `${account}:network-interface/*`,
          Condition: { ArnEquals: { "ec2:Vpc": `${account}:vpc/${awsId("vpc", "network")}` } },
        },
      ]);
      const tags = find(site, "Instance", "lb-1").inputs.tags as Readonly<Record<string, string>>;
      assert.deepEqual([tags.project, tags.stack, tags.host], ["webinfra", "prod", "lb-1"]);
    });

    it("is a role of its own for each host, which EC2 alone may take", () => {
      for (const { name, inputs } of ofType(site, "Instance")) {
        assert.equal(inputs.iamInstanceProfile, `${name}-0a1b2c3`);
        assert.equal(find(site, "InstanceProfile", name).inputs.role, `${name}-0a1b2c3`);
        assert.equal(find(site, "RolePolicy", name).inputs.role, `${name}-id`);
        const role = find(site, "Role", name).inputs;
        assert.equal(role.path, "/webinfra/prod/");
        assert.deepEqual(JSON.parse(String(role.assumeRolePolicy)), {
          Version: "2012-10-17",
          Statement: [{ Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" }],
        });
      }
    });
  });

  describe("the public address", () => {
    it("is an Elastic IP that no resource binds to a machine", () => {
      const { tags: _, ...inputs } = find(site, "Eip", "address").inputs;
      assert.deepEqual(inputs, { domain: "vpc" });
      assert.deepEqual(names(ofType(site, "EipAssociation")), []);
      assert.deepEqual(find(site, "Stack", "webinfra-prod").outputs.addresses, ["203.0.113.10"]);
    });

    it("is known to balancers, which take it over, and to nobody else", () => {
      for (const machine of ofType(site, "Instance")) {
        const known = definitionOf(site, machine.name).includes(awsId("eipalloc", "address"));
        assert.equal(known, machine.name === "lb-1", machine.name);
      }
    });

    it("has a name where the stack names the zone", async () => {
      const resources = await buildAws({ domain: "www.example.org", aws: { zoneId: "Z0123456789ABC" } });
      assert.deepEqual(find(resources, "Record", "site").inputs, {
        zoneId: "Z0123456789ABC",
        name: "www.example.org",
        type: "A",
        ttl: 300,
        records: ["203.0.113.10"],
      });
      assert.deepEqual(names(ofType(site, "Record")), []);
    });
  });

  describe("everything", () => {
    it("is tagged, as far as AWS can tag it", async () => {
      const bare = new Set([
        // These have no tags in the provider.
        ...["Route", "RouteTableAssociation", "VolumeAttachment", "RolePolicy", "Record"],
        ...["BucketPublicAccessBlock", "BucketOwnershipControls", "BucketServerSideEncryptionConfiguration"],
        ...["BucketVersioning", "BucketLifecycleConfiguration", "BucketPolicy"],
      ]);
      const resources = await buildAws({
        aws: { zoneId: "Z0123456789ABC" },
        ssh: { allowedCidrs: ["203.0.113.7/32"], publicKey },
      });
      const seen = new Set<string>();
      for (const { type, name, inputs } of onAws(resources)) {
        const kind = type.split(":").at(-1) ?? "";
        seen.add(kind);
        const tags = inputs.tags as Readonly<Record<string, string>> | undefined;
        assert.equal(tags === undefined, bare.has(kind), `${type} ${name}`);
        if (!tags) {
          continue;
        }
        assert.deepEqual([tags.project, tags.stack], ["webinfra", "prod"], `${type} ${name}`);
        assert.match(tags.Name ?? "", /^webinfra-prod-[a-z0-9-]+$/);
        for (const value of Object.values(tags)) {
          assert.match(value, /^[\p{L}\p{N} +=.:/@_-]{1,256}$/u);
        }
      }
      for (const kind of bare) {
        assert.ok(seen.has(kind), kind);
      }
      const { host, role } = find(resources, "Instance", "web-1").inputs.tags as Readonly<Record<string, string>>;
      assert.deepEqual([host, role], ["web-1", "webServer+appServer"]);
    });

    it("goes through the stack's own provider, and has a parent and a name in kebab-case", () => {
      const [provider] = ofType(site, "aws");
      assert.ok(provider);
      for (const { type, name, provider: used, parent } of onAws(site)) {
        assert.ok(used.startsWith(`${provider.urn}::`), `${type} ${name}`);
        assert.notEqual(parent, "");
        assert.match(name, /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
      }
    });

    it("is asked for in a preview too", async () => {
      const preview = await buildAws(settings, { preview: true });
      const keys = (resources: readonly Recorded[]) => resources.map(({ type, name }) => `${type} ${name}`).sort();
      assert.deepEqual(keys(preview), keys(site));
    });

    it("has passwords of 32 letters and digits", () => {
      const passwords = ofType(site, "RandomPassword").map(({ name, inputs }) => [name, inputs]);
      assert.deepEqual(passwords, [
        ["app-password", { length: 32, special: false }],
        ["replication-password", { length: 32, special: false }],
      ]);
    });
  });
});

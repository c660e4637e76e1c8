/** Edits of a stack on AWS touch just what they should. */
import assert from "node:assert/strict";
import { presetNames } from "../../topology/schema";
import { place } from "../../topology/place";
import { hostsWith } from "../../topology/types";
import { awsConfig, type AwsRunOptions, buildAws, type Settings } from "../support/aws";
import { type Edits, editsOf, type ReplacingInputs } from "../support/edits";
import type { Recorded } from "../support/program";

/** `ForceNew` in the schemas of the Terraform provider that @pulumi/aws is made from: internal/service/ec2 and internal/service/s3. */
const replacing: ReplacingInputs = {
  // ec2_instance.go, with customdiff.ForceNewIf for user-data.
  "aws:ec2/instance:Instance": ({ userDataReplaceOnChange }) => [
    ...["ami", "associatePublicIpAddress", "availabilityZone", "keyName", "privateIp", "subnetId"],
    ...(userDataReplaceOnChange === true ? ["userData", "userDataBase64"] : []),
  ],
  // ebs_volume_attachment.go
  "aws:ec2/volumeAttachment:VolumeAttachment": ["deviceName", "instanceId", "volumeId"],
  // ebs_volume.go
  "aws:ebs/volume:Volume": ["availabilityZone", "encrypted", "kmsKeyId", "snapshotId"],
  // object.go
  "aws:s3/bucketObjectv2:BucketObjectv2": ["bucket", "key"],
};

const otherRelease = "c".repeat(64);
const largerWeb = { webServer: "t3.large", appServer: "t3.large" };
/** Every edit below in one. */
const all: Settings = {
  web: 3,
  aws: { instanceTypes: { ...largerWeb, loadBalancer: "t3.large", database: "t3.large" }, image: "ami-0a1b2c3d" },
  mysql: { settings: { max_connections: 300 }, volumeGiB: 40 },
  ssh: { allowedCidrs: ["203.0.113.7/32"], publicKey: "ssh-ed25519 AAAA me" },
};

const [instance, object] = ["aws:ec2/instance:Instance", "aws:s3/bucketObjectv2:BucketObjectv2"];
const announced = [`${object} version`, "webinfra:index:Ready ready"];
const none: Omit<Edits, "untouched"> = { created: [], updated: [], replaced: [], deleted: [] };
/** The definitions that databases are to have when they are replaced are written beside their own, and readiness compares them. */
const definitions = {
  ...none,
  updated: ["webinfra:index:Ready ready"],
  replaced: [`${object} db-1-definition`, `${object} db-2-definition`],
};

describe("edits on AWS", () => {
  let dedicated: readonly Recorded[];
  before(async () => {
    dedicated = await buildAws();
  });
  const touches = (edit: string, wanted: Omit<Edits, "untouched">, settings: Settings, options?: AwsRunOptions): void =>
    void it(`${edit} touches ${wanted === none ? "nothing" : wanted === definitions ? "no machine" : "just what it should"}`, async () => {
      const { untouched, ...made } = editsOf(dedicated, await buildAws(settings, options), replacing);
      assert.deepEqual(made, wanted);
      const custom = dedicated.filter((one) => one.custom).length;
      assert.equal(untouched, custom - made.updated.length - made.replaced.length);
    });

  touches(
    "a web server more",
    {
      ...none,
      created: [
        `${instance} web-3`,
        "aws:iam/instanceProfile:InstanceProfile web-3",
        "aws:iam/role:Role web-3",
        "aws:iam/rolePolicy:RolePolicy web-3",
        `${object} web-3-definition`,
        `${object} web-3-inventory`,
        `${object} web-3-secrets`,
        `${object} web-3-settings`,
        "webinfra:secrets:SealingKey web-3-sealing-key",
      ],
      updated: announced,
    },
    { web: 3 },
  );
  touches(
    "another size of web servers",
    {
      ...none,
      updated: announced,
      replaced: [`${instance} web-1`, `${instance} web-2`, `${object} web-1-inventory`, `${object} web-2-inventory`],
    },
    { aws: { instanceTypes: largerWeb } },
  );
  touches(
    "another release",
    {
      ...none,
      updated: [`${object} release-pointer`, ...announced],
      // Its key is its hash: another object, and the old one is kept.
      replaced: [`${object} release`],
    },
    {},
    { release: otherRelease },
  );
  // These reach a database only when it is replaced on purpose.
  touches("another size of databases", none, { aws: { instanceTypes: { database: "t3.large" } } });
  touches(
    "another MySQL setting",
    { ...none, updated: [`${object} db-1-settings`, `${object} db-2-settings`, ...announced] },
    { mysql: { settings: { max_connections: 300 } } },
  );
  touches("another APT source of MySQL", definitions, { mysql: { source: { suite: "forky" } } });
  touches("a larger data volume", none, { mysql: { volumeGiB: 40 } });
  touches("another image", none, { aws: { image: "ami-0a1b2c3d" } });

  it("the number of a host alone decides about its neighbours: a web server less deletes the last one", async () => {
    const made = editsOf(await buildAws({ web: 3 }), dedicated, replacing);
    assert.deepEqual(made.replaced, []);
    assert.deepEqual(made.updated, announced);
    assert.deepEqual(
      made.deleted.map((one) => one.split(" ")[1]),
      [
        ...["web-3", "web-3", "web-3", "web-3"],
        ...["web-3-definition", "web-3-inventory", "web-3-secrets", "web-3-settings", "web-3-sealing-key"],
      ],
    );
  });

  for (const topology of presetNames) {
    it(`all at once replace no database of ${topology}, nor its volume, secrets or place`, async () => {
      const databases = hostsWith(place(awsConfig({ topology })), "database").map(({ name }) => name);
      assert.ok(databases.length >= 2);
      const { replaced, deleted } = editsOf(
        await buildAws({ topology }),
        await buildAws({ topology, ...all }, { release: otherRelease }),
        replacing,
      );
      assert.ok(replaced.length > 0);
      const touched = [...replaced, ...deleted].filter((one) =>
        databases.some((name) => one.split(" ")[1]?.replace(/-(data|inventory|secrets|sealing-key)$/, "") === name),
      );
      assert.deepEqual(touched, []);
    });
  }
});

describe("what tells edits", () => {
  const resource = (name: string, changes: Partial<Recorded> = {}): Recorded => ({
    urn: `urn:pulumi:x::y::t:m:T::${name}`,
    type: "t:m:T",
    name,
    parent: "",
    custom: true,
    inputs: {},
    dependencies: [],
    propertyDependencies: {},
    provider: "",
    importId: "",
    protect: false,
    retainOnDelete: false,
    deleteBeforeReplace: false,
    deleteTimeout: "",
    ignoreChanges: [],
    replaceOnChanges: [],
    additionalSecretOutputs: [],
    aliasTypes: [],
    outputs: {},
    ...changes,
  });
  const told = (before: readonly Recorded[], after: readonly Recorded[], replacing: ReplacingInputs = {}) =>
    editsOf(before, after, replacing);
  const pair = (changes: Partial<Recorded>, replacing: ReplacingInputs = {}) =>
    told(
      [resource("a", { inputs: { x: { deep: 1 } } })],
      [resource("a", { inputs: { x: { deep: 2 } }, ...changes })],
      replacing,
    );

  it("lists what comes and goes, and counts what stays; components are no resources of a provider", () => {
    const made = told(
      [resource("a"), resource("b"), resource("c", { custom: false })],
      [resource("d"), resource("b"), resource("e", { custom: false })],
    );
    assert.deepEqual(made, {
      created: ["t:m:T d"],
      updated: [],
      replaced: [],
      deleted: ["t:m:T a"],
      untouched: 1,
    });
  });

  it("tells an update from a replacement", () => {
    assert.deepEqual(pair({}).updated, ["t:m:T a"]);
    assert.deepEqual(pair({}, { "t:m:T": ["x"] }).replaced, ["t:m:T a"]);
    assert.deepEqual(pair({}, { "t:m:T": () => ["x"] }).replaced, ["t:m:T a"]);
    assert.deepEqual(pair({}, { "t:m:T": ["y"], "t:m:U": ["x"] }).replaced, []);
    assert.deepEqual(pair({ replaceOnChanges: ["x"] }).replaced, ["t:m:T a"]);
    assert.deepEqual(pair({ replaceOnChanges: ["*"] }).replaced, ["t:m:T a"]);
  });

  it("ignores what the program ignores", () => {
    for (const path of ["x", "*"]) {
      const made = pair({ ignoreChanges: [path], replaceOnChanges: ["x"] });
      assert.deepEqual([made.updated, made.replaced, made.untouched], [[], [], 1]);
    }
    assert.throws(() => pair({ ignoreChanges: ["x.deep"] }), /x\.deep: paths inside an input are not compared here/);
  });

  it("sees an input that is new or gone", () => {
    assert.deepEqual(told([resource("a")], [resource("a", { inputs: { x: 1 } })]).updated, ["t:m:T a"]);
    assert.deepEqual(told([resource("a", { inputs: { x: 1 } })], [resource("a")]).updated, ["t:m:T a"]);
  });

  it("follows a replacement to all that takes outputs of it", () => {
    const from = (name: string) => ({ x: [resource(name).urn] });
    const chain = (x: number) => [
      // In an order that one look would not do.
      resource("c", { inputs: { x: "of b" }, propertyDependencies: from("b") }),
      resource("b", { inputs: { x: "of a" }, propertyDependencies: from("a"), replaceOnChanges: ["x"] }),
      resource("a", { inputs: { x }, replaceOnChanges: ["x"] }),
      resource("d", { dependencies: [resource("a").urn] }),
    ];
    const made = told(chain(1), chain(2));
    assert.deepEqual([made.replaced, made.updated, made.untouched], [["t:m:T a", "t:m:T b"], ["t:m:T c"], 1]);
    assert.equal(told(chain(1), chain(1)).untouched, 4);
  });
});

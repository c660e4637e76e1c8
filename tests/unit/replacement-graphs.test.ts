/** What the engine is asked for when one host is made anew on purpose: what its resources ignore otherwise, on each platform, and those of no other host. */
import assert from "node:assert/strict";
import site from "../../index";
import { discardVariable, replaceVariable, replacementOf, replacementVariables } from "../../config/replacement";
import { type PlatformName, platformNames } from "../../platforms/schema";
import { devRawConfig, digitaloceanSecrets } from "../support/hosts";
import { temporaryHome } from "../support/home";
import { type Recorded, runProgram } from "../support/program";

const credentials = { AWS_ACCESS_KEY_ID: "fake", AWS_SECRET_ACCESS_KEY: "fake", DIGITALOCEAN_TOKEN: "fake" };

/** What a resource ignores and how it is replaced. */
type Options = Pick<
  Recorded,
  "protect" | "retainOnDelete" | "deleteBeforeReplace" | "ignoreChanges" | "replaceOnChanges"
>;
const optionsOf = ({
  protect,
  retainOnDelete,
  deleteBeforeReplace,
  ignoreChanges,
  replaceOnChanges,
}: Recorded): Options => ({ protect, retainOnDelete, deleteBeforeReplace, ignoreChanges, replaceOnChanges });

interface Expected {
  readonly machine: string;
  readonly volume: string;
  /** Options of a database's machine when it is made anew. */
  readonly machineOptions: Options;
}

/** Those of its volume, on every platform. */
const volumeOptions: Options = {
  protect: true,
  retainOnDelete: true,
  deleteBeforeReplace: false,
  ignoreChanges: [],
  replaceOnChanges: [],
};

const expected: Readonly<Record<PlatformName, Expected>> = {
  incus: {
    machine: "webinfra:incus:Machine",
    volume: "webinfra:incus:Volume",
    machineOptions: {
      protect: true,
      retainOnDelete: false,
      deleteBeforeReplace: true,
      ignoreChanges: [],
      replaceOnChanges: [],
    },
  },
  aws: {
    machine: "aws:ec2/instance:Instance",
    volume: "aws:ebs/volume:Volume",
    machineOptions: {
      protect: true,
      retainOnDelete: false,
      deleteBeforeReplace: true,
      ignoreChanges: [],
      replaceOnChanges: ["instanceType"],
    },
  },
  digitalocean: {
    machine: "digitalocean:index/droplet:Droplet",
    volume: "digitalocean:index/volume:Volume",
    machineOptions: {
      protect: true,
      retainOnDelete: false,
      deleteBeforeReplace: true,
      ignoreChanges: [],
      replaceOnChanges: ["size"],
    },
  },
};

describe("a host that is made anew on purpose", function () {
  this.timeout(60_000);
  temporaryHome();

  const build = (platform: PlatformName, environment: Readonly<Record<string, string>> = {}) =>
    runProgram(site, {
      config: devRawConfig({
        app: '{"directory":"tests/fixtures/app"}',
        mysql: '{"protect":true}',
        platform,
        ...digitaloceanSecrets,
      }),
      secretKeys: ["secrets"],
      environment: { ...credentials, ...environment },
    });
  const find = (resources: readonly Recorded[], type: string, name: string): Recorded => {
    const found = resources.find((one) => one.type === type && one.name === name);
    assert.ok(found, `no ${type} ${name}`);
    return found;
  };

  for (const platform of platformNames) {
    const { machine, volume, machineOptions } = expected[platform];

    it(`${platform}: takes over today's definition and volume size, and stays protected; every other resource is asked for as ever`, async () => {
      const [ever, now] = [await build(platform), await build(platform, { [replaceVariable]: "db-2" })];
      assert.deepEqual(optionsOf(find(now, machine, "db-2")), machineOptions);
      assert.deepEqual(optionsOf(find(now, volume, "db-2-data")), volumeOptions);
      assert.ok(find(ever, machine, "db-2").ignoreChanges.length > 0);
      assert.deepEqual(find(ever, volume, "db-2-data").ignoreChanges, [platform === "incus" ? "sizeGiB" : "size"]);
      const others = (resources: readonly Recorded[]) =>
        resources
          .filter(
            ({ type, name }) => !(type === machine && name === "db-2") && !(type === volume && name === "db-2-data"),
          )
          .map((one) => [one.type, one.name, optionsOf(one)]);
      assert.deepEqual(others(now), others(ever));
    });

    it(`${platform}: a host without data is asked for as ever`, async () => {
      const [ever, now] = [await build(platform), await build(platform, { [replaceVariable]: "web-1" })];
      assert.deepEqual(now.map(optionsOf), ever.map(optionsOf));
    });
  }

  it("incus: with its data, the volume is made anew once the machine is gone, and begins empty", async () => {
    const now = await build("incus", { [replaceVariable]: "db-2", [discardVariable]: "db-2" });
    const { inputs, ...options } = find(now, expected.incus.volume, "db-2-data");
    assert.equal(inputs.discard, true);
    assert.equal(options.deleteBeforeReplace, true);
    assert.equal(find(now, expected.incus.volume, "db-1-data").inputs.discard, undefined);
  });

  it("aws: with its data, the old volume stays in the account", async () => {
    const now = await build("aws", { [replaceVariable]: "db-2", [discardVariable]: "db-2" });
    assert.deepEqual(optionsOf(find(now, expected.aws.volume, "db-2-data")), volumeOptions);
  });

  const refused = (platform: PlatformName, environment: Readonly<Record<string, string>>, message: string) =>
    assert.rejects(build(platform, environment), { message });
  const problem = (text: string) => `The stack's configuration has a problem:\n  - ${text}`;

  it("digitalocean: with its data is refused, because the old volume has the name", () =>
    refused(
      "digitalocean",
      { [replaceVariable]: "db-2", [discardVariable]: "db-2" },
      problem(
        "db-2: platform digitalocean makes no data volume anew beside the old one, because a volume's name is its own in the region: " +
          "docs/platforms.md says how its data are thrown away there",
      ),
    ));

  it("is one of the topology", () =>
    refused(
      "incus",
      { [replaceVariable]: "db-3" },
      problem(
        'WEBINFRA_REPLACE is "db-3" (did you mean "db-1"?): should be a host of the topology (lb-1, web-1, web-2, db-1, db-2), or not be set',
      ),
    ));

  it("loses no data that it does not have", () =>
    refused(
      "incus",
      { [replaceVariable]: "web-1", [discardVariable]: "web-1" },
      problem(
        'WEBINFRA_DISCARD_DATA is "web-1", which holds no data: should be a host with a data volume, or not be set',
      ),
    ));

  it("is named by two variables that agree", () => {
    const hosts = ["db-1", "db-2"];
    for (const replacement of [
      { host: "db-2", discardData: false },
      { host: "db-2", discardData: true },
    ]) {
      assert.deepEqual(replacementOf(replacementVariables(replacement), hosts), replacement);
    }
    assert.equal(replacementOf({}, hosts), undefined);
    assert.throws(() => replacementOf({ [discardVariable]: "db-1" }, hosts), {
      message: problem(
        'WEBINFRA_DISCARD_DATA is "db-1": should be the host that WEBINFRA_REPLACE names (none), or not be set',
      ),
    });
    assert.throws(() => replacementOf({ [replaceVariable]: "db-2", [discardVariable]: "db-1" }, hosts), {
      message: problem(
        'WEBINFRA_DISCARD_DATA is "db-1": should be the host that WEBINFRA_REPLACE names ("db-2"), or not be set',
      ),
    });
  });
});

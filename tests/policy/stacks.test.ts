import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { RawConfig } from "../../config/parse";
import type { SiteSummary } from "../../review/summary";
import site from "../../index";
import { siteType, waiverProblems } from "../../policy/pack";
import type { PlannedResource } from "../../policy/rule";
import { rules } from "../../policy/rules";
import { rawConfigOf, rawOf } from "../support/hosts";
import { violations } from "../support/policy";
import { type Recorded, runProgram, unwrapped } from "../support/program";

const root = resolve(__dirname, "../..");
const shipped = readdirSync(root).flatMap((file) => /^Pulumi\.([\w-]+)\.yaml$/.exec(file)?.[1] ?? []);
const fileOf = (stack: string): RawConfig => rawConfigOf(readFileSync(join(root, `Pulumi.${stack}.yaml`), "utf8"));

/** A recorded resource as rules see it: what is secret is plain text to them. */
const seen = ({ type, name, urn, inputs, protect, dependencies, propertyDependencies }: Recorded): PlannedResource => ({
  ...{ type, name, urn, protect, dependencies, propertyDependencies },
  props: unwrapped(inputs) as Readonly<Record<string, unknown>>,
});

const volumes = ["aws:ebs/volume:Volume", "digitalocean:index/volume:Volume"];

/** Stacks that are not shipped: what a platform does with its defaults, in production. */
const others: Readonly<Record<string, RawConfig>> = {
  aws: rawOf({ platform: "aws", production: true }),
  "aws with SSH and a gateway a zone": rawOf({
    platform: "aws",
    topology: "split-tiers",
    aws: { nat: "per-zone", zoneId: "Z0123456789ABCDEFGHIJ" },
    ssh: { allowedCidrs: ["203.0.113.0/24", "2001:db8::/32"], publicKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 ada" },
  }),
  digitalocean: rawOf({ platform: "digitalocean", production: true, digitalocean: { publicNetworking: false } }),
  "digitalocean with public interfaces": rawOf({ platform: "digitalocean", topology: "replica-per-web" }),
};
/** What they break, and why that is right. */
const broken: Readonly<Record<string, readonly string[]>> = {
  // Two databases, one balancer, and what webinfra cannot do yet.
  aws: ["balancers", "databases", "https", "backups", "monitoring"].map((what) => `production-${what}`),
  "aws with SSH and a gateway a zone": [],
  digitalocean: ["balancers", "databases", "https", "backups", "monitoring"].map((what) => `production-${what}`),
  "digitalocean with public interfaces": ["private-hosts"],
};

describe("policy: whole stacks", () => {
  let home: string;
  let before: NodeJS.ProcessEnv;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "webinfra-policy-"));
    before = { ...process.env };
    // Nothing is asked with them.
    const fake = { AWS_ACCESS_KEY_ID: "fake", AWS_SECRET_ACCESS_KEY: "fake", DIGITALOCEAN_TOKEN: "fake" };
    Object.assign(process.env, fake, { WEBINFRA_HOME: home });
  });
  afterEach(() => {
    for (const name of Object.keys(process.env)) {
      if (!(name in before)) {
        Reflect.deleteProperty(process.env, name);
      }
    }
    Object.assign(process.env, before);
    rmSync(home, { recursive: true });
  });

  /** What rules say about a stack, by rule, and the site's summary. */
  async function check(config: RawConfig, stack: string) {
    const own = rawOf({ app: { directory: "tests/fixtures/app" }, secrets: { digitaloceanAddressToken: "fake" } });
    const recorded = await runProgram(site, { config: { ...own, ...config }, secretKeys: ["secrets"], stack });
    const resources = recorded.map(seen);
    const summary = resources.find(({ type }) => type === siteType)?.props["summary"] as SiteSummary;
    const found = rules.map(({ name, ...rule }) => [name, violations({ name, ...rule }, resources, summary)] as const);
    return { recorded, summary, found: found.filter(([, what]) => what.length > 0) };
  }

  for (const stack of shipped) {
    it(`Pulumi.${stack}.yaml breaks the rules that it waives, and no others`, async () => {
      const { recorded, summary, found } = await check(fileOf(stack), stack);
      const { waivers } = summary.policy;
      assert.deepEqual(waiverProblems(waivers, rules), []);
      assert.deepEqual(Object.keys(waivers).sort(), found.map(([name]) => name).sort(), JSON.stringify(found, null, 2));
      for (const { type, name, retainOnDelete } of recorded.filter(({ type }) => volumes.includes(type))) {
        assert.ok(retainOnDelete, `${type} ${name} goes with the stack`);
      }
    });
  }

  for (const [title, config] of Object.entries(others)) {
    it(title, async () => {
      const { found } = await check(config, "trial");
      assert.deepEqual(
        found.map(([name]) => name),
        broken[title],
        JSON.stringify(found, null, 2),
      );
    });
  }
});

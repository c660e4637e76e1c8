import assert from "node:assert/strict";
import type { PolicyResource, ResourceValidationArgs } from "@pulumi/policy";
import { policiesOf, siteType, waiverProblems } from "../../policy/pack";
import type { Rule } from "../../policy/rule";
import { rules } from "../../policy/rules";
import { compliantSite } from "../support/policy";

const small: Rule = {
  name: "small-things",
  description: "Things are small.",
  remediation: "make it smaller",
  scopes: ["aws"],
  checkResource: ({ props }) => (Number(props["size"]) > 1 ? [`its size is ${String(props["size"])}`] : []),
  checkStack: (all) => (all.length > 2 ? [{ urn: all[2]?.urn ?? "", what: "it is one too many" }] : []),
};
const named: Rule = {
  name: "named-sites",
  description: "Sites have names.",
  remediation: "name it",
  scopes: ["site"],
  checkSite: ({ stack }) => (stack === "" ? ["it has no name"] : []),
};

const unused = (): never => {
  throw new Error("not reached");
};

/**
 * What each policy says, in order: `<level> <policy>: <message> [urn]`.
 * @param madeFrom of each resource, by input, the places of those that it was made from
 */
function says(
  waivers: Readonly<Record<string, string>> | undefined,
  resources: readonly { readonly type: string; readonly props: Record<string, unknown> }[],
  tested: readonly Rule[] = [small, named],
  madeFrom: Readonly<Record<string, readonly number[]>> = {},
): readonly string[] {
  const said: string[] = [];
  const policies = policiesOf(tested);
  const site = {
    type: siteType,
    props: waivers ? { summary: { ...compliantSite, stack: "", policy: { waivers } } } : {},
  };
  const all = [site, ...resources].map(({ type, props }, index) => ({
    type,
    props,
    name: String(index),
    urn: `urn:${String(index)}`,
    opts: {
      protect: false,
      ignoreChanges: [],
      aliases: [],
      additionalSecretOutputs: [],
      customTimeouts: { createSeconds: 0, updateSeconds: 0, deleteSeconds: 0 },
    },
    stackTags: new Map<string, string>(),
    isType: () => false,
    asType: () => undefined,
    getConfig: unused,
    notApplicable: unused,
  }));
  for (const args of all satisfies ResourceValidationArgs[]) {
    for (const policy of policies) {
      const checks = "validateResource" in policy ? [policy.validateResource ?? []].flat() : [];
      for (const check of checks) {
        void check(args, (message) => said.push(`${String(policy.enforcementLevel)} ${policy.name}: ${message}`));
      }
    }
  }
  const plain = all.map((one): PolicyResource => ({ ...one, dependencies: [], propertyDependencies: {} }));
  const propertyDependencies = Object.fromEntries(
    Object.entries(madeFrom).map(([input, places]) => [input, plain.filter((_, index) => places.includes(index))]),
  );
  const planned = plain.map((one): PolicyResource => ({ ...one, propertyDependencies }));
  for (const policy of policies) {
    if (!("validateStack" in policy)) {
      continue;
    }
    void policy.validateStack({ ...all[0]!, resources: planned }, (message, urn) =>
      said.push(`${String(policy.enforcementLevel)} ${policy.name}: ${message} ${urn ?? ""}`),
    );
  }
  return said;
}

const thing = (size: number) => ({ type: "aws:thing", props: { size } });

describe("policy: the pack", () => {
  it("refuses with what is wrong and what to do", () => {
    assert.deepEqual(says({}, [thing(1), thing(3)]), [
      "mandatory named-sites: it has no name: name it",
      "mandatory small-things: its size is 3: make it smaller",
      "mandatory small-things: it is one too many: make it smaller urn:2",
    ]);
  });

  it("shows what a waiver lets pass, with its reason", () => {
    const waivers = { "small-things": "large until the sale ends", "named-sites": "the name comes later" };
    assert.deepEqual(says(waivers, [thing(1), thing(3)]), [
      "advisory waived-rules: named-sites is waived (the name comes later): it has no name",
      "advisory waived-rules: small-things is waived (large until the sale ends): its size is 3",
      "advisory waived-rules: small-things is waived (large until the sale ends): it is one too many urn:2",
    ]);
  });

  it("says nothing about a site that keeps the rules, waived or not", () => {
    assert.deepEqual(says({ "small-things": "large until the sale ends" }, [thing(1)], [small]), []);
    assert.deepEqual(says({}, [thing(1)], [small]), []);
  });

  it("refuses a waiver of what is no rule, and suggests the one that was meant", () => {
    assert.deepEqual(says({ "small-tings": "large until the sale ends" }, [thing(1)]), [
      'mandatory known-waivers: webinfra:policy.waivers names "small-tings", which is no rule: did you mean "small-things"?',
      "mandatory named-sites: it has no name: name it",
    ]);
    assert.deepEqual(waiverProblems({ everything: "because I said so" }, [small, named]), [
      'webinfra:policy.waivers names "everything", which is no rule: rules are named-sites, small-things',
    ]);
  });

  it("cannot be waived as a whole", () => {
    for (const name of ["known-waivers", "waived-rules"]) {
      assert.equal(waiverProblems({ [name]: "no reason" }, rules).length, 1);
    }
  });

  it("refuses a site that does not say what it is", () => {
    assert.deepEqual(says(undefined, []), [
      "mandatory known-waivers: the site has no summary, which its rules are checked against",
    ]);
  });

  it("tells rules which input of a resource was made from which other", () => {
    const seen: Rule = {
      ...small,
      checkStack: (all) =>
        all.map(({ urn, propertyDependencies }) => ({ urn, what: JSON.stringify(propertyDependencies) })),
    };
    assert.equal(
      says({}, [thing(1)], [seen], { bucket: [0], policy: [0, 1] }).at(-1),
      'mandatory small-things: {"bucket":["urn:0"],"policy":["urn:0","urn:1"]}: make it smaller urn:1',
    );
  });

  it("has one policy a rule, mandatory and with its remediation, and the two about waivers", () => {
    assert.deepEqual(
      policiesOf(rules).map(({ name, enforcementLevel, remediationSteps }) => [
        name,
        enforcementLevel,
        remediationSteps,
      ]),
      [
        ["known-waivers", "mandatory", undefined],
        ...rules.map(({ name, remediation }) => [name, "mandatory", remediation]),
        ["waived-rules", "advisory", undefined],
      ],
    );
  });
});

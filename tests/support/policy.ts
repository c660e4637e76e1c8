/** Resources and sites for tests of the policy pack, and how to ask a rule about them. */
import type { SiteSummary } from "../../review/summary";
import type { PlannedResource, Rule } from "../../policy/rule";

/** A site that keeps all rules. */
export const compliantSite: SiteSummary = {
  platform: "aws",
  stack: "prod",
  topology: "custom",
  production: true,
  balancers: 2,
  webServers: 2,
  databases: 3,
  https: true,
  backups: true,
  monitoring: true,
  alertReceiver: true,
  region: "eu-central-1",
  sizes: ["t3.medium", "t3.small"],
  monthlyUsd: 232.4,
  policy: { waivers: {} },
};

/** A resource with these inputs, named `it`. */
export function resource(
  type: string,
  props: Readonly<Record<string, unknown>>,
  more: Partial<PlannedResource> = {},
): PlannedResource {
  return {
    type,
    name: "it",
    props,
    protect: false,
    urn: `urn:it:${type}`,
    dependencies: [],
    propertyDependencies: {},
    ...more,
  };
}

/** All that a rule finds wrong with a stack of these resources. */
export function violations(
  rule: Rule,
  resources: readonly PlannedResource[],
  site: Partial<SiteSummary> = {},
): readonly string[] {
  const summary = { ...compliantSite, ...site };
  return [
    ...(rule.checkSite?.(summary) ?? []),
    ...resources.flatMap((one) => rule.checkResource?.(one, summary) ?? []),
    ...(rule.checkStack?.(resources) ?? []).map(({ what }) => what),
  ];
}

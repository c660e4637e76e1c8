/** Turns rules into the policies of a pack, and waivers into advice that stays visible. */
import type {
  Policies,
  PolicyResource,
  ReportViolation,
  ResourceValidationArgs,
  ResourceValidationPolicy,
  StackValidationPolicy,
} from "@pulumi/policy";
import { nearest } from "../core/nearest";
import type { SiteSummary } from "../review/summary";
import type { CheckedResource, PlannedResource, Rule } from "./rule";

/** Type of the component whose inputs hold the summary of the site. */
export const siteType = "webinfra:index:WebInfrastructure";

/** Policy that refuses waivers of what is no rule. */
export const knownWaivers = "known-waivers";
/** Policy that shows violations of waived rules, as advice. */
export const waivedRules = "waived-rules";

type Policy = ResourceValidationPolicy & Partial<Pick<StackValidationPolicy, "validateStack">>;

const checked = ({ type, name, props, opts }: ResourceValidationArgs | PolicyResource): CheckedResource => ({
  type,
  name,
  props,
  protect: opts.protect,
});

const urnsOf = (resources: readonly PolicyResource[]): readonly string[] => resources.map(({ urn }) => urn);

const planned = (resource: PolicyResource): PlannedResource => ({
  ...checked(resource),
  urn: resource.urn,
  dependencies: urnsOf(resource.dependencies),
  propertyDependencies: Object.fromEntries(
    Object.entries(resource.propertyDependencies).map(([input, resources]) => [input, urnsOf(resources)]),
  ),
});

const isSummary = (value: unknown): value is SiteSummary =>
  typeof value === "object" && value !== null && "policy" in value;

/** What is wrong with the waivers, a sentence each. */
export function waiverProblems(waivers: Readonly<Record<string, string>>, rules: readonly Rule[]): readonly string[] {
  const names = rules.map(({ name }) => name);
  return Object.keys(waivers)
    .filter((waiver) => !names.includes(waiver))
    .map((waiver) => {
      const near = nearest(waiver, names);
      const right = near === undefined ? `rules are ${names.toSorted().join(", ")}` : `did you mean "${near}"?`;
      return `webinfra:policy.waivers names "${waiver}", which is no rule: ${right}`;
    });
}

/** The policies of one run of the engine, and what they know of its site: a component is registered before all that is below it. */
class Run {
  private site: SiteSummary | undefined;

  constructor(private readonly rules: readonly Rule[]) {}

  policies(): Policies {
    return [this.waivers(), ...this.rules.map((rule) => this.mandatory(rule)), this.waived()];
  }

  private reason({ name }: Rule): string | undefined {
    return this.site?.policy.waivers[name];
  }

  private inResource(rule: Rule, args: ResourceValidationArgs): readonly string[] {
    const atSite = args.type === siteType && this.site !== undefined ? rule.checkSite?.(this.site) : undefined;
    return [...(atSite ?? []), ...(rule.checkResource?.(checked(args), this.site) ?? [])];
  }

  /** The first policy, so that the others know the site. */
  private waivers(): Policy {
    return {
      name: knownWaivers,
      description: "Each waiver names a rule.",
      enforcementLevel: "mandatory",
      validateResource: ({ type, props }, reportViolation) => {
        if (type !== siteType) {
          return;
        }
        const summary: unknown = props["summary"];
        if (!isSummary(summary)) {
          reportViolation("the site has no summary, which its rules are checked against");
          return;
        }
        this.site = summary;
        for (const problem of waiverProblems(summary.policy.waivers, this.rules)) {
          reportViolation(problem);
        }
      },
    };
  }

  private mandatory(rule: Rule): Policy {
    const report = (reportViolation: ReportViolation, what: string, urn?: string): void => {
      reportViolation(`${what}: ${rule.remediation}`, urn);
    };
    return {
      name: rule.name,
      description: rule.description,
      remediationSteps: rule.remediation,
      enforcementLevel: "mandatory",
      validateResource: (args, reportViolation) => {
        if (this.reason(rule) !== undefined) {
          return;
        }
        for (const what of this.inResource(rule, args)) {
          report(reportViolation, what);
        }
      },
      ...(rule.checkStack && {
        validateStack: ({ resources }, reportViolation) => {
          if (this.reason(rule) !== undefined) {
            return;
          }
          for (const { urn, what } of rule.checkStack?.(resources.map(planned)) ?? []) {
            report(reportViolation, what, urn);
          }
        },
      }),
    };
  }

  private waived(): Policy {
    const report = (rule: Rule, reportViolation: ReportViolation, what: string, urn?: string): void => {
      reportViolation(`${rule.name} is waived (${this.reason(rule) ?? ""}): ${what}`, urn);
    };
    const waived = (): readonly Rule[] => this.rules.filter((rule) => this.reason(rule) !== undefined);
    return {
      name: waivedRules,
      description: "The stack's configuration waives a rule that this breaks.",
      enforcementLevel: "advisory",
      // A function a rule: an unknown value ends only the rule that reads it.
      validateResource: this.rules.map((rule) => (args, reportViolation) => {
        if (this.reason(rule) === undefined) {
          return;
        }
        for (const what of this.inResource(rule, args)) {
          report(rule, reportViolation, what);
        }
      }),
      validateStack: ({ resources }, reportViolation) => {
        const all = resources.map(planned);
        for (const rule of waived()) {
          for (const { urn, what } of rule.checkStack?.(all) ?? []) {
            report(rule, reportViolation, what, urn);
          }
        }
      },
    };
  }
}

/** The policies of a pack with these rules: one a rule, mandatory unless the site waives it, and the two about waivers. */
export function policiesOf(rules: readonly Rule[]): Policies {
  return new Run(rules).policies();
}

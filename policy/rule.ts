/** What a rule of the pack is. Rules are plain functions of plain values, so that tests run them without Pulumi. */
import type { SiteSummary } from "../review/summary";

/** A resource as Pulumi hands it to a policy: its inputs, secrets as plain text. Reading an input that is not known yet throws. */
export interface CheckedResource {
  readonly type: string;
  readonly name: string;
  readonly props: Readonly<Record<string, unknown>>;
  readonly protect: boolean;
}

/** A resource of the finished plan: beside its properties, which resources it was made from. */
export interface PlannedResource extends CheckedResource {
  readonly urn: string;
  /** URNs. */
  readonly dependencies: readonly string[];
  /** Those of them that an input was made from, by input. */
  readonly propertyDependencies: Readonly<Record<string, readonly string[]>>;
}

/** Where a rule has something to check; `site`: the summary of any stack. */
export type Scope = "aws" | "digitalocean" | "site";

/** One rule. A check returns what is wrong, a phrase each and without a full stop; empty: the rule is kept. */
export interface Rule {
  /** What a waiver names; lower case with dashes. */
  readonly name: string;
  /** What must hold; one sentence. */
  readonly description: string;
  /** What to do about a violation; an imperative phrase. */
  readonly remediation: string;
  readonly scopes: readonly Scope[];
  /** @param site summary of the site that the resource belongs to; undefined: the stack has no site */
  readonly checkResource?: (resource: CheckedResource, site: SiteSummary | undefined) => readonly string[];
  readonly checkSite?: (site: SiteSummary) => readonly string[];
  /** Sees all resources at once, after the plan is made; so it must not read what is unknown by then. */
  readonly checkStack?: (resources: readonly PlannedResource[]) => readonly Violation[];
}

/** What is wrong with one resource of a stack. */
export interface Violation {
  readonly urn: string;
  readonly what: string;
}

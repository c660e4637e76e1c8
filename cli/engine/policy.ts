/** Holds previews and updates to the policy pack, and says what it refuses. */
import { resolve } from "node:path";
import { UserError } from "../../core/errors";
import { isLocal } from "../../operations/platforms";
import { waivedRules } from "../../policy/pack";
import type { Violation } from "./progress";
import { platformOf } from "./stack";
import type { StackSettings } from "./stackfile";

/** The policy pack, as the Automation API takes it. */
export const policyPacks = [resolve(__dirname, "..", "..", "policy")];

/**
 * Whether `up` has to be held to the pack. Rules are about clouds and about production: on a site of this machine that is neither, none has anything to
 * say, and `up` is spared a preview.
 */
export function isHeldToPolicies(settings: StackSettings): boolean {
  return !isLocal(platformOf(settings)) || String(settings.config?.["webinfra:production"]) === "true";
}

const where = ({ resource }: Violation): string => (resource === undefined ? "" : ` (${resource})`);

/** The SDK says so when a rule read a value that is unknown in a preview. */
export const isWaiting = ({ mandatory, message }: Violation): boolean =>
  !mandatory && message.startsWith("can't run policy ");

/** What rules let pass: violations of waived ones, and how many checks wait for values that are not known yet. */
export function adviceLines(violations: readonly Violation[]): readonly string[] {
  const waived = violations.filter((one) => one.policy === waivedRules && !isWaiting(one));
  const waiting = violations.filter(isWaiting).length;
  return [
    ...waived.map((one) => `  waived${where(one)}: ${one.message}`),
    ...(waiting === 0
      ? []
      : [`  policy checks that wait for \`up\`, because a value is not known yet: ${String(waiting)}`]),
  ];
}

/** The end of a run that mandatory rules refuse. */
export class PolicyRefusal extends UserError {
  /**
   * @param what the operation, such as `up`
   * @param refused at least one violation of a mandatory rule
   */
  constructor(what: string, refused: readonly Violation[]) {
    const rules = new Set(refused.map(({ policy }) => policy)).size;
    super(
      [
        `${what} is refused by ${rules === 1 ? "a rule" : `${String(rules)} rules`} of the policy pack:`,
        ...refused.map((one) => `  ${one.policy}${where(one)}: ${one.message}`),
        "next: do what they say, or waive a rule by its name, with the reason, in webinfra:policy.waivers (docs/policies.md)",
      ].join("\n"),
    );
  }
}

/** The refusal that violations amount to; undefined when none is of a mandatory rule. */
export function refusalOf(what: string, violations: readonly Violation[]): PolicyRefusal | undefined {
  const refused = violations.filter(({ mandatory }) => mandatory);
  return refused.length === 0 ? undefined : new PolicyRefusal(what, refused);
}

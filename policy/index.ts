/** The policy pack; loading it starts its server. docs/policies.md says how to run it. */
import { PolicyPack } from "@pulumi/policy";
import { policiesOf } from "./pack";
import { rules } from "./rules";

new PolicyPack("webinfra", { policies: policiesOf(rules) });

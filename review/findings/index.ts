/** All weaknesses that a review looks for. A new kind is a file, and its line here. */
import { Topology } from "../../topology/types";
import { elementsOf } from "../graph";
import { balancers } from "./balancers";
import { copies } from "./copies";
import { Finding, ReviewSettings, Rule, severities } from "./finding";
import { singleNat } from "./single-nat";
import { singlePoints } from "./single-points";
import { standby } from "./standby";
import { unreachable } from "./unreachable";
import { without } from "./without";

const rules: readonly Rule[] = [singlePoints, unreachable, balancers, copies, singleNat, standby, without];

/** Every weakness, the worst first and then by id. */
export function findings(topology: Topology, settings: ReviewSettings): Finding[] {
  const scene = { topology, settings, elements: elementsOf(topology) };
  const rank = ({ severity }: Finding) => severities.indexOf(severity);
  return rules.flatMap((rule) => rule(scene)).sort((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1));
}

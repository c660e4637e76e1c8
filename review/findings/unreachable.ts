import { reached } from "../reach";
import { listed } from "../../core/words";
import { hostsOf, labelOf, Rule } from "./finding";

/** Elements that no request ever comes to. */
export const unreachable: Rule = ({ topology, elements }) => {
  const live = reached(topology, elements);
  const idle = elements.filter(
    ({ host, role }) => role !== "monitor" && !live.some((one) => one.host === host && one.role === role),
  );
  if (idle.length === 0) {
    return [];
  }
  return [
    {
      id: "unreachable-element",
      severity: "low",
      subject: hostsOf(idle),
      what: `No request ever comes to ${listed(idle.map((one) => `the ${labelOf(topology, one)} on ${one.host}`))}.`,
      remedy: "take the role away in webinfra:hosts, or give the host the role that would send to it",
      available: true,
    },
  ];
};

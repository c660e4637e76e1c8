import { listed } from "../../core/words";
import { Rule } from "./finding";

/** Web servers that only stand by. */
export const standby: Rule = ({ topology }) => {
  const idle = topology.hosts.filter((host) => host.standby === true).map(({ name }) => name);
  return idle.length === 0
    ? []
    : [
        {
          id: "standby-idle",
          severity: "low",
          subject: idle.join(", "),
          what: `${listed(idle)} only ${idle.length === 1 ? "stands" : "stand"} by: one web server carries all requests, and when it is lost they fail until the health check has noticed.`,
          remedy: "set webinfra:balancing to active-active",
          available: true,
        },
      ];
};

import { hostsOf, planned, Rule } from "./finding";

/** Balancers that cannot stand in for one another. */
export const balancers: Rule = ({ settings, elements }) => {
  const all = elements.filter(({ role }) => role === "loadBalancer");
  return all.length < 2 || settings.movingAddress
    ? []
    : [
        {
          id: "no-moving-address",
          severity: "high",
          subject: hostsOf(all),
          what: "Each balancer has its own address: users of one that is lost are cut off until they are sent to another.",
          remedy: `an address that moves between balancers, in the preset high-availability${planned}`,
          available: false,
        },
      ];
};

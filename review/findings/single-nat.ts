import { Rule } from "./finding";

/** One way out for all zones. */
export const singleNat: Rule = ({ settings }) =>
  settings.singleNat
    ? [
        {
          id: "single-nat-gateway",
          severity: "low",
          subject: "site",
          what: "One NAT gateway serves all zones: while its zone is gone, new hosts elsewhere cannot install their packages. Those that run need it for nothing.",
          remedy: "set webinfra:aws.nat to per-zone",
          available: true,
        },
      ]
    : [];

import { formatAddress, parseCidr } from "../../core/ipv4";
import { defineService } from "../define";
import { command, script, scriptPath } from "../parts/units";

/** Writes down which machine this is: its id, and its address in the private network. */
export const identity = defineService({
  name: "identity",
  // The first address that a host of the network may have: the way to it leads through the private interface.
  view: ({ place: { networkCidr } }) => ({ firstAddress: formatAddress((parseCidr(networkCidr)?.first ?? 0) + 1) }),
  render: ({ firstAddress }) => ({
    files: [script("identify")],
    steps: [
      {
        phase: "identify",
        name: "identify",
        doing: "finding out its address",
        script: command(scriptPath("identify"), firstAddress),
      },
    ],
  }),
});

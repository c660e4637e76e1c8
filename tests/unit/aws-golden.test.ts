import { join } from "node:path";
import { presetNames } from "../../topology/schema";
import { buildAws } from "../support/aws";
import { checkGolden } from "../support/golden";
import { graphText } from "../support/graph";

describe("golden: what the engine is asked to make on AWS", () => {
  for (const topology of presetNames) {
    it(topology, async () => {
      const resources = await buildAws({ topology });
      checkGolden(
        join("graphs", `aws-${topology}`),
        // The program reads nothing of this machine.
        new Map([["resources.json", graphText(resources, "/home/user/.webinfra")]]),
      );
    });
  }
});

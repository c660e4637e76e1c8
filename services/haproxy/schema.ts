/** How balancers choose a web server, in a stack's configuration. */
import { z } from "zod";
import { oneOf, truth } from "../../core/schema";

/** Keys of balancing. */
export const balancingShape = {
  algorithm: oneOf(["roundrobin", "leastconn", "source"]).default("roundrobin").meta({
    description:
      "How balancers choose a web server: in turn, the one with the fewest connections, or by the visitor's address.",
  }),
  sticky: truth.default(false).meta({
    description:
      "Visitors come back to the same web server, by a cookie. Without effect when balancing is active-passive.",
  }),
};

export type BalancingSettings = z.output<z.ZodObject<typeof balancingShape>>;

/** What only the platform `incus` knows, in a stack's configuration: `webinfra:image`. */
import { z } from "zod";
import { truth, wholeNumber } from "../../core/schema";

export const imageSchema = z.strictObject({
  bake: truth.default(true).meta({
    description:
      "Machines on incus start from an image that holds all packages of the stack's hosts, made once by `up` and shared by stacks. `false`: each machine installs its own.",
  }),
  maxAgeDays: wholeNumber(1, 365, "days").default(7).meta({
    description:
      "A new machine gets an image at most this many days old; an older one is made anew first, for its packages' updates. Machines that run stay as they are.",
  }),
});

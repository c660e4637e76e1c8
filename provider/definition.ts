/** What a host that holds data was made from: an update leaves such a host as it is, and this says when it would be made otherwise. */
import { z } from "zod";
import { definitionInputs } from "./inputs/definition";
import { resource } from "./resource";

type Inputs = z.infer<typeof definitionInputs>;

/** The warning about a host that runs an older definition. */
export const olderDefinition = (host: string): string =>
  `${host} runs an older definition: it holds data, so an update leaves it as it is. ` +
  "Settings that changed reach it when the machine is replaced on purpose";

/** `webinfra:index:Definition`: keeps the definition that the machine was made from, until the machine is another. */
export const definition = resource<Inputs, Inputs>({
  inputs: definitionInputs,
  state: z.object(definitionInputs.shape),
  stateVersion: 1,
  migrations: [],
  replaceOn: ["machine"],
  updateOn: [],
  drifted(current, news, context) {
    const wanted = news["definition"];
    if (typeof wanted === "string" && wanted !== current.definition) {
      context.warn(olderDefinition(current.host));
    }
    return Promise.resolve(false);
  },
  create: (given) => Promise.resolve({ id: given.machine, state: given }),
  read: (_id, current) => Promise.resolve(current),
  update: (_id, current) => Promise.resolve(current),
  delete: () => Promise.resolve(),
});

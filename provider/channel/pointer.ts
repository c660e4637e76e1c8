/** A text in the channel that belongs to operations: who is primary. The program makes it, and leaves it alone from then on. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { pointerInputs } from "../inputs/channel";
import { resource } from "../resource";
import { bumpVersion, isMissing, placeNew } from "./store";

type Inputs = z.infer<typeof pointerInputs>;

/** `webinfra:channel:Pointer`. Its state holds the text that was found, not the one that was given. */
export const pointer = resource<Inputs, Inputs>({
  inputs: pointerInputs,
  state: z.object(pointerInputs.shape),
  stateVersion: 1,
  migrations: [],
  replaceOn: ["directory", "key"],
  // Not `content`: it is what the pointer begins with.
  updateOn: [],
  async create(given) {
    const path = join(given.directory, given.key);
    if (await placeNew(given.directory, given.key, (temporary) => writeFile(temporary, given.content))) {
      await bumpVersion(given.directory);
      return { id: path, state: given };
    }
    return { id: path, state: { ...given, content: await readFile(path, "utf8") } };
  },
  async read(_id, current) {
    try {
      return { ...current, content: await readFile(join(current.directory, current.key), "utf8") };
    } catch (error) {
      if (isMissing(error)) {
        return undefined;
      }
      throw error;
    }
  },
  update: (_id, current) => Promise.resolve(current),
  delete: () => Promise.resolve(),
});

/** A small text in the channel that belongs to the program: an inventory entry, or which release to run. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { objectInputs } from "../inputs/channel";
import { resource } from "../resource";
import { bumpVersion, isMissing, place, remove } from "./store";

type Inputs = z.infer<typeof objectInputs>;

async function write(given: Inputs): Promise<void> {
  await place(given.directory, given.key, (path) => writeFile(path, given.content));
  await bumpVersion(given.directory);
}

/** `webinfra:channel:Object` */
export const object = resource<Inputs, Inputs>({
  inputs: objectInputs,
  state: z.object(objectInputs.shape),
  stateVersion: 1,
  migrations: [],
  replaceOn: ["directory", "key"],
  updateOn: ["content"],
  async create(given) {
    await write(given);
    return { id: join(given.directory, given.key), state: given };
  },
  async read(_id, current) {
    try {
      const content = await readFile(join(current.directory, current.key), "utf8");
      // Operations may move a pointer, to take a release or a host package back: that is no drift, and only another input of the program's moves it on.
      return current.key.startsWith("pointers/") ? current : { ...current, content };
    } catch (error) {
      if (isMissing(error)) {
        return undefined;
      }
      throw error;
    }
  },
  async update(_id, _current, given) {
    await write(given);
    return given;
  },
  async delete(_id, current) {
    await remove(current.directory, current.key);
  },
});

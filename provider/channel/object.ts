/** A small text in the channel: an inventory entry or a pointer. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { resource } from "../resource";
import { bumpVersion, directorySchema, exists, isMissing, keySchema, place, remove } from "./store";

const inputs = z.strictObject({
  directory: directorySchema,
  key: keySchema,
  content: z.string(),
  keepExisting: z.boolean().optional(),
});
type Inputs = z.infer<typeof inputs>;

async function write(given: Inputs): Promise<void> {
  if (given.keepExisting === true && (await exists(join(given.directory, given.key)))) {
    return;
  }
  await place(given.directory, given.key, (path) => writeFile(path, given.content));
  await bumpVersion(given.directory);
}

/** `webinfra:channel:Object` */
export const object = resource<Inputs, Inputs>({
  inputs,
  state: z.object(inputs.shape),
  replaceOn: ["directory", "key"],
  updateOn: ["content", "keepExisting"],
  async create(given) {
    await write(given);
    return { id: join(given.directory, given.key), state: given };
  },
  async read(_id, current) {
    try {
      const content = await readFile(join(current.directory, current.key), "utf8");
      return current.keepExisting === true ? current : { ...current, content };
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

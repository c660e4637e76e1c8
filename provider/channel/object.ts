/** A small text in the channel that belongs to the program: an inventory entry, or which release to run. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { parseReleasePointer } from "../../core/protocol";
import { objectInputs } from "../inputs/channel";
import { resource } from "../resource";
import { moveRelease, readReleasePointer, releaseKey } from "./release";
import { bumpVersion, isMissing, place, remove } from "./store";

type Inputs = z.infer<typeof objectInputs>;

/** The release that an object's text names; undefined of every object but the release pointer. */
function releaseOf({ key, content }: Inputs): string | undefined {
  const parsed = key === releaseKey ? parseReleasePointer(content) : undefined;
  return parsed?.ok === true ? parsed.value.release : undefined;
}

async function write(given: Inputs): Promise<void> {
  const release = releaseOf(given);
  if (release !== undefined) {
    await moveRelease(given.directory, { release, quick: false });
    return;
  }
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
  async drifted(current) {
    const release = releaseOf(current);
    const found = release === undefined ? undefined : await readReleasePointer(current.directory);
    return found !== undefined && (found.release !== release || found.quick);
  },
  async create(given) {
    await write(given);
    return { id: join(given.directory, given.key), state: given };
  },
  async read(_id, current) {
    try {
      const content = await readFile(join(current.directory, current.key), "utf8");
      // Operations may move a pointer, to take a release or a host package back: a refresh leaves it there. The next update moves the release pointer on
      // (below), and that of the host package only with another input.
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

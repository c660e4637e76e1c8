/** A file in the channel, copied from this machine: a release's archive. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import { fileInputs } from "../inputs/channel";
import { resource } from "../resource";
import { bumpVersion, isMissing, place, remove } from "./store";

type Inputs = z.infer<typeof fileInputs>;

async function hashOf(path: string): Promise<string | undefined> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(path), hash);
  } catch (error) {
    if (isMissing(error)) {
      return undefined;
    }
    throw error;
  }
  return hash.digest("hex");
}

async function write(given: Inputs): Promise<void> {
  if ((await hashOf(join(given.directory, given.key))) === given.sha256) {
    return;
  }
  if ((await hashOf(given.source)) === undefined) {
    throw new Error(`the file ${given.source} for ${given.key} in the channel does not exist: build the release again`);
  }
  await place(given.directory, given.key, async (path) => {
    await copyFile(given.source, path);
    const found = await hashOf(path);
    if (found !== given.sha256) {
      throw new Error(
        `the file ${given.source} for ${given.key} in the channel has SHA-256 ${found ?? "(none)"}, ` +
          `not ${given.sha256}: it changed after it was built; build the release again`,
      );
    }
  });
  await bumpVersion(given.directory);
}

/** `webinfra:channel:File` */
export const file = resource<Inputs, Inputs>({
  inputs: fileInputs,
  state: z.object(fileInputs.shape),
  stateVersion: 1,
  migrations: [],
  replaceOn: ["directory", "key"],
  // Not `source`: where the file came from does not matter once it is there.
  updateOn: ["sha256"],
  async create(given) {
    await write(given);
    return { id: join(given.directory, given.key), state: given };
  },
  async read(_id, current) {
    const sha256 = await hashOf(join(current.directory, current.key));
    return sha256 === undefined ? undefined : { ...current, sha256 };
  },
  async update(_id, _current, given) {
    await write(given);
    return given;
  },
  async delete(_id, current) {
    await remove(current.directory, current.key);
  },
});

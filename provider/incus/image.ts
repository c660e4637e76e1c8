/** Images that hold all packages of a stack's hosts: each is made once, by a throw-away machine, and serves every stack that wants the same. */
import { createHash } from "node:crypto";
import { z } from "zod";
import { imageInputs, type imageRecipe } from "../inputs/incus";
import { withLock } from "../lock";
import { type Context, type Resource, resource } from "../resource";
import { sleep, within } from "../time";
import { IncusClient, isNotFound, POOL } from "./client";
import { exec } from "./exec";
import { allInstances, deleteInstance } from "./instance";
import { LABEL_IMAGE } from "./labels";

/** From what, and of what age at most, machines get their image. */
export type Recipe = z.infer<typeof imageRecipe>;

/** An image of ours that holds packages, as Incus lists it. */
export interface BakedImage {
  readonly fingerprint: string;
  /** Of the recipe and the base image. */
  readonly hash: string;
  /** Milliseconds since 1970. */
  readonly madeAt: number;
  readonly maxAgeDays: number;
  readonly bytes: number;
}

const PROPERTY_HASH = "webinfra.hash";
const PROPERTY_MADE = "webinfra.made";
const PROPERTY_MAX_AGE = "webinfra.max-age-days";

const DAY_MS = 86_400_000;
/** A package that cannot be had, or a mirror that is away: converge tries again every five seconds, which helps the second alone. */
const ATTEMPTS = 3;
const POLL_MS = 250;

/** How long to wait at most, in seconds: for the packages, and for another update that makes the same image. */
export interface ImageLimits {
  readonly bakeSeconds: number;
  readonly waitSeconds: number;
}
const DEFAULT_LIMITS: ImageLimits = { bakeSeconds: 900, waitSeconds: 1800 };

const imageSchema = z.object({
  fingerprint: z.string(),
  size: z.number(),
  properties: z.record(z.string(), z.string()).nullish(),
});

const madeSchema = z.object({ fingerprint: z.string() });
const aliasSchema = z.object({ target: z.string() });

function bakedImage({ fingerprint, size, properties }: z.infer<typeof imageSchema>): BakedImage[] {
  const hash = properties?.[PROPERTY_HASH];
  const madeAt = Date.parse(properties?.[PROPERTY_MADE] ?? "");
  const maxAgeDays = Number(properties?.[PROPERTY_MAX_AGE]);
  return hash === undefined || Number.isNaN(madeAt) || Number.isNaN(maxAgeDays)
    ? []
    : [{ fingerprint, hash, madeAt, maxAgeDays, bytes: size }];
}

/** The fingerprint of the image that an alias names; undefined when there is none. */
export async function fingerprintOf(
  client: IncusClient,
  alias: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  return (await client.find(`/1.0/images/aliases/${encodeURIComponent(alias)}`, aliasSchema, { signal }))?.target;
}

/** The error for an image that set-up should have made. */
export const missingImage = (alias: string): string =>
  `Incus has no image "${alias}" in its project webinfra: run \`npm run setup\``;

/** What an image is known by: 12 hexadecimal digits that follow from its base and its recipe. */
export function imageHash(baseFingerprint: string, userData: string): string {
  return createHash("sha256").update(`${baseFingerprint}\n${userData}`).digest("hex").slice(0, 12);
}

/** The newest image of this hash; undefined when there is none. */
export function newestImage(images: readonly BakedImage[], hash: string): BakedImage | undefined {
  return images.filter((image) => image.hash === hash).sort((a, b) => b.madeAt - a.madeAt)[0];
}

/** Whether a new machine may start from the image. */
export function isFresh({ madeAt }: BakedImage, maxAgeDays: number, now: number): boolean {
  return now - madeAt <= maxAgeDays * DAY_MS;
}

/**
 * Images that are of no use any more: too old for a new machine, and either there is a newer one like it, or no machine was made from it. The last one
 * that a site's machines came from stays: it is what a replacement falls back to while the packages' mirror is away.
 * @param used fingerprints of the images that machines were made from
 */
export function uselessImages(images: readonly BakedImage[], used: ReadonlySet<string>, now: number): BakedImage[] {
  return images.filter(
    (image) =>
      !isFresh(image, image.maxAgeDays, now) &&
      (newestImage(images, image.hash) !== image || !used.has(image.fingerprint)),
  );
}

/** All images of ours that hold packages. */
export async function listBakedImages(client = new IncusClient(), signal?: AbortSignal): Promise<BakedImage[]> {
  return (await client.get("/1.0/images?recursion=1", z.array(imageSchema), { signal })).flatMap(bakedImage);
}

/** The same, and which of them are of no use any more. */
export async function surveyImages(
  client = new IncusClient(),
  signal?: AbortSignal,
): Promise<{ readonly images: readonly BakedImage[]; readonly useless: readonly BakedImage[] }> {
  const [images, instances] = await Promise.all([listBakedImages(client, signal), allInstances(client, signal)]);
  const used = new Set(instances.flatMap(({ config }) => config["volatile.base_image"] ?? []));
  return { images, useless: uselessImages(images, used, Date.now()) };
}

/** What the throw-away machine of an image is called, and the lock of who works with it. */
const bakeryName = (hash: string): string => `webinfra-image-${hash}`;

/** Deletes the throw-away machines that nobody works with any more. */
export async function sweepBakeries(client = new IncusClient(), signal?: AbortSignal): Promise<void> {
  for (const { name, config } of await allInstances(client, signal)) {
    const hash = config[LABEL_IMAGE];
    if (hash !== undefined) {
      await withLock(
        bakeryName(hash),
        () => deleteInstance(name, { stopTimeoutSeconds: 0, signal }, client),
        0,
        signal,
      );
    }
  }
}

/** Deletes what making images left: throw-away machines that nobody works with any more, and images that are of no use any more. */
export async function collectGarbage(client = new IncusClient(), signal?: AbortSignal): Promise<void> {
  await sweepBakeries(client, signal);
  for (const { fingerprint } of (await surveyImages(client, signal)).useless) {
    try {
      await client.change("DELETE", `/1.0/images/${fingerprint}`, undefined, { signal });
    } catch (error) {
      // Another update may have deleted it.
      if (!isNotFound(error)) {
        throw error;
      }
    }
  }
}

async function textOf(client: IncusClient, name: string, path: string, signal: AbortSignal): Promise<string> {
  try {
    return await client.text(`/1.0/instances/${name}/files?path=${encodeURIComponent(path)}`, { signal });
  } catch (error) {
    if (isNotFound(error)) {
      return "";
    }
    throw error;
  }
}

/** Waits until the throw-away machine has done its steps. */
async function converged(client: IncusClient, name: string, context: Context, signal: AbortSignal): Promise<void> {
  let failures = 0;
  let last = "";
  while (last !== "done\n\n") {
    const text = await textOf(client, name, "/run/webinfra/converge", signal);
    const [condition = "", doing = ""] = text.split("\n");
    if (text !== last && condition === "running") {
      context.status(`making an image with all packages: ${doing}`);
    }
    if (text !== last && condition === "failed" && ++failures === ATTEMPTS) {
      const { stdout } = await exec(
        name,
        ["journalctl", "--quiet", "--no-pager", "--output=cat", "--lines=15", "--identifier=converge"],
        { signal },
        client,
      );
      throw new Error(`${doing} failed ${String(ATTEMPTS)} times; the last lines of its log:\n${stdout.trim()}`);
    }
    last = text;
    await sleep(POLL_MS, signal);
  }
}

/** Makes the image, and deletes what it was made with. */
async function bake(
  client: IncusClient,
  recipe: Recipe,
  { hash, network, seconds }: { readonly hash: string; readonly network: string; readonly seconds: number },
  context: Context,
): Promise<string> {
  const name = bakeryName(hash);
  const signal = within(seconds * 1000, context.signal);
  context.status("making an image with all packages: boot");
  try {
    // One of this name is what a killed update left: the lock is ours.
    await deleteInstance(name, { stopTimeoutSeconds: 0, signal }, client);
    await client.change(
      "POST",
      "/1.0/instances",
      {
        name,
        type: "container",
        description: "makes an image for webinfra, and is deleted then",
        source: { type: "image", alias: recipe.base },
        profiles: [],
        config: { [LABEL_IMAGE]: hash, "cloud-init.user-data": recipe.userData, "security.guestapi": "false" },
        devices: {
          root: { type: "disk", path: "/", pool: POOL },
          eth0: { type: "nic", name: "eth0", network },
        },
      },
      { signal },
    );
    await client.change("PUT", `/1.0/instances/${name}/state`, { action: "start" }, { signal });
    await converged(client, name, context, signal);
    context.status("making an image with all packages: storing it");
    await client.change("PUT", `/1.0/instances/${name}/state`, { action: "stop", timeout: 30 }, { signal });
    const made = await client.change(
      "POST",
      "/1.0/images",
      {
        source: { type: "instance", name },
        // Not every machine with Incus has a compressor that is fast.
        compression_algorithm: "none",
        properties: {
          os: "Debian",
          description: "Debian 13 with the packages of webinfra's hosts",
          [PROPERTY_HASH]: hash,
          [PROPERTY_MADE]: new Date().toISOString(),
          [PROPERTY_MAX_AGE]: String(recipe.maxAgeDays),
        },
      },
      { signal },
    );
    return madeSchema.parse(made).fingerprint;
  } catch (error) {
    context.signal.throwIfAborted();
    if (signal.aborted) {
      throw new Error(`it was not made within ${String(seconds)} s`, { cause: error });
    }
    throw error;
  } finally {
    // Not by the caller's signal, which may have aborted.
    await deleteInstance(name, { stopTimeoutSeconds: 0, signal: AbortSignal.timeout(60_000) }, client);
  }
}

const day = (milliseconds: number): string => new Date(milliseconds).toISOString().slice(0, 10);

/**
 * The fingerprint of an image that a new machine may start from, which is made when there is none.
 * When it cannot be made and there is an older one, that one, with a warning.
 * @param network what the throw-away machine fetches the packages through
 */
export async function ensureImage(
  client: IncusClient,
  recipe: Recipe,
  network: string,
  context: Context,
  { bakeSeconds, waitSeconds } = DEFAULT_LIMITS,
): Promise<string> {
  const { signal } = context;
  const base = await fingerprintOf(client, recipe.base, signal);
  if (base === undefined) {
    throw new Error(missingImage(recipe.base));
  }
  const hash = imageHash(base, recipe.userData);
  const newest = async (): Promise<BakedImage | undefined> => newestImage(await listBakedImages(client, signal), hash);
  const fresh = (image: BakedImage): boolean => isFresh(image, recipe.maxAgeDays, Date.now());
  const before = await newest();
  if (before !== undefined && fresh(before)) {
    return before.fingerprint;
  }
  context.status("waiting for an image with all packages");
  const made = await withLock(
    bakeryName(hash),
    async () => {
      const found = await newest();
      if (found !== undefined && fresh(found)) {
        return found.fingerprint;
      }
      let fingerprint: string;
      try {
        fingerprint = await bake(client, recipe, { hash, network, seconds: bakeSeconds }, context);
      } catch (error) {
        signal.throwIfAborted();
        const reason = error instanceof Error ? error.message : String(error);
        if (found === undefined) {
          throw new Error(
            `the image with all packages could not be made: ${reason}\n` +
              "no machine was changed; with `webinfra:image.bake: false` each machine installs its own packages, and tries again by itself",
            { cause: error },
          );
        }
        context.warn(
          `the image with all packages could not be made anew, so the one of ${day(found.madeAt)} is used: ${reason}`,
        );
        return found.fingerprint;
      }
      await collectGarbage(client, signal);
      return fingerprint;
    },
    waitSeconds,
    signal,
  );
  if (made === undefined) {
    throw new Error("another update has been making the image with all packages for too long: end it, and try again");
  }
  return made.result;
}

type Inputs = z.infer<typeof imageInputs>;

/**
 * `webinfra:incus:Image`: sees to it that there is an image of this recipe before machines want it. That it is too old by now is no change: a machine
 * looks at that when it is made.
 * @param incus the server; default: this machine's
 */
export function imageResource(incus: () => IncusClient = () => new IncusClient()): Resource {
  const made = async (given: Inputs, context: Context): Promise<Inputs> => {
    const { network, ...recipe } = given;
    await ensureImage(incus(), recipe, network, context);
    return given;
  };
  return resource<Inputs, Inputs>({
    inputs: imageInputs,
    state: z.object(imageInputs.shape),
    stateVersion: 1,
    migrations: [],
    replaceOn: [],
    updateOn: ["base", "userData"],
    create: async (given, context) => ({ id: "packages", state: await made(given, context) }),
    read: (_id, current) => Promise.resolve(current),
    update: (_id, _current, given, context) => made(given, context),
    // Other stacks may use it.
    delete: () => Promise.resolve(),
  });
}

/** A host's data volume. It outlives machines: a retained volume is found again by its name and adopted. */
import { z } from "zod";
import { volumeInputs } from "../inputs/incus";
import { resource } from "../resource";
import { IncusClient, IncusError, POOL } from "./client";
import { LABEL_HOST, LABEL_STACK } from "./labels";
import { remove } from "./retry";

const volumeSchema = z.object({
  name: z.string(),
  type: z.string(),
  config: z.record(z.string(), z.string()).default({}),
  used_by: z.array(z.string()).nullish(),
});

type Inputs = z.infer<typeof volumeInputs>;

const state = z.object({
  name: z.string(),
  stack: z.string(),
  host: z.string(),
  sizeGiB: z.number().optional(),
  volume: z.string(),
});
type State = z.infer<typeof state>;

/** A volume as {@link listVolumes} reports it. */
export interface VolumeSummary {
  readonly name: string;
  readonly stack: string;
  readonly host: string;
  /** Names of the machines that have it attached. */
  readonly usedBy: readonly string[];
}

const VOLUMES = `/1.0/storage-pools/${POOL}/volumes/custom`;

function pathOf(name: string): string {
  return `${VOLUMES}/${encodeURIComponent(name)}`;
}

function configOf(given: Inputs): Record<string, string> {
  return {
    [LABEL_STACK]: given.stack,
    [LABEL_HOST]: given.host,
    // An empty size takes a limit off again.
    size: given.sizeGiB === undefined ? "" : `${String(Math.round(given.sizeGiB * 1024))}MiB`,
  };
}

function usersOf(paths: readonly string[] | null | undefined): string[] {
  return (paths ?? []).map((path) => decodeURIComponent(path.split("/").at(-1)?.split("?")[0] ?? path));
}

async function makeVolume(client: IncusClient, given: Inputs, signal: AbortSignal): Promise<State> {
  const existing = await client.find(pathOf(given.name), volumeSchema, { signal });
  if (existing === undefined) {
    await client.change(
      "POST",
      VOLUMES,
      {
        name: given.name,
        type: "custom",
        content_type: "filesystem",
        description: `data of ${given.host}, webinfra stack ${given.stack}`,
        config: configOf(given),
      },
      { signal },
    );
  } else {
    const owner = existing.config[LABEL_STACK];
    if (owner !== given.stack) {
      throw new Error(
        `the volume ${given.name} exists and belongs to ${owner === undefined ? "no stack" : `stack "${owner}"`}, ` +
          `not to stack "${given.stack}": name the stack otherwise, or delete the volume, and the data in it, with ` +
          `\`incus storage volume delete ${POOL} ${given.name} --project webinfra\``,
      );
    }
    await client.change("PATCH", pathOf(given.name), { config: configOf(given) }, { signal });
  }
  return { ...given, volume: given.name };
}

/** `webinfra:incus:Volume` */
export const volume = resource<Inputs, State>({
  inputs: volumeInputs,
  state,
  stateVersion: 1,
  migrations: [],
  replaceOn: ["name", "stack"],
  updateOn: ["host", "sizeGiB"],
  async create(given, context) {
    return { id: given.name, state: await makeVolume(new IncusClient(), given, context.signal) };
  },
  async read(id, current, context) {
    const found = await new IncusClient().find(pathOf(id), volumeSchema, { signal: context.signal });
    return found === undefined ? undefined : { ...current, host: found.config[LABEL_HOST] ?? current.host };
  },
  async update(_id, _current, given, context) {
    return makeVolume(new IncusClient(), given, context.signal);
  },
  async delete(id, _current, context) {
    await deleteVolume(id, new IncusClient(), context.signal);
  },
});

/** The data volumes of one stack, or of all stacks. */
export async function listVolumes(
  stack?: string,
  client = new IncusClient(),
  signal?: AbortSignal,
): Promise<VolumeSummary[]> {
  const volumes = await client.get(`/1.0/storage-pools/${POOL}/volumes?recursion=1`, z.array(volumeSchema), { signal });
  return volumes.flatMap((one) => {
    const owner = one.config[LABEL_STACK];
    // Machines carry the labels too, and their root volumes show them.
    return one.type !== "custom" || owner === undefined || (stack !== undefined && owner !== stack)
      ? []
      : [{ name: one.name, stack: owner, host: one.config[LABEL_HOST] ?? "", usedBy: usersOf(one.used_by) }];
  });
}

/** Deletes a volume and the data in it; one that is gone already is fine. Throws {@link IncusError} naming what uses it. */
export async function deleteVolume(name: string, client = new IncusClient(), signal?: AbortSignal): Promise<void> {
  const found = await client.find(pathOf(name), volumeSchema, { signal });
  if (found === undefined) {
    return;
  }
  const users = usersOf(found.used_by);
  if (users.length > 0) {
    throw new IncusError(
      "conflict",
      `the volume ${name} is still attached to ${users.join(", ")}: delete that machine first`,
    );
  }
  await remove(() => client.change("DELETE", pathOf(name), undefined, { signal }), signal);
}

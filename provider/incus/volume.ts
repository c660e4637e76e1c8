/** A host's data volume. It outlives machines: a retained volume is found again by its name and adopted. */
import { z } from "zod";
import { volumeInputs } from "../inputs/incus";
import { type Context, type Resource, resource } from "../resource";
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

/** Makes the volume, or takes over the one that is there. */
async function ensureVolume(client: IncusClient, given: Inputs, { signal, status }: Context): Promise<State> {
  const { discard, ...kept } = given;
  const found = await client.find(pathOf(given.name), volumeSchema, { signal });
  const discarded = discard === true && found?.config[LABEL_STACK] === given.stack;
  if (discarded) {
    status(`deleting the volume ${given.name} with the data in it`);
    await deleteVolume(given.name, client, signal);
  }
  const existing = discarded ? undefined : found;
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
  return { ...kept, volume: given.name };
}

/** Why a volume is not made smaller. Sizes in GiB. */
export const smallerVolume = (host: string, stack: string, has: number, wanted: number): string =>
  `${host} has a data volume of ${String(has)} GiB, and ${String(wanted)} are wanted (webinfra:mysql.volumeGiB): a volume never gets smaller. ` +
  `Set ${String(has)} or more, or have it made anew, with its data copied from the primary: \`webinfra replace ${host} --stack ${stack} --discard-data\``;

/**
 * `webinfra:incus:Volume`
 * @param incus the server; default: this machine's
 */
export const volumeResource = (incus: () => IncusClient = () => new IncusClient()): Resource =>
  resource<Inputs, State>({
    inputs: volumeInputs,
    state,
    stateVersion: 1,
    migrations: [],
    replaceOn: ["name", "stack"],
    updateOn: ["host", "sizeGiB"],
    refuses({ host, stack, sizeGiB: has }, { sizeGiB: wanted }) {
      return typeof wanted === "number" && has !== undefined && wanted < has
        ? smallerVolume(host, stack, has, wanted)
        : undefined;
    },
    async create(given, context) {
      return { id: given.name, state: await ensureVolume(incus(), given, context) };
    },
    async read(id, current, context) {
      const found = await incus().find(pathOf(id), volumeSchema, { signal: context.signal });
      return found === undefined ? undefined : { ...current, host: found.config[LABEL_HOST] ?? current.host };
    },
    async update(_id, _current, given, context) {
      return ensureVolume(incus(), { ...given, discard: false }, context);
    },
    async delete(id, _current, context) {
      await deleteVolume(id, incus(), context.signal);
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

/** A machine: a system container that boots the cloud image with a host's cloud-init. */
import { access } from "node:fs/promises";
import { z } from "zod";
import { machineInputs } from "../inputs/incus";
import { type Context, HalfMadeError, type Resource, resource } from "../resource";
import { sleep, within } from "../time";
import { IncusClient, IncusError, POOL } from "./client";
import { ensureImage, fingerprintOf, missingImage } from "./image";
import { allInstances, deleteInstance, findInstance, type Instance, pathOf } from "./instance";
import { LABEL_COMPLETE, LABEL_HOST, LABEL_ROLES, LABEL_STACK, newMachineName } from "./labels";
import type { Bag } from "../values";

/** Where a machine sees the channel. */
export const CHANNEL_PATH = "/var/lib/webinfra-channel";

const DEFAULT_START_SECONDS = 120;
const DEFAULT_STOP_SECONDS = 30;
const POLL_MS = 250;

const inputs = machineInputs.extend({ machine: z.string() });
type Inputs = z.infer<typeof inputs>;

const state = z.object({
  ...inputs.shape,
  /** Absent while half made. */
  address: z.string().optional(),
  status: z.string().optional(),
});
type State = z.infer<typeof state>;

const instanceStateSchema = z.object({
  status: z.string(),
  network: z
    .record(
      z.string(),
      z.object({
        addresses: z.array(z.object({ family: z.string(), address: z.string(), scope: z.string() })).nullish(),
      }),
    )
    .nullish(),
});

/** A machine as {@link listInstances} reports it. */
export interface InstanceSummary {
  /** Incus's name of it, which is its machine id. */
  readonly name: string;
  readonly stack: string;
  readonly host: string;
  readonly roles: readonly string[];
  /** Incus's word: Running, Stopped, … */
  readonly status: string;
  /** False for one that never was up: half made, being made, or the leftover of an update that was killed. */
  readonly complete: boolean;
}

function labelsOf(given: Inputs): Record<string, string> {
  return { [LABEL_STACK]: given.stack, [LABEL_HOST]: given.host, [LABEL_ROLES]: given.roles.join(",") };
}

/** The instance as Incus is asked to make it, from the image that `image` names. */
export function instanceRequest(given: Inputs, image: object): object {
  return {
    name: given.machine,
    type: "container",
    description: `${given.host} of webinfra stack ${given.stack}`,
    source: { type: "image", ...image },
    // None of the default profile's: the machine is described here alone.
    profiles: [],
    config: {
      ...labelsOf(given),
      "boot.autostart": "true",
      "cloud-init.user-data": given.userData,
      // The guest API would hand user-data, and the secrets in it, to every user of the machine.
      "security.guestapi": "false",
    },
    devices: {
      root: { type: "disk", path: "/", pool: POOL },
      eth0: { type: "nic", name: "eth0", network: given.network },
      channel: { type: "disk", source: given.channel, path: CHANNEL_PATH, readonly: "true" },
      ...Object.fromEntries(
        (given.volumes ?? []).map(({ name, path }) => [name, { type: "disk", pool: POOL, source: name, path }]),
      ),
    },
  };
}

async function addressOf(client: IncusClient, name: string, signal: AbortSignal): Promise<string | undefined> {
  const current = await client.get(`${pathOf(name)}/state`, instanceStateSchema, { signal });
  return current.network?.["eth0"]?.addresses?.find((one) => one.family === "inet" && one.scope === "global")?.address;
}

async function checkChannel(given: Inputs): Promise<void> {
  try {
    await access(given.channel);
  } catch {
    throw new Error(
      `${given.host}: the channel directory ${given.channel} does not exist or cannot be read: make it first`,
    );
  }
}

/** Where Incus finds what the machine starts from. */
async function imageOf(client: IncusClient, given: Inputs, context: Context): Promise<object> {
  const { image } = given;
  if (typeof image !== "string") {
    return { fingerprint: await ensureImage(client, image, given.network, context) };
  }
  if ((await fingerprintOf(client, image, context.signal)) === undefined) {
    throw new Error(`${given.host}: ${missingImage(image)}`);
  }
  return { alias: image };
}

/** Two machines that mount one data volume would destroy the data. */
async function checkVolumesAreFree(client: IncusClient, given: Inputs, signal: AbortSignal): Promise<void> {
  const { volumes = [] } = given;
  if (volumes.length === 0) {
    return;
  }
  const others = (await allInstances(client, signal)).filter(
    (one) => one.name !== given.machine && one.status !== "Stopped",
  );
  for (const { name } of volumes) {
    const user = others.find((one) =>
      Object.values(one.devices ?? {}).some((device) => device["type"] === "disk" && device["source"] === name),
    );
    if (user !== undefined) {
      throw new Error(
        `${given.host}: the volume ${name} is in use by the machine ${user.name} (${user.status}), and two machines ` +
          `must never mount one data volume: stop that one first with \`incus stop ${user.name} --project webinfra\``,
      );
    }
  }
}

async function instantiate(client: IncusClient, given: Inputs, context: Context): Promise<void> {
  await checkChannel(given);
  await checkVolumesAreFree(client, given, context.signal);
  const image = await imageOf(client, given, context);
  context.status(`creating ${given.machine}`);
  await client.change("POST", "/1.0/instances", instanceRequest(given, image), { signal: context.signal });
}

/** Brings an existing instance up: started, with an address. */
async function bringUp(client: IncusClient, instance: Instance, given: Inputs, context: Context): Promise<State> {
  const seconds = given.startTimeoutSeconds ?? DEFAULT_START_SECONDS;
  const signal = within(seconds * 1000, context.signal);
  const late = (missing: string): Error =>
    new Error(
      `${given.host}: the machine ${given.machine} ${missing} within ${String(seconds)} s (startTimeoutSeconds); ` +
        `look with \`incus console ${given.machine} --show-log --project webinfra\`; the next update tries again`,
    );
  let status = instance.status;
  try {
    if (status === "Frozen") {
      await client.change("PUT", `${pathOf(instance.name)}/state`, { action: "unfreeze" }, { signal });
    } else if (status !== "Running") {
      await checkVolumesAreFree(client, given, signal);
      context.status(`starting ${given.machine}`);
      await client.change("PUT", `${pathOf(instance.name)}/state`, { action: "start" }, { signal });
    }
    status = "Running";
    let address = await addressOf(client, instance.name, signal);
    while (address === undefined) {
      await sleep(POLL_MS, signal);
      address = await addressOf(client, instance.name, signal);
    }
    if (instance.config[LABEL_COMPLETE] !== "true") {
      await client.change("PATCH", pathOf(instance.name), { config: { [LABEL_COMPLETE]: "true" } }, { signal });
    }
    return { ...given, address, status };
  } catch (error) {
    context.signal.throwIfAborted();
    if (signal.aborted) {
      throw late(status === "Running" ? "has no IPv4 address" : "did not start");
    }
    throw error;
  }
}

/** Makes the machine, or finishes one of that name that is there already. */
async function ensure(client: IncusClient, given: Inputs, context: Context): Promise<State> {
  let instance = await findInstance(client, given.machine, context.signal);
  if (instance === undefined) {
    await instantiate(client, given, context);
    instance = { name: given.machine, status: "Stopped", config: {} };
  }
  return bringUp(client, instance, given, context);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Runs `work`; when it fails and the machine exists, or may, the error carries what the state must keep. */
async function keepingHalfMade(
  client: IncusClient,
  given: Inputs,
  known: Partial<State>,
  work: () => Promise<State>,
): Promise<State> {
  try {
    return await work();
  } catch (error) {
    // Asked without the caller's signal, which may have aborted: the state must not lose a machine that exists.
    const found = await findInstance(client, given.machine, AbortSignal.timeout(5_000)).catch(() => undefined);
    if (found === undefined && known.address === undefined) {
      throw error;
    }
    throw new HalfMadeError(
      given.machine,
      { ...given, address: known.address, status: found?.status ?? "Unknown" },
      reasonOf(error),
    );
  }
}

/** Deletes what killed updates left of this host. A machine that never was up serves nothing and holds nothing. */
async function sweep(client: IncusClient, given: Inputs, context: Context): Promise<void> {
  const leftovers = (await listInstances(given.stack, client, context.signal)).filter(
    (one) => one.host === given.host && !one.complete && one.name !== given.machine,
  );
  for (const leftover of leftovers) {
    context.status(`deleting ${leftover.name}, which an earlier update left unfinished`);
    await deleteInstance(leftover.name, { stopTimeoutSeconds: 0, signal: context.signal }, client);
  }
}

/**
 * Why a host that holds data does not get other roles by an update; undefined when it has the wanted ones. Its machine would go on with the files that it
 * booted with.
 */
export function otherRoles(
  { host, stack, roles }: { readonly host: string; readonly stack: string; readonly roles: readonly string[] },
  wanted: readonly string[],
): string | undefined {
  const [has, wants] = [roles, wanted].map((list) => list.join(", "));
  return has === wants
    ? undefined
    : `${host} holds data, and an update leaves such a host as it is: it has the roles ${has ?? ""}, and ${wants ?? ""} are wanted: ` +
        `\`webinfra replace ${host} --stack ${stack}\` makes it anew with them`;
}

/** Version 1 knew one volume at most. */
const withVolumes = ({ volume, ...rest }: Bag): Bag => (volume === undefined ? rest : { ...rest, volumes: [volume] });

/** Version 2 held the digest of what it was made from, which hosts say themselves. */
const withoutDefinition = ({ definition: _made, ...rest }: Bag): Bag => rest;

/**
 * `webinfra:incus:Machine`
 * @param incus the server; default: this machine's
 */
export function machineResource(incus: () => IncusClient = () => new IncusClient()): Resource {
  return resource<Inputs, State>({
    inputs,
    state,
    stateVersion: 3,
    migrations: [withVolumes, withoutDefinition],
    // Not the image: a newer one serves new machines only.
    replaceOn: ["host", "stack", "network", "userData", "channel", "volumes"],
    updateOn: ["roles", "startTimeoutSeconds", "stopTimeoutSeconds"],
    secrets: ["userData"],
    choose(olds, news) {
      const { stack, host } = news;
      const known = olds["machine"];
      if (typeof known === "string") {
        return { machine: known };
      }
      return { machine: newMachineName(typeof stack === "string" ? stack : "", typeof host === "string" ? host : "") };
    },
    refuses(current, news) {
      const wanted = z.array(z.string()).safeParse(news["roles"]);
      const holdsData = (current.volumes ?? []).length > 0;
      return holdsData && wanted.success ? otherRoles(current, wanted.data) : undefined;
    },
    async drifted(current, _news, context) {
      if (current.status !== "Running" || current.address === undefined) {
        return true;
      }
      try {
        const found = await findInstance(incus(), current.machine, context.signal);
        // Its data, if it has any, are on a volume of their own: to make it again, or to start it, loses nothing.
        return found?.status !== "Running";
      } catch (error) {
        // A preview needs no Incus, and an update says so at its first change.
        if (error instanceof IncusError) {
          return false;
        }
        throw error;
      }
    },
    async create(given, context) {
      const client = incus();
      await sweep(client, given, context);
      return {
        id: given.machine,
        state: await keepingHalfMade(client, given, {}, () => ensure(client, given, context)),
      };
    },
    async read(id, current, context) {
      const client = incus();
      const found = await findInstance(client, id, context.signal);
      if (found === undefined) {
        return undefined;
      }
      const address = found.status === "Running" ? await addressOf(client, id, context.signal) : undefined;
      // One that came up while the update that started it was killed still wants its mark of a finished machine.
      const status = found.config[LABEL_COMPLETE] === "true" ? found.status : "Unfinished";
      return { ...current, status, address: address ?? current.address };
    },
    async update(id, current, given, context) {
      const client = incus();
      // A new name was drawn only if the state had none.
      const named = { ...given, machine: id };
      return keepingHalfMade(client, named, current, async () => {
        const found = await findInstance(client, id, context.signal);
        if (found !== undefined) {
          await client.change("PATCH", pathOf(id), { config: labelsOf(named) }, { signal: context.signal });
        }
        try {
          return await ensure(client, named, context);
        } catch (error) {
          context.signal.throwIfAborted();
          if (found === undefined || found.config[LABEL_COMPLETE] === "true") {
            throw error;
          }
          // It never was up and cannot be brought up: nothing is lost by making it once more.
          context.status(`making ${id} again: ${reasonOf(error)}`);
          await deleteInstance(id, { stopTimeoutSeconds: 0, signal: context.signal }, client);
          return ensure(client, named, context);
        }
      });
    },
    async delete(id, current, context) {
      context.status(`stopping ${id}`);
      await deleteInstance(
        id,
        {
          stopTimeoutSeconds: current.stopTimeoutSeconds ?? DEFAULT_STOP_SECONDS,
          signal: context.signal,
        },
        incus(),
      );
    },
  });
}

/** The machines of one stack, or of all stacks. */
export async function listInstances(
  stack?: string,
  client = new IncusClient(),
  signal?: AbortSignal,
): Promise<InstanceSummary[]> {
  return (await allInstances(client, signal)).flatMap((one) => {
    const owner = one.config[LABEL_STACK];
    return owner === undefined || (stack !== undefined && owner !== stack)
      ? []
      : [
          {
            name: one.name,
            stack: owner,
            host: one.config[LABEL_HOST] ?? "",
            roles: (one.config[LABEL_ROLES] ?? "").split(",").filter((role) => role !== ""),
            status: one.status,
            complete: one.config[LABEL_COMPLETE] === "true",
          },
        ];
  });
}

/** The stack's machines that the state does not know: what killed updates left. `known` are the machine ids in the state. */
export async function listOrphans(
  stack: string,
  known: ReadonlySet<string>,
  client = new IncusClient(),
): Promise<InstanceSummary[]> {
  return (await listInstances(stack, client)).filter((one) => !known.has(one.name));
}

/** The IPv4 address of a machine; undefined when it has none now. */
export async function instanceAddress(
  name: string,
  client = new IncusClient(),
  signal?: AbortSignal,
): Promise<string | undefined> {
  return addressOf(client, name, signal ?? AbortSignal.timeout(5_000));
}

/** What every instance in Incus can do, whatever it is for. */
import { z } from "zod";
import { IncusClient, IncusError, isNotFound } from "./client";
import { remove } from "./retry";

const DEFAULT_STOP_SECONDS = 30;

const instanceSchema = z.object({
  name: z.string(),
  status: z.string(),
  config: z.record(z.string(), z.string()).default({}),
  devices: z.record(z.string(), z.record(z.string(), z.string())).nullish(),
});
/** An instance as Incus shows it. */
export type Instance = z.infer<typeof instanceSchema>;

/** Its place in Incus's API. */
export function pathOf(name: string): string {
  return `/1.0/instances/${encodeURIComponent(name)}`;
}

/** The instance; undefined when there is none of that name. */
export async function findInstance(
  client: IncusClient,
  name: string,
  signal: AbortSignal | undefined,
): Promise<Instance | undefined> {
  return client.find(pathOf(name), instanceSchema, { signal });
}

/** Every instance of the project, ours or not. */
export async function allInstances(client: IncusClient, signal: AbortSignal | undefined): Promise<Instance[]> {
  return client.get("/1.0/instances?recursion=1", z.array(instanceSchema), { signal });
}

/**
 * Stops a machine in order, by force when it takes longer than `stopTimeoutSeconds` (default 30; 0: by force at once), and
 * deletes it. One that is gone already is fine.
 */
export async function deleteInstance(
  name: string,
  options: { readonly stopTimeoutSeconds?: number; readonly signal?: AbortSignal | undefined } = {},
  client = new IncusClient(),
): Promise<void> {
  const { signal } = options;
  const seconds = options.stopTimeoutSeconds ?? DEFAULT_STOP_SECONDS;
  const stop = async (force: boolean): Promise<void> => {
    await client.change(
      "PUT",
      `${pathOf(name)}/state`,
      force ? { action: "stop", force: true } : { action: "stop", timeout: Math.ceil(seconds) },
      { signal, timeoutMs: force ? 60_000 : (Math.ceil(seconds) + 15) * 1000 },
    );
  };
  const status = async (): Promise<string | undefined> => (await findInstance(client, name, signal))?.status;
  try {
    const found = await status();
    if (found !== undefined && found !== "Stopped" && seconds > 0) {
      try {
        await stop(false);
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof IncusError)) {
          throw error;
        }
        // It does not want to: by force, below.
      }
    }
    await remove(async () => {
      if ((await status()) !== "Stopped") {
        await stop(true);
      }
      await client.change("DELETE", pathOf(name), undefined, { signal });
    }, signal);
  } catch (error) {
    if (!isNotFound(error)) {
      throw error;
    }
  }
}

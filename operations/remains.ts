/** What stacks have in this machine's Incus, whether Pulumi's state knows it or not: data that outlives a site, and what was left half-made. */
import { z } from "zod";
import {
  collectGarbage,
  deleteInstance,
  deleteNetwork,
  deleteVolume,
  IncusClient,
  listInstances,
  listNetworks,
  listVolumes,
  sweepBakeries,
} from "../provider/incus";
import { OwnershipError } from "./errors";

/** The names of what a stack has in Incus. */
export interface Remains {
  readonly machines: readonly string[];
  /** The databases' data. */
  readonly volumes: readonly string[];
  readonly networks: readonly string[];
}

/** Something that is about to be deleted. */
export interface RemainsEvent {
  readonly kind: "machine" | "volume" | "network";
  readonly name: string;
}

const names = (list: readonly { readonly name: string }[]): string[] => list.map(({ name }) => name).sort();

/** Looks up what a stack has. */
export async function remainsOf(stack: string): Promise<Remains> {
  const [machines, volumes, networks] = await Promise.all([
    listInstances(stack),
    listVolumes(stack),
    listNetworks(stack),
  ]);
  return { machines: names(machines), volumes: names(volumes), networks: names(networks) };
}

/** Deletes what a stack has, machines first. @param listener hears of each before it goes */
export async function deleteRemains(remains: Remains, listener: (event: RemainsEvent) => void): Promise<void> {
  for (const name of remains.machines) {
    listener({ kind: "machine", name });
    await deleteInstance(name);
  }
  for (const name of remains.volumes) {
    listener({ kind: "volume", name });
    await deleteVolume(name);
  }
  for (const name of remains.networks) {
    listener({ kind: "network", name });
    await deleteNetwork(name);
  }
}

/** Deletes what no stack needs, and returns the machines and data volumes that stay in the Incus project, labelled or not. */
export async function sweepProject(): Promise<readonly string[]> {
  await collectGarbage();
  const [paths, volumes] = await Promise.all([
    new IncusClient().get("/1.0/instances", z.array(z.string())),
    listVolumes(),
  ]);
  const machines = paths.map((path) => path.split("/").at(-1)?.split("?")[0] ?? path);
  return [...machines.sort(), ...names(volumes)];
}

/**
 * Refuses to delete when machines carry the stack's name that its state does not know: another WEBINFRA_HOME may have a
 * stack of the same name, and its machines and data are not ours to delete. A machine that is not complete was left by a run that was killed.
 * @param known ids of the machines that the state knows, or has begun to make
 * @throws OwnershipError that names the machines
 */
export function checkOwnership(
  stack: string,
  known: ReadonlySet<unknown>,
  machines: readonly { readonly name: string; readonly complete: boolean }[],
  home: string,
): void {
  const foreign = machines.filter(({ name, complete }) => complete && !known.has(name)).map(({ name }) => name);
  if (foreign.length > 0) {
    throw new OwnershipError(
      `nothing was deleted: Incus has machines of a stack "${stack}" that the state in ${home} does not know ` +
        `(${foreign.join(", ")}). They belong to a stack of the same name under another WEBINFRA_HOME or backend: take it ` +
        `down from there, or delete them with \`incus delete --project webinfra --force ${foreign.join(" ")}\` when that state is lost`,
    );
  }
}

/** The machines in Incus, as whoever repairs what a killed run left needs them. */
export const machineStore = {
  /** A stack's machines; one that is not complete was being made. */
  list: (stack: string): ReturnType<typeof listInstances> => listInstances(stack),
  /** Deletes a machine, by force at once. */
  delete: (name: string): Promise<void> => deleteInstance(name, { stopTimeoutSeconds: 0 }),
  /** Deletes a machine that may be stopping: it stops in order first. */
  finishDeletion: (name: string): Promise<void> => deleteInstance(name),
  /** Deletes the machines that an image was being made with. */
  sweep: (): Promise<void> => sweepBakeries(),
};

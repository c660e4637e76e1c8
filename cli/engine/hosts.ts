/** What the state holds of hosts with data, held against what the configuration wants of them. */
import { z } from "zod";
import { UserError } from "../../core/errors";
import { isLocal } from "../../operations/platforms";
import { place } from "../../topology/place";
import { configOf } from "./configuration";
import { type OpenStack, platformOf, stateOnDisk } from "./stack";
import { type StackState, urnType } from "./state";

const machineSchema = z.object({
  host: z.string(),
  stack: z.string(),
  roles: z.array(z.string()),
  volumes: z.array(z.object({ name: z.string() })).min(1),
});
const volumeSchema = z.object({ host: z.string(), volume: z.string(), sizeGiB: z.number().optional() });

/** A host's data volume. */
export interface StateVolume {
  readonly urn: string;
  /** Incus's name of it. */
  readonly name: string;
  readonly sizeGiB: number | undefined;
  readonly protected: boolean;
}

/** A host that holds data. */
export interface DataHost {
  readonly host: string;
  readonly stack: string;
  readonly roles: readonly string[];
}

/** The hosts with data volumes that the state knows. */
export function dataHosts(state: StackState | undefined): readonly DataHost[] {
  return (state?.resources ?? []).flatMap(({ urn, outputs }) => {
    const found = machineSchema.safeParse(outputs);
    return urnType(urn) === "webinfra:incus:Machine" && found.success ? [found.data] : [];
  });
}

/** The data volumes of a host. */
export function volumesOf(state: StackState | undefined, host: string): readonly StateVolume[] {
  return (state?.resources ?? []).flatMap(({ urn, outputs, protect }) => {
    const found = volumeSchema.safeParse(outputs);
    return urnType(urn) === "webinfra:incus:Volume" && found.success && found.data.host === host
      ? [{ urn, name: found.data.volume, sizeGiB: found.data.sizeGiB, protected: protect === true }]
      : [];
  });
}

/**
 * Says before anything is made when a host that holds data, and keeps them, is to have other roles: no update gives it those.
 * @param replaced a host that gets them, because it is made anew
 * @throws UserError with the command that does it
 */
export async function checkRoles(open: OpenStack, replaced: string | undefined): Promise<void> {
  if (!isLocal(platformOf(open.settings))) {
    return;
  }
  const held = dataHosts(stateOnDisk(open)).filter(({ host }) => host !== replaced);
  if (held.length === 0) {
    return;
  }
  const { otherRoles } = await import("../../provider/incus/index.js");
  const wanted = new Map(place(configOf(open.settings)).hosts.map(({ name, roles }) => [name, roles]));
  const refusals = held.flatMap((one) => {
    const roles = wanted.get(one.host);
    // One that has no database any more holds no data either: it is another machine.
    return roles?.includes("database") === true ? (otherRoles(one, roles) ?? []) : [];
  });
  if (refusals.length > 0) {
    throw new UserError(`nothing was changed:\n${refusals.map((refusal) => `  - ${refusal}`).join("\n")}`);
  }
}

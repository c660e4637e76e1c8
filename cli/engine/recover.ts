/** What the next run does after one that was killed: clears a dead lock, deletes half-made machines, forgets half-done steps. */
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../core/errors";
import { isLocal } from "../../operations/platforms";
import type { Output } from "../terminal/output";
import { currentState, type OpenStack, platformOf } from "./stack";
import { type Lock, lockIsDead, readLocks, type StackState, urnType } from "./state";

/** How long to wait for a Pulumi whose command was killed to notice and end. */
const WAIT_MS = 15_000;

/** Our provider looks once a second whether its Pulumi still lives; until it has stopped, it may go on making machines. */
const PROVIDER_MS = 1_500;

const holderOf = ({ pid, username, hostname, timestamp }: Lock): string =>
  `process ${pid} of ${username} on ${hostname}, since ${timestamp}`;

/** The text for a lock that is held: whose it is and what to do. */
export function lockedText(stack: string, lock: Lock): string {
  return (
    `the stack "${stack}" is being changed by another run (${holderOf(lock)}); ` +
    `--wait waits until that ends. If it cannot be running any more, ` +
    `\`eval "$(webinfra env --stack ${stack})" && pulumi cancel --yes\` removes its lock`
  );
}

/** The machines that a killed run left: Incus has them, the state does not. */
export function leftovers(
  state: StackState,
  machines: readonly { readonly name: string; readonly complete: boolean }[],
): string[] {
  const known = new Set(state.resources.map((resource) => resource.id));
  const begun = new Set(state.pending.map(({ resource }) => resource.inputs?.["machine"]));
  return machines
    .filter(({ name, complete }) => !known.has(name) && (begun.has(name) || !complete))
    .map(({ name }) => name);
}

/** The machines whose deletion a killed run had begun: they may be stopping still, and what they are found to be would soon be wrong. */
export function begunDeletions(state: StackState): string[] {
  return state.pending.flatMap(({ type, resource: { urn, id } }) =>
    type === "deleting" && urnType(urn) === "webinfra:incus:Machine" && id !== undefined ? [id] : [],
  );
}

async function waitForLocks(open: OpenStack, output: Output, wait: boolean): Promise<boolean> {
  const { directory } = open.backend;
  if (directory === undefined) {
    return false;
  }
  const deadline = wait ? Infinity : Date.now() + WAIT_MS;
  let said = false;
  for (;;) {
    const locks = readLocks(directory, open.project, open.name);
    const held = locks.find((lock) => !lockIsDead(lock));
    if (held === undefined) {
      return locks.length > 0;
    }
    if (Date.now() > deadline) {
      throw new UserError(lockedText(open.name, held));
    }
    if (!said) {
      output.progress(
        `another run holds the stack "${open.name}" (${holderOf(held)}); waiting ${wait ? "until it ends" : `up to ${WAIT_MS / 1000} s`}`,
      );
      said = true;
    }
    open.interruption.check();
    await sleep(500);
  }
}

/** What a killed run may have left on a cloud: Pulumi forgets what it was making, so it has to be looked for there. */
export function orphanLines(stack: string, platform: string, state: StackState): readonly string[] {
  return state.pending
    .filter(({ type }) => type === "creating")
    .map(({ resource }) => {
      const [, , types = "", name = ""] = resource.urn.split("::");
      return (
        `an earlier run was killed while it made ${name} (${types.split("$").at(-1) ?? ""}): if it is on ${platform}, ` +
        `with the tags of stack ${stack}, delete it there, for this stack does not know it`
      );
    });
}

/**
 * Repairs what a killed run left, and says each thing that it does. Quick when there is nothing: no Pulumi process.
 * @param wait waits for another run, however long that takes
 * @throws UserError when another run is going on
 */
export async function recover(open: OpenStack, output: Output, wait = false): Promise<void> {
  const hadDeadLock = await waitForLocks(open, output, wait);
  if (hadDeadLock) {
    output.progress("an earlier run was killed: removing its lock");
    await open.stack.cancel();
  }
  const state = await currentState(open);
  if (!hadDeadLock && state.pending.length === 0) {
    return;
  }
  if (isLocal(platformOf(open.settings))) {
    await sleep(PROVIDER_MS);
    const { machineStore } = await import("../../operations/remains.js");
    for (const name of leftovers(state, await machineStore.list(open.name))) {
      output.progress(`an earlier run was killed: deleting ${name}, which it left half-made`);
      await machineStore.delete(name);
    }
    for (const name of begunDeletions(state)) {
      output.progress(`an earlier run was killed: deleting ${name}, which it had begun to`);
      await machineStore.finishDeletion(name);
    }
    await machineStore.sweep();
  } else {
    for (const line of orphanLines(open.name, platformOf(open.settings), state)) {
      output.problem(line);
    }
  }
  if (state.pending.length > 0) {
    output.progress("an earlier run was killed: comparing what it began with what there is");
    await open.stack.refresh({ clearPendingCreates: true });
  }
}

/** Resources that programs of before made, and no program makes any more: what stacks hold of them can be forgotten. */
import { z } from "zod";
import { type Resource, resource } from "./resource";

const anything = z.record(z.string(), z.unknown());

/**
 * A type whose resources were notes in the state alone: to delete one does nothing.
 * @param type its token, such as `webinfra:index:Definition`
 */
export function retired(type: string): Resource {
  const refuse = (): Promise<never> =>
    Promise.reject(new Error(`${type} is made no more: run the update with the webinfra of this provider`));
  return resource({
    inputs: anything,
    state: anything,
    stateVersion: 1,
    migrations: [],
    replaceOn: [],
    updateOn: [],
    create: refuse,
    read: (_id, current) => Promise.resolve(current),
    update: refuse,
    delete: () => Promise.resolve(),
  });
}

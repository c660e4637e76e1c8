/** A password, drawn once and kept in the state as a secret. */
import { randomInt, randomUUID } from "node:crypto";
import { z } from "zod";
import { passwordInputs } from "../inputs/secrets";
import { resource } from "../resource";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const DEFAULT_LENGTH = 32;

type Inputs = z.infer<typeof passwordInputs>;

const state = z.object({ ...passwordInputs.shape, result: z.string() });
type State = z.infer<typeof state>;

/** Letters and digits only: safe in every configuration file and URL without quoting. */
export function drawPassword(length: number): string {
  return Array.from({ length }, () => ALPHABET.charAt(randomInt(ALPHABET.length))).join("");
}

/** `webinfra:secrets:Password` */
export const password = resource<Inputs, State>({
  inputs: passwordInputs,
  state,
  stateVersion: 1,
  migrations: [],
  replaceOn: ["length"],
  updateOn: [],
  secrets: ["result"],
  create(given) {
    return Promise.resolve({
      id: randomUUID(),
      state: { ...given, result: drawPassword(given.length ?? DEFAULT_LENGTH) },
    });
  },
  read: (_id, current) => Promise.resolve(current),
  update: (_id, current, given) => Promise.resolve({ ...given, result: current.result }),
  delete: () => Promise.resolve(),
});

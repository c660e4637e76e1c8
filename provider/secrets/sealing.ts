/** Texts that one host alone can read, though all hosts may have them: age files, sealed to a key that is the host's own. */
import { randomUUID } from "node:crypto";
import { z } from "zod";
import { sealedInputs, sealingKeyInputs } from "../inputs/secrets";
import { resource } from "../resource";

/** An ECMAScript module, which this one cannot require. */
const age = () => import("age-encryption");

type KeyInputs = z.infer<typeof sealingKeyInputs>;

const keyState = z.object({ ...sealingKeyInputs.shape, identity: z.string(), recipient: z.string() });

/** `webinfra:secrets:SealingKey`: an X25519 identity of age, made once, and the recipient that belongs to it. */
export const sealingKey = resource<KeyInputs, z.infer<typeof keyState>>({
  inputs: sealingKeyInputs,
  state: keyState,
  stateVersion: 1,
  migrations: [],
  replaceOn: [],
  updateOn: [],
  secrets: ["identity"],
  async create() {
    const { generateX25519Identity, identityToRecipient } = await age();
    const identity = await generateX25519Identity();
    return { id: randomUUID(), state: { identity, recipient: await identityToRecipient(identity) } };
  },
  read: (_id, current) => Promise.resolve(current),
  update: (_id, current) => Promise.resolve(current),
  delete: () => Promise.resolve(),
});

type SealedInputs = z.infer<typeof sealedInputs>;

const sealedState = z.object({ ...sealedInputs.shape, sealed: z.string() });

/** An age file with armor, for this recipient alone. Another one each time. */
export async function seal(recipient: string, text: string): Promise<string> {
  const { armor, Encrypter } = await age();
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  return armor.encode(await encrypter.encrypt(text));
}

/** `webinfra:secrets:Sealed`: sealed once, and anew only when the text or who may read it changes. */
export const sealed = resource<SealedInputs, z.infer<typeof sealedState>>({
  inputs: sealedInputs,
  state: sealedState,
  stateVersion: 1,
  migrations: [],
  replaceOn: [],
  updateOn: ["recipient", "text"],
  secrets: ["text"],
  create: async (given) => ({
    id: randomUUID(),
    state: { ...given, sealed: await seal(given.recipient, given.text) },
  }),
  read: (_id, current) => Promise.resolve(current),
  update: async (_id, _current, given) => ({ ...given, sealed: await seal(given.recipient, given.text) }),
  delete: () => Promise.resolve(),
});

/** How our objects in Incus are named and labelled. */
import { createHash, randomInt } from "node:crypto";

/** Config keys that say whose an object is. */
export const LABEL_STACK = "user.webinfra.stack";
export const LABEL_HOST = "user.webinfra.host";
export const LABEL_ROLES = "user.webinfra.roles";
/** On a throw-away machine that an image is made of: the image's hash. */
export const LABEL_IMAGE = "user.webinfra.image";
/** "true" on a machine that once was up: without it, a machine is the leftover of an update that was killed. */
export const LABEL_COMPLETE = "user.webinfra.complete";

const LONGEST_STACK_PART = 22;

function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 6);
}

/** A stack's name as a part of host names: lower-case letters, digits and dashes, at most 22; changed names get a hash. */
export function stackSlug(stack: string): string {
  const slug = stack
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
  return slug === stack && slug.length <= LONGEST_STACK_PART
    ? slug
    : `${slug.slice(0, LONGEST_STACK_PART - 7).replace(/-$/, "")}-${shortHash(stack)}`;
}

/** The name of a stack's network: at most 15 characters, which is what Linux allows an interface. */
export function networkName(stack: string): string {
  return `webinfra-${shortHash(stack)}`;
}

/** The name of a host's data volume. @param volume one word, such as `data` */
export function volumeName(stack: string, host: string, volume: string): string {
  return `webinfra-${stackSlug(stack)}-${host}-${volume}`;
}

/** A new machine's name, never used before: it is the machine's id, too. */
export function newMachineName(stack: string, host: string): string {
  const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
  const random = Array.from({ length: 6 }, () => alphabet.charAt(randomInt(alphabet.length))).join("");
  return `webinfra-${stackSlug(stack)}-${host}-${random}`;
}

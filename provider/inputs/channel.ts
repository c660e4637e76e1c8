/** What the resources of the channel take. */
import { z } from "zod";

const KEY = /^[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/;

const key = z
  .string()
  .refine(
    (text) => KEY.test(text) && text !== "version",
    'must be a relative path of letters, digits, ".", "_" and "-", such as pointers/primary.json, and not "version"',
  );

const directory = z.string().startsWith("/", "must be the absolute path of a directory");

/** Inputs of `webinfra:channel:Object`. */
export const objectInputs = z.strictObject({
  /** The channel's directory on this computer. */
  directory,
  /** Path in the channel, such as pointers/primary.json. */
  key,
  /** The text. Every host can read it: no secrets. */
  content: z.string(),
});

/** Inputs of `webinfra:channel:Pointer`. */
export const pointerInputs = z.strictObject({
  /** The channel's directory on this computer. */
  directory,
  /** Path in the channel, such as pointers/primary.json. */
  key,
  /** The text that it has at first; changes of it do nothing. Every host can read it: no secrets. */
  content: z.string(),
});

/** Inputs of `webinfra:channel:File`. */
export const fileInputs = z.strictObject({
  /** The channel's directory on this computer. */
  directory,
  /** Path in the channel, such as releases/<sha256>.tar.gz. */
  key,
  /** The file to copy. */
  source: z.string().min(1),
  /** SHA-256 that it must have, in lower-case hexadecimal. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in 64 lower-case hexadecimal digits"),
});

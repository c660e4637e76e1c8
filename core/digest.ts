import { createHash } from "node:crypto";

/** SHA-256 in lower-case hexadecimal. One-way: that of a text full of random secrets may be shown. */
export const digest = (text: string): string => createHash("sha256").update(text).digest("hex");

/** The beginning of a digest in hexadecimal: so much tells those that people meet apart. */
export const shortDigest = (sha256: string): string => sha256.slice(0, 12);

import { createHash } from "node:crypto";

/** SHA-256 in lower-case hexadecimal. One-way: that of a text full of random secrets may be shown. */
export const digest = (text: string): string => createHash("sha256").update(text).digest("hex");

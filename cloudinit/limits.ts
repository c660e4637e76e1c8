import { gzipSync } from "fflate";

/** How a platform takes user-data, and how much of it. */
export interface UserDataFormat {
  /** The text that the platform's API gets. */
  readonly encode: (userData: string) => string;
  /** Bytes that count against the limit. */
  readonly size: (userData: string) => number;
  /** Most bytes that the platform takes. */
  readonly limit: number;
  /** What is counted, for people. */
  readonly unit: string;
}

/** Gzip by a pinned pure-JavaScript compressor, so that the bytes never depend on Node: others would replace every host. */
const compressed = (userData: string): Uint8Array =>
  gzipSync(new TextEncoder().encode(userData), { level: 9, mtime: 0 });

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

/** cloud-init takes gzip in base64 only as a part of a MIME message; bare base64 it takes for text. */
const mime = (userData: string): string =>
  [
    'Content-Type: multipart/mixed; boundary="webinfra"',
    "MIME-Version: 1.0",
    "",
    "--webinfra",
    "Content-Type: application/gzip",
    "Content-Transfer-Encoding: base64",
    "",
    ...(base64(compressed(userData)).match(/.{1,76}/g) ?? []),
    "",
    "--webinfra--",
    "",
  ].join("\n");

const gzip = (userData: string): number => compressed(userData).length;

/**
 * By platform. AWS takes 16 KiB before base64 (EC2 user guide, "Run commands when you launch an EC2 instance"), DigitalOcean 64 KiB (API reference,
 * `user_data`). Incus has no limit and is held to that of AWS, so that a site that runs on a laptop fits everywhere.
 */
export const userDataFormats: Readonly<Record<"incus" | "aws" | "digitalocean", UserDataFormat>> = {
  incus: { encode: (userData) => userData, size: gzip, limit: 16 * 1024, unit: "bytes compressed" },
  aws: { encode: (userData) => base64(compressed(userData)), size: gzip, limit: 16 * 1024, unit: "bytes compressed" },
  digitalocean: {
    encode: mime,
    size: (userData) => Buffer.byteLength(mime(userData)),
    limit: 64 * 1024,
    unit: "bytes as a MIME message",
  },
};

import { gzipSync } from "fflate";

/** How a platform takes user-data, and how much of it. */
export interface UserDataFormat {
  /** The text that the platform's API gets. */
  readonly encode: (userData: string) => string;
  /** Bytes that count against the limit. @param room bytes that are yet to come and do not compress */
  readonly size: (userData: string, room?: number) => number;
  /** Most bytes that the platform takes. */
  readonly limit: number;
  /** What is counted, for people. */
  readonly unit: string;
}

/** Gzip by a pinned pure-JavaScript compressor, so that the bytes never depend on Node: others would replace every host. */
const compressed = (userData: string): Uint8Array =>
  gzipSync(new TextEncoder().encode(userData), { level: 9, mtime: 0 });

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

/** Characters of a line in base64 (RFC 2045). */
const lineLength = 76;

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
    ...(base64(compressed(userData)).match(new RegExp(`.{1,${String(lineLength)}}`, "g")) ?? []),
    "",
    "--webinfra--",
    "",
  ].join("\n");

/** Characters that so many more bytes take in base64, with their line ends. */
const inBase64 = (bytes: number): number => Math.ceil(((bytes * 4) / 3) * (1 + 1 / lineLength));

const counted = {
  size: (userData: string, room = 0): number => compressed(userData).length + room,
  unit: "bytes compressed",
};

/** As it is; counted as gzip, so that what fits here fits where that is sent. */
export const plainUserData = (limit: number): UserDataFormat => ({ encode: (userData) => userData, limit, ...counted });

/** Gzip in base64, of which the gzip counts. */
export const gzipUserData = (limit: number): UserDataFormat => ({
  encode: (userData) => base64(compressed(userData)),
  limit,
  ...counted,
});

/** Gzip in a MIME message, all of which counts. */
export const mimeUserData = (limit: number): UserDataFormat => ({
  encode: mime,
  size: (userData, room = 0) => Buffer.byteLength(mime(userData)) + inBase64(room),
  limit,
  unit: "bytes as a MIME message",
});

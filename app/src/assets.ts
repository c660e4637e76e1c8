import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";

/** A file that is served as it is. */
export interface Asset {
  readonly body: Buffer;
  readonly contentType: string;
  /** Quoted entity tag, from the content. */
  readonly etag: string;
  /** Address with the content's hash in it, e.g. `/static/style.css?v=0123456789`. */
  readonly address: string;
}

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
};

/**
 * Reads a folder's files into memory. Only these names are ever served, so no request reaches the file system.
 *
 * @returns the assets by path, e.g. `/static/style.css`
 */
export function loadAssets(folder: string): ReadonlyMap<string, Asset> {
  return new Map(
    readdirSync(folder).map((name) => {
      const path = `/static/${name}`;
      const body = readFileSync(join(folder, name));
      const hash = createHash("sha256").update(body).digest("hex").slice(0, 10);
      const contentType = TYPES[extname(name)] ?? "application/octet-stream";
      return [path, { body, contentType, etag: `"${hash}"`, address: `${path}?v=${hash}` }];
    }),
  );
}

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { gzipSync } from "fflate";
import { create } from "tar";
import { ConfigError } from "../core/config-error";
import { Archive } from "../platforms/contract";

/** Every file and link below `folder`, in an order that does not depend on the file system. */
function entriesOf(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

/**
 * The bytes of a tar archive that depend on names, content and "can be run" alone: no owner, no time, and everybody on the host may read, whatever this
 * user's umask is.
 */
function tarOf(folder: string, entries: readonly string[]): Uint8Array {
  const packed = create(
    {
      sync: true,
      cwd: folder,
      portable: true,
      mtime: new Date(0),
      follow: false,
      onWriteEntry: ({ stat }) => {
        if (stat) {
          stat.mode = (stat.mode & ~0o777) | (stat.mode & 0o100 ? 0o755 : 0o644);
        }
      },
    },
    // A name that begins with "@" would be read as an archive.
    entries.map((entry) => (entry.startsWith("@") ? `./${entry}` : entry)),
  );
  return packed.read() ?? new Uint8Array();
}

/** Packs files into `cache`, once for each content. */
function pack(folder: string, entries: readonly string[], cache: string): Archive {
  const archive = gzipSync(tarOf(folder, entries), { level: 9, mtime: 0 });
  const sha256 = createHash("sha256").update(archive).digest("hex");
  const path = join(cache, `${sha256}.tar.gz`);
  if (!existsSync(path)) {
    mkdirSync(cache, { recursive: true, mode: 0o700 });
    const fresh = `${path}.${String(process.pid)}`;
    writeFileSync(fresh, archive);
    renameSync(fresh, path);
  }
  return { sha256, path };
}

/**
 * Packs the application's folder into `cache`, once for each content.
 * @throws ConfigError when the folder is missing or empty
 */
export function packRelease(directory: string, root: string, cache: string): Archive {
  const folder = resolve(root, directory);
  const problem = (what: string) => new ConfigError([`webinfra:app.directory is "${directory}": ${what}`]);
  if (!existsSync(folder) || !statSync(folder).isDirectory()) {
    const build =
      directory === "app/dist"
        ? "run npm run build:app, which makes it"
        : "should be a folder with the application's files";
    throw problem(`there is no such folder at ${folder}: ${build}`);
  }
  const entries = entriesOf(folder);
  if (entries.length === 0) {
    throw problem("the folder is empty: should hold the application's files");
  }
  return pack(folder, entries, cache);
}

/** The scripts of hosts that come with their programs; the others have to be there before, and come with user-data. */
const programScripts = ["webinfra-host", "bootstrap/drain"] as const;

/** Packs the programs that hosts fetch from the channel, from `host/`, into `cache`. */
export function packPrograms(root: string, cache: string): Archive {
  const modules = entriesOf(join(root, "host", "webinfra"))
    .filter((entry) => entry.endsWith(".py"))
    .map((entry) => `webinfra/${entry}`);
  return pack(join(root, "host"), [...programScripts, ...modules].sort(), cache);
}

/** Checks of this machine: what webinfra itself needs. Each takes facts and judges them; nothing is looked up here. */
import type { BakedImage } from "../../provider/incus";
import { type IncusErrorKind, PROJECT } from "../../provider/incus/client";
import { counted } from "../../core/words";
import type { PlainPulumi } from "../engine/pulumi";
import { type Outcome, ok, problem, skipped } from "./check";

const SETUP = "run `npm run setup`";

/** @param version such as 24.1.0 @param range package.json's `engines.node`, such as >=22.9.0 */
export function judgeNode(version: string, range: string): Outcome {
  const least = /\d[\d.]*/.exec(range)?.[0] ?? "0";
  return version.localeCompare(least, "en", { numeric: true }) >= 0
    ? ok(version)
    : problem(
        `${version} runs this, and webinfra needs ${least} or newer`,
        `${SETUP}, which brings one with the dependencies, and start the command as \`./webinfra\``,
      );
}

/** Versions by the place in node_modules, as npm's lock files list them. */
export type LockedPackages = Readonly<
  Record<string, { readonly version?: string | undefined; readonly optional?: boolean | undefined }>
>;

/** @param installed npm's own list in node_modules; undefined when there is none */
export function judgeDependencies(wanted: LockedPackages, installed: LockedPackages | undefined): Outcome {
  if (installed === undefined) {
    return problem("they are not installed", "run `npm ci`");
  }
  const places = Object.entries(wanted).filter(([place]) => place !== "");
  const differing = places.filter(([place, { version, optional }]) => {
    const found = installed[place];
    // npm leaves out optional packages that are for other systems.
    return found === undefined ? optional !== true : found.version !== version;
  });
  if (differing.length === 0) {
    return ok(`${counted(places.length, "package")}, as the lock file says`);
  }
  const names = differing.slice(0, 3).map(([place, { version }]) => {
    const found = installed[place]?.version;
    return `${place.replace(/^.*node_modules\//, "")} is ${found ?? "missing"} and should be ${version ?? "there"}`;
  });
  const more = differing.length > names.length ? `, and ${String(differing.length - names.length)} more` : "";
  return problem(`they differ from package-lock.json: ${names.join("; ")}${more}`, "run `npm ci`");
}

/** @param found the CLI's version, such as 3.200.0; undefined when there is none */
export function judgePulumi(found: string | undefined, wanted: string): Outcome {
  if (found === undefined) {
    return problem("it is not installed", SETUP);
  }
  return found === wanted
    ? ok(found)
    : problem(`it is ${found}, and the SDK that the program uses is ${wanted}`, `${SETUP}, which installs ${wanted}`);
}

/**
 * Judges whether plain `pulumi` can run the program, too.
 * @param plain undefined when there is no Pulumi CLI
 * @param executable whether our own language host is there and may be run
 */
export function judgePlainPulumi(
  stack: string,
  plain: Pick<PlainPulumi, "ownLanguageHost"> | undefined,
  executable: boolean,
): Outcome {
  if (plain === undefined) {
    return skipped("there is no Pulumi CLI");
  }
  const how = `works after \`eval "$(webinfra env --stack ${stack})"\``;
  if (!plain.ownLanguageHost) {
    return ok(`${how}, with Pulumi's own language host`);
  }
  return executable
    ? ok(`${how}, with the language host of this repository: this CLI was built without Pulumi's own`)
    : problem(
        "this Pulumi CLI was built without a language host, and language/bin/pulumi-language-nodejs is missing or may not be executed",
        "restore it: `git checkout -- language`, `chmod +x language/bin/pulumi-language-nodejs`",
      );
}

/** @param executable whether the plugin's program is there and may be run @param named whether Pulumi.yaml names it */
export function judgePlugin(path: string, executable: boolean, named: boolean): Outcome {
  if (!executable) {
    return problem(
      `${path} is missing or may not be executed`,
      `restore it: \`git checkout -- provider\`, \`chmod +x ${path}\``,
    );
  }
  return named
    ? ok(path)
    : problem("Pulumi.yaml does not name it", "restore `plugins.providers` there: `git checkout -- Pulumi.yaml`");
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, "0");
}

/** @param mode the folder's mode; undefined when there is no folder yet */
export function judgeHome(home: string, mode: number | undefined): Outcome {
  if (mode === undefined) {
    return ok(`${home} is made by the first \`webinfra up\``);
  }
  return (mode & 0o077) === 0
    ? ok(`${home} is yours alone`)
    : problem(`${home} has the mode ${octal(mode)}: other users of this machine can look into it`, `chmod 700 ${home}`);
}

/** What is known of the file with the passphrase. */
export interface PassphraseFacts {
  readonly file: string;
  /** Undefined when there is no such file. */
  readonly mode: number | undefined;
  /** Whether webinfra's own state folder is in use, with its own passphrase. */
  readonly used: boolean;
  /** Whether the state folder has stacks, whose secrets are encrypted with it. */
  readonly stacks: boolean;
}

export function judgePassphrase({ file, mode, used, stacks }: PassphraseFacts): Outcome {
  if (!used) {
    return skipped("your own backend or passphrase is in use");
  }
  if (mode === undefined) {
    return stacks
      ? problem(
          `${file} is missing, and the secrets of the stacks in the state folder were encrypted with it`,
          "put the file back from a copy; without it, move the state folder away and start anew",
        )
      : ok("made by the first `webinfra up`");
  }
  return (mode & 0o077) === 0
    ? ok(`${file} is yours alone`)
    : problem(`${file} has the mode ${octal(mode)}: other users of this machine can read it`, `chmod 600 ${file}`);
}

/** Why Incus did not answer. */
export function judgeIncusError(kind: IncusErrorKind, message: string, socket: string): Outcome {
  switch (kind) {
    case "absent":
      return problem(
        `nothing answers at ${socket}: it is not installed, or does not run`,
        `${SETUP}; or start its service: \`sudo systemctl start incus\``,
      );
    case "denied":
      return problem(
        `this user may not use it at ${socket}`,
        "join its group: `sudo usermod -aG incus-admin $USER`, and log in again",
      );
    default:
      return problem(message, "look at its log: `journalctl -u incus`; restart it: `sudo systemctl restart incus`");
  }
}

/** @param version the server's, such as 6.0.4 */
export function judgeIncus(version: string): Outcome {
  return Number(version.split(".")[0]) >= 6
    ? ok(`version ${version}`)
    : problem(
        `its version is ${version}, and webinfra needs 6.0 or newer`,
        "upgrade Incus with your system's packages",
      );
}

const neededFeatures = {
  "features.images": "true",
  "features.profiles": "true",
  "features.storage.volumes": "true",
  "features.networks": "false",
} as const;

/** @param config the project's configuration; undefined when there is no such project */
export function judgeProject(name: string, config: Readonly<Record<string, string>> | undefined): Outcome {
  if (config === undefined) {
    return problem(`there is no project "${name}"`, SETUP);
  }
  const wrong = Object.entries(neededFeatures).filter(([key, value]) => (config[key] ?? "false") !== value);
  return wrong.length === 0
    ? ok(name)
    : problem(
        `the project "${name}" was made by somebody else: ${wrong.map(([key]) => `${key} is ${config[key] ?? "not set"}`).join(", ")}`,
        `set them while the project is empty: ${wrong.map(([key, value]) => `\`incus project set ${name} ${key}=${value}\``).join(", ")}`,
      );
}

/** @param driver the pool's; undefined when there is no such pool */
export function judgePool(name: string, driver: string | undefined): Outcome {
  return driver === undefined ? problem(`there is no storage pool "${name}"`, SETUP) : ok(`${name} (${driver})`);
}

/** @param recipe what the image was made from; undefined when there is no image @param wanted the recipe of this checkout */
export function judgeImage(alias: string, recipe: string | undefined, wanted: string): Outcome {
  if (recipe === undefined) {
    return problem(`there is no image "${alias}"`, SETUP);
  }
  return recipe === wanted
    ? ok(alias)
    : problem(`the image "${alias}" was made by an older recipe than this checkout's`, `${SETUP}, which makes it anew`);
}

/** What is known of the images that hold packages. */
export interface BakedFacts {
  readonly images: readonly BakedImage[];
  /** Those among them that no machine will be made from any more. */
  readonly useless: readonly BakedImage[];
}

export function judgeBakedImages({ images, useless }: BakedFacts): Outcome {
  const size = (some: readonly BakedImage[]): string => gibibytes(some.reduce((sum, { bytes }) => sum + bytes, 0));
  const all = images.length === 0 ? "made by `webinfra up`" : `${String(images.length)} with packages, ${size(images)}`;
  return ok(
    useless.length === 0
      ? all
      : `${all}; ${String(useless.length)} of no use any more, ${size(useless)}: \`webinfra up\` deletes them when it makes the next, ` +
          `\`incus image delete ${useless.map(({ fingerprint }) => fingerprint.slice(0, 12)).join(" ")} --project ${PROJECT}\` now`,
  );
}

/** A machine's root and data in the pool: what a database host has after its set-up, rounded up. */
const DISK_BYTES_A_HOST = 2 ** 30;
/** What the system and the services of a host take beside MySQL's buffers, rounded up. */
const MEMORY_BYTES_A_HOST = 256 * 2 ** 20;

/** What is still to be made of a stack. */
export interface Needs {
  /** Hosts that have no running machine yet. */
  readonly hosts: number;
  /** Those among them with a database. */
  readonly databases: number;
  /** Memory that each database plans with, in bytes. */
  readonly databaseBytes: number;
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}

/** @param free bytes that the storage pool can still take */
export function judgeDisk(free: number, { hosts }: Needs): Outcome {
  const needed = hosts * DISK_BYTES_A_HOST;
  return free >= needed
    ? ok(`${gibibytes(free)} free`)
    : problem(
        `${gibibytes(free)} free, and ${counted(hosts, "more host")} may take ${gibibytes(needed)}`,
        "free some: `incus list --all-projects` and `incus storage info webinfra` show what takes it; " +
          "or ask for fewer hosts (webinfra:web, webinfra:replicas)",
      );
}

/** @param free bytes of memory that programs can still get */
export function judgeMemory(free: number, { hosts, databases, databaseBytes }: Needs): Outcome {
  const needed = hosts * MEMORY_BYTES_A_HOST + databases * databaseBytes;
  return free >= needed
    ? ok(`${gibibytes(free)} free`)
    : problem(
        `${gibibytes(free)} free, and ${counted(hosts, "more host")} may take ${gibibytes(needed)}`,
        "end other programs, or ask for less: fewer hosts (webinfra:web, webinfra:replicas), less webinfra:mysql.memoryMiB",
      );
}

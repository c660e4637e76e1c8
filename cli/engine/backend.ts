/** Where Pulumi keeps its state: the user's own login when there is one, else a folder under WEBINFRA_HOME. */
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parse } from "yaml";
import { z } from "zod";
import { webinfraHome } from "../../config/home";
import { UserError } from "../../core/errors";

/** Environment variables, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The state's place and what Pulumi needs in its environment to use it. */
export interface Backend {
  /** `own`: the state folder of webinfra. `user`: chosen by the user (a login, a variable, or Pulumi.yaml). */
  readonly kind: "own" | "user";
  /** What Pulumi calls the backend's URL. */
  readonly url: string;
  /** Where the choice comes from, in words. */
  readonly reason: string;
  /** Variables to add to Pulumi's environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** The state's folder when it is on this machine's disk. */
  readonly directory?: string;
}

/** The file that holds the generated passphrase. */
export function passphraseFile(home: string): string {
  return join(home, "passphrase");
}

function ownUrl(home: string): string {
  return pathToFileURL(join(home, "state")).href;
}

const credentialsSchema = z.object({ current: z.string().optional() });
const projectSchema = z.object({ backend: z.object({ url: z.string().optional() }).optional() });

function currentLogin(environment: Environment): { readonly url: string; readonly file: string } | undefined {
  const directory = environment["PULUMI_CREDENTIALS_PATH"] ?? environment["PULUMI_HOME"] ?? join(homedir(), ".pulumi");
  const file = join(directory, "credentials.json");
  if (!existsSync(file)) {
    return undefined;
  }
  let credentials;
  try {
    credentials = credentialsSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    throw new UserError(`Pulumi's ${file} cannot be read as JSON: mend it, or remove it and log in again`);
  }
  return credentials.current ? { url: credentials.current, file } : undefined;
}

function projectBackend(root: string): string | undefined {
  const file = join(root, "Pulumi.yaml");
  if (!existsSync(file)) {
    return undefined;
  }
  const project: unknown = parse(readFileSync(file, "utf8"));
  return projectSchema.safeParse(project).data?.backend?.url;
}

function userUrl(
  environment: Environment,
  root: string,
): { readonly url: string; readonly reason: string } | undefined {
  const variable = environment["PULUMI_BACKEND_URL"];
  if (variable) {
    return { url: variable, reason: "PULUMI_BACKEND_URL" };
  }
  const project = projectBackend(root);
  if (project) {
    return { url: project, reason: "backend.url in Pulumi.yaml" };
  }
  const login = currentLogin(environment);
  return login && { url: login.url, reason: `the login in ${login.file}` };
}

/** The local folder of a file backend's URL; undefined for every other kind. */
export function stateDirectory(url: string): string | undefined {
  if (!url.startsWith("file://")) {
    return undefined;
  }
  const rest = url.slice("file://".length);
  if (rest.startsWith("~")) {
    return join(homedir(), rest.slice(1));
  }
  return rest.startsWith("/") ? fileURLToPath(url.split("?")[0] ?? url) : resolve(rest);
}

/**
 * Chooses the backend. An existing choice of the user wins, in Pulumi's own order: PULUMI_BACKEND_URL, `backend.url` in
 * Pulumi.yaml, the current login. The state folder of webinfra counts as no choice, so that a shell which has the
 * variables of `webinfra env` behaves like any other.
 * @param root the repository
 */
export function chooseBackend(environment: Environment, root: string): Backend {
  const home = webinfraHome(environment);
  const url = ownUrl(home);
  const chosen = userUrl(environment, root);
  if (chosen && chosen.url !== url) {
    const directory = stateDirectory(chosen.url);
    return {
      kind: "user",
      url: chosen.url,
      reason: chosen.reason,
      environment: {},
      ...(directory === undefined ? {} : { directory }),
    };
  }
  const passphraseGiven =
    environment["PULUMI_CONFIG_PASSPHRASE"] !== undefined || environment["PULUMI_CONFIG_PASSPHRASE_FILE"];
  return {
    kind: "own",
    url,
    reason: "no Pulumi login or backend is set",
    directory: join(home, "state"),
    environment: {
      PULUMI_BACKEND_URL: url,
      ...(passphraseGiven ? {} : { PULUMI_CONFIG_PASSPHRASE_FILE: passphraseFile(home) }),
    },
  };
}

/**
 * Makes WEBINFRA_HOME (0700) and, for the own backend, the state folder and the passphrase (0600, generated once). A
 * passphrase that is lost makes the state's secrets unreadable, so it is never written over.
 */
export function prepareHome(home: string, backend: Backend): void {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  chmodSync(home, 0o700);
  if (backend.kind !== "own") {
    return;
  }
  mkdirSync(join(home, "state"), { recursive: true, mode: 0o700 });
  if (backend.environment["PULUMI_CONFIG_PASSPHRASE_FILE"] === undefined) {
    return;
  }
  const file = passphraseFile(home);
  if (existsSync(file)) {
    return;
  }
  if (existsSync(join(home, "state", ".pulumi", "stacks"))) {
    throw new UserError(
      `${file} is missing, but ${join(home, "state")} holds stacks whose secrets were encrypted with it; ` +
        "put the file back, or move the state folder away to start anew",
    );
  }
  writeFileSync(file, `${randomBytes(32).toString("base64url")}\n`, { mode: 0o600, flag: "wx" });
}

import { stringify } from "yaml";
import { isPublic, Secret, secretId, SecretTexts } from "../core/secret";
import { describe, installations, render } from "../roles";
import {
  Description,
  HostContext,
  HostFile,
  HostPlace,
  Installation,
  Parts,
  phases,
  Placement,
  Step,
} from "../services/contract";
import { command, scriptPath } from "../services/parts/units";
import { hostName, TopologyHost } from "../topology/types";

/** Two services of one host want what only one can have. */
export class PlacementConflict extends Error {
  override readonly name = "PlacementConflict";
}

/** A host, and what first boot has to know of it beside what its services do. */
export interface HostDefinition extends Placement {
  readonly host: TopologyHost;
  /** The key that logs in. Undefined: nobody does. */
  readonly sshPublicKey: string | undefined;
}

/** Each path once; two services may ask for the very same file. */
function mergeFiles(host: string, wanted: readonly HostFile[]): readonly HostFile[] {
  const files = new Map<string, HostFile>();
  for (const file of wanted) {
    const other = files.get(file.path);
    if (other && (other.content !== file.content || other.mode !== file.mode)) {
      throw new PlacementConflict(
        `${host}: two of its roles want different content at ${file.path}: place them on different hosts`,
      );
    }
    files.set(file.path, file);
  }
  return [...files.values()];
}

/** @throws PlacementConflict when two services want one port */
export function checkPorts(host: string, ports: Required<Description>["ports"]): void {
  const taken = new Map<number, string>();
  for (const port of ports) {
    const other = taken.get(port.port);
    if (other !== undefined) {
      throw new PlacementConflict(
        `${host}: port ${String(port.port)} is wanted twice, for "${other}" and for "${port.description}": place those roles on different hosts`,
      );
    }
    taken.set(port.port, port.description);
  }
}

/** A script that tells in its second line what it does. */
function tells(doing: string, script: string): string {
  const [interpreter = "", ...rest] = script.split("\n");
  return [interpreter, `# ${doing}`, ...rest].join("\n");
}

/** A step's script as a file. Steps run in the order of their names, which is that of the phases. */
function stepFile({ phase, name, doing, script }: Step): HostFile {
  return {
    path: `/usr/local/lib/webinfra/steps.d/${String(phases.indexOf(phase)).padStart(2, "0")}-${name}`,
    content: tells(doing, script),
    mode: "0755",
  };
}

/**
 * Files of a host, in the order of their paths: each path once, steps and the list of packages among them.
 * @throws PlacementConflict when two services want different content at one path
 */
export function mergeParts(
  host: string,
  parts: readonly Partial<Parts>[],
  packages: readonly string[],
): readonly HostFile[] {
  const wanted = [
    ...parts.flatMap(({ files = [] }) => files),
    ...parts.flatMap(({ steps = [] }) => steps).map(stepFile),
    {
      path: "/etc/webinfra/packages",
      content: [...new Set(packages)]
        .sort()
        .map((name) => `${name}\n`)
        .join(""),
      mode: "0644" as const,
    },
  ];
  return [...mergeFiles(host, wanted)].sort((a, b) => (a.path < b.path ? -1 : 1));
}

const packagesOf = (wanted: readonly Installation[]): readonly string[] =>
  wanted.flatMap(({ packages = [] }) => packages);
const installed = (wanted: readonly Installation[]): readonly Partial<Parts>[] => wanted.map(({ both = {} }) => both);

/** A host's files. */
function filesOf(
  definition: HostDefinition,
  place: HostPlace,
  secretsSha256: string,
  text: (secret: Secret) => string,
): readonly HostFile[] {
  const context: HostContext = { ...definition, place, secretsSha256, described: describe(definition) };
  const wanted = installations(definition);
  return mergeParts(definition.host.name, [...installed(wanted), ...render(context, text)], packagesOf(wanted));
}

/** The text of a secret. @throws Error when there is none, which is a fault of the program */
export function textIn(texts: SecretTexts, secret: Secret): string {
  const text = texts[secretId(secret)];
  if (text === undefined) {
    throw new Error(`nothing made the secret "${secretId(secret)}"`);
  }
  return text;
}

/** A file as cloud-init writes it. */
const written = ({ path, mode, content }: HostFile) => ({ path, permissions: mode, content });

/** The texts of secrets, as a host gets them. */
export interface HostSecrets {
  readonly texts: SecretTexts;
  /** SHA-256 of {@link secretsText}, where it comes through the channel; empty elsewhere. */
  readonly sha256: string;
}

/** All files of a host, secret ones among them, in the order of their paths. */
export const hostFiles = (
  definition: HostDefinition,
  place: HostPlace,
  { texts, sha256 }: HostSecrets,
): readonly HostFile[] => filesOf(definition, place, sha256, (secret) => textIn(texts, secret));

/** Files as a JSON list of `{path, content, mode}`, which hosts write as it says. */
const listText = (files: readonly HostFile[]): string =>
  JSON.stringify(files.map(({ path, content, mode }) => ({ path, content, mode })));

/** The host's secret files, for the channel. They are the same wherever it stands. */
export const secretsText = (definition: HostDefinition, place: HostPlace, texts: SecretTexts): string =>
  listText(hostFiles(definition, place, { texts, sha256: "" }).filter(({ secret }) => secret === true));

/**
 * What a host is: its configuration, units and steps, for the channel, which all hosts can read: it holds no secret.
 * @throws PlacementConflict when two services want different content at one path, or one port
 */
export function definitionText(definition: HostDefinition, place: HostPlace, { texts, sha256 }: HostSecrets): string {
  checkPorts(definition.host.name, describe(definition).ports);
  const files = filesOf(definition, place, sha256, (secret) => (isPublic(secret) ? textIn(texts, secret) : ""));
  return listText(files.filter(({ secret, boot }) => secret !== true && boot !== true));
}

/** Key of a host's definition in the channel, which is named by what it holds. */
export const definitionKey = (host: string, sha256: string): string => `definitions/${host}/${sha256}.json`;

/** The script that fetches the definition before anything else is done. */
const definitionScript = (host: string, sha256: string, { channel }: HostPlace): string =>
  tells(
    "fetching what this host is",
    command(
      scriptPath("define"),
      definitionKey(host, sha256),
      sha256,
      ...(channel.type === "directory" ? [channel.path] : []),
    ),
  );

/**
 * One host's `#cloud-config`: what has to be there before the channel can be reached, and secret files where they do not go through the channel. It
 * starts one unit without waiting for it: packages are that unit's work, because cloud-init never tries again.
 * @param definitionSha256 SHA-256 of {@link definitionText}: a host that is defined otherwise is another machine
 */
export function cloudConfig(
  definition: HostDefinition,
  place: HostPlace,
  secrets: HostSecrets,
  definitionSha256: string,
): string {
  const { host, traits, sshPublicKey } = definition;
  const sent = hostFiles(definition, place, secrets).filter(
    ({ boot, secret }) => boot === true || (secret === true && traits.secretsThrough === "user-data"),
  );
  const fetch: HostFile = {
    path: scriptPath("definition"),
    content: definitionScript(host.name, definitionSha256, place),
    mode: "0755",
  };
  const document = {
    hostname: host.name,
    fqdn: hostName(host.name),
    prefer_fqdn_over_hostname: false,
    manage_etc_hosts: false,
    ssh_pwauth: false,
    disable_root: true,
    ...(sshPublicKey !== undefined && { ssh_authorized_keys: [sshPublicKey] }),
    write_files: [...sent, fetch].map(written),
    runcmd: [
      ["install", "-d", "-m", "0700", "/etc/webinfra/secrets"],
      ["systemctl", "--no-reload", "enable", "webinfra-converge.service"],
      ["systemctl", "start", "--no-block", "webinfra-converge.service"],
    ],
  };
  return `#cloud-config\n${stringify(document, { lineWidth: 0 })}`;
}

/**
 * The `#cloud-config` of a throw-away machine that installs the packages of all these hosts, by the steps that hosts take themselves, and then removes
 * what must not be shared. Once its converge is done, an image can be made of it. It follows from packages, their sources and those steps alone, and
 * holds no secret: hosts that want the same get the same text.
 */
export function imageConfig(hosts: readonly Placement[]): string {
  const wanted = hosts.flatMap(installations);
  const parts = [...installed(wanted), ...wanted.map(({ image = {} }) => image)];
  const document = {
    write_files: mergeParts("image", parts, packagesOf(wanted)).map(written),
    runcmd: [
      ["systemctl", "daemon-reload"],
      ["systemctl", "start", "--no-block", "webinfra-converge.service"],
    ],
  };
  return `#cloud-config\n${stringify(document, { lineWidth: 0 })}`;
}

import { stringify } from "yaml";
import { HostFile, HostView, RoleParts, Where } from "../roles/types";
import { partsOf } from "../roles";
import { hostName } from "../topology/types";

/** Two roles of one host want what only one can have. */
export class PlacementConflict extends Error {
  override readonly name = "PlacementConflict";
}

/** Each path once; two parts may ask for the very same file. */
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

function checkPorts(host: string, parts: readonly RoleParts[]): void {
  const taken = new Map<number, string>();
  for (const port of parts.flatMap((part) => part.ports)) {
    const other = taken.get(port.port);
    if (other !== undefined) {
      throw new PlacementConflict(
        `${host}: port ${String(port.port)} is wanted twice, for "${other}" and for "${port.description}": place those roles on different hosts`,
      );
    }
    taken.set(port.port, port.description);
  }
}

/** The scripts of all parts as files; their order is the order of their names. */
const stepFiles = (parts: readonly RoleParts[]): readonly HostFile[] =>
  parts
    .flatMap((part) => part.steps)
    .map((step) => ({
      path: `/usr/local/lib/webinfra/steps.d/${step.name}`,
      content: step.script,
      mode: "0755" as const,
    }));

const partsAt = (parts: readonly RoleParts[], place: "host" | "image"): readonly RoleParts[] => {
  const wanted = ({ where = "host" }: { readonly where?: Where }): boolean => where === place || where === "both";
  return parts.map((part) => ({ ...part, files: part.files.filter(wanted), steps: part.steps.filter(wanted) }));
};

/**
 * The files that a host's parts ask for together, in the order of their paths: each path once, steps and the list of packages among them.
 * @param place where they are wanted; in an image there are no ports to share
 * @throws PlacementConflict when two parts want different content at one path, or one port
 */
export function mergeParts(
  host: string,
  parts: readonly RoleParts[],
  place: "host" | "image" = "host",
): readonly HostFile[] {
  if (place === "host") checkPorts(host, parts);
  const packages = [...new Set(parts.flatMap((part) => part.packages))].sort();
  const here = partsAt(parts, place);
  const files = [
    ...here.flatMap((part) => part.files),
    ...stepFiles(here),
    { path: "/etc/webinfra/packages", content: packages.map((name) => `${name}\n`).join(""), mode: "0644" as const },
  ];
  return [...mergeFiles(host, files)].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** A file as cloud-init writes it. */
const written = ({ path, mode, content }: HostFile) => ({ path, permissions: mode, content });

/**
 * One host's `#cloud-config`. It writes files and starts one unit without waiting for it: packages are that unit's work, because cloud-init
 * never tries again.
 * @throws PlacementConflict when two roles want different content at one path, or one port
 */
export function cloudConfig(view: HostView): string {
  const files = mergeParts(view.host.name, partsOf(view));
  const { ssh } = view.config;
  const document = {
    hostname: view.host.name,
    fqdn: hostName(view.host.name),
    prefer_fqdn_over_hostname: false,
    manage_etc_hosts: false,
    ssh_pwauth: false,
    disable_root: true,
    ...(ssh && { ssh_authorized_keys: [ssh.publicKey] }),
    write_files: files.filter((file) => view.secretsThrough === "user-data" || file.secret !== true).map(written),
    runcmd: [
      ["install", "-d", "-m", "0700", "/etc/webinfra/secrets"],
      ["systemd-sysusers", "/etc/sysusers.d/webinfra.conf"],
      // The one reload, once all units are written (roles/units.ts).
      ["systemctl", "daemon-reload"],
      ["systemctl", "restart", "systemd-journald.service"],
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
export function imageConfig(views: readonly HostView[]): string {
  const document = {
    write_files: mergeParts("image", views.flatMap(partsOf), "image").map(written),
    runcmd: [
      ["systemctl", "daemon-reload"],
      ["systemctl", "start", "--no-block", "webinfra-converge.service"],
    ],
  };
  return `#cloud-config\n${stringify(document, { lineWidth: 0 })}`;
}

/** The host's secret files, in the order of their paths. */
export const secretFiles = (view: HostView): readonly HostFile[] =>
  mergeParts(view.host.name, partsOf(view)).filter((file) => file.secret === true);

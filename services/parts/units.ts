import { bootstrapScript, fileText } from "../template";
import { HostFile } from "../contract";

/** Folder of the scripts and programs on hosts. */
const library = "/usr/local/lib/webinfra";

/** Path on hosts of a script of `host/bootstrap/`. */
export const scriptPath = (name: string): string => `${library}/${name}`;

/** A script of `host/bootstrap/`, as hosts get it. */
export const script = (name: string): HostFile => ({
  path: scriptPath(name),
  content: bootstrapScript(name),
  mode: "0755",
});

/** Files that have to be there before the channel can be reached. */
export const atBoot = (...files: readonly HostFile[]): readonly HostFile[] =>
  files.map((file) => ({ ...file, boot: true }));

/** A file that everybody on the host may read. */
export const plainFile = (path: string, content: string): HostFile => ({ path, content, mode: "0644" });

/** A systemd unit, or a drop-in such as `nginx.service.d/webinfra.conf`, whose text stands in `folder`. */
export const unitFile = (unit: string, folder: string, file: string): HostFile =>
  plainFile(`/etc/systemd/system/${unit}`, fileText(folder, file));

/**
 * Lines of a script that start units, now and at every boot. systemd is not reloaded for it: cloud-init did that once all units were written, and each
 * reload takes up to a second while hosts boot.
 */
export const startUnits = (...units: readonly string[]): string =>
  [`systemctl --quiet --no-reload enable ${units.join(" ")}`, `systemctl start ${units.join(" ")}`].join("\n");

/** A script of these lines, which ends at the first that fails. */
export const shell = (...lines: readonly string[]): string => `#!/bin/sh\nset -e\n${lines.join("\n")}\n`;

/** A script that becomes this command. */
export const command = (...words: readonly string[]): string => `#!/bin/sh\nexec ${words.join(" ")}\n`;

/**
 * The script that starts the services that come with these packages. Where they were installed on the host itself, they run already; an image has them
 * switched off, because it serves hosts with other roles too.
 */
export const enableServices = (packages: readonly string[]): string =>
  command(scriptPath("enable-services"), ...packages);

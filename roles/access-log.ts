import { fileText, render } from "./template";
import { HostFile } from "./types";

/**
 * Rotation of a file with a line a request: at 64 MB or once a day, looked at each minute, and gone after eight days. 5,000 requests a second are 45 MB a
 * minute, so the files of one server hold about 800 MB at most.
 * @param name of the file in `/etc/logrotate.d/`; a package's own file of that name is replaced
 * @param options more lines for logrotate, such as how the writer is told
 */
export const rotation = (name: string, path: string, options: readonly string[]): readonly HostFile[] => [
  { path: `/etc/logrotate.d/${name}`, content: render(__dirname, "logrotate.njk", { path, options }), mode: "0644" },
  ...(["timer", "service"] as const).map((unit) => ({
    path: `/etc/systemd/system/logrotate.${unit}.d/webinfra.conf`,
    content: fileText(__dirname, `logrotate.${unit}.conf`),
    mode: "0644" as const,
  })),
];

import { HostFile } from "../contract";
import { render } from "../template";
import { plainFile, unitFile } from "./units";

/**
 * Rotation of a file with a line a request: at 64 MB or once a day, looked at each minute, and gone after eight days. 5,000 requests a second are 45 MB a
 * minute, so the files of one server hold about 800 MB at most.
 * @param name of the file in `/etc/logrotate.d/`; a package's own file of that name is replaced
 * @param options more lines for logrotate, such as how the writer is told
 */
export const rotation = (name: string, path: string, options: readonly string[]): readonly HostFile[] => [
  plainFile(`/etc/logrotate.d/${name}`, render(__dirname, "logrotate.liquid", { path, options })),
  unitFile("logrotate.timer.d/webinfra.conf", __dirname, "logrotate.timer.conf"),
  unitFile("logrotate.service.d/webinfra.conf", __dirname, "logrotate.service.conf"),
];

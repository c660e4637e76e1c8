import { fileText } from "../template";
import { HostFile } from "../contract";
import { plainFile, unitFile } from "./units";

/**
 * What frees requests from a server that no longer answers its health check (frozen, or its machine gone) while its connections stay open.
 *
 * HAProxy's own `on-marked-down shutdown-sessions` closes the visitor's connection without an answer and tries nothing again (tried on 3.0.11), and it also
 * cuts what a server that leaves in good order has still to finish. So frozen.lua looks why a server went down: after a time-out, and only then, it has
 * the kernel close the connections to the server. To HAProxy that is a server that closed: GET and HEAD go to another one (`retry-on empty-response`), the
 * rest is a 502, and an answer that was under way is cut. What the kernel cannot close half a second later is cut as HAProxy does it.
 */
export const frozenServers = (): readonly HostFile[] => [
  plainFile("/etc/webinfra/frozen.lua", fileText(__dirname, "frozen.lua")),
  { path: "/usr/local/lib/webinfra/cut", content: fileText(__dirname, "cut"), mode: "0755" },
  unitFile("webinfra-cut.socket", __dirname, "cut.socket"),
  unitFile("webinfra-cut@.service", __dirname, "cut@.service"),
];

/** Before a proxy starts, and after its package made the group that may name servers. */
export const startFrozenServers = "systemctl --quiet --no-reload enable --now webinfra-cut.socket";

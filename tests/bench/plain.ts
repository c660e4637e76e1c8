/** Plain servers on a stack's hosts, beside ours: what a request costs means something only against what it has to cost. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { shell } from "../support/site";

export const PLAIN_PORT = 8181;

const local = (name: string): string => readFileSync(join(__dirname, name), "utf8");

/** Runs a server on a machine while `use` runs. */
async function withServer<T>(machine: string, prepare: string, command: string, use: () => Promise<T>): Promise<T> {
  const stop = "systemctl stop webinfra-plain.service 2>/dev/null || true; rm -rf /run/webinfra-plain";
  try {
    await shell(
      machine,
      `${stop}; mkdir /run/webinfra-plain; ${prepare}
       systemd-run --quiet --collect --unit=webinfra-plain ${command}
       until (exec 3<>/dev/tcp/127.0.0.1/${String(PLAIN_PORT)}) 2>/dev/null; do systemctl --quiet is-active webinfra-plain; sleep 0.1; done`,
    );
    return await use();
  } finally {
    await shell(machine, stop);
  }
}

const fileOf = (name: string, text: string): string => `cat >/run/webinfra-plain/${name} <<'END'\n${text}END\n`;

/** Nginx with the machine's own static files, and straight to the application that runs there, while `use` runs. */
export function withPlainNginx<T>(machine: string, use: (runsApp: boolean) => Promise<T>): Promise<T> {
  // One of the two runs. A web host whose application is elsewhere names none.
  const app = String.raw`sed -n 's/^ *server \(blue\|green\) \(127[^ ]*\)$/server \2;/p' /etc/webinfra/proxy.cfg | sort -u`;
  return withServer(
    machine,
    `${fileOf("nginx.conf", local("plain-nginx.conf"))} ${app} >/run/webinfra-plain/app.conf
     [ -s /run/webinfra-plain/app.conf ] || echo 'server 127.0.0.1:9;' >/run/webinfra-plain/app.conf`,
    `/usr/sbin/nginx -c /run/webinfra-plain/nginx.conf -g 'daemon off;'`,
    async () => use(!(await shell(machine, "cat /run/webinfra-plain/app.conf")).includes(":9;")),
  );
}

/** HAProxy in front of these web servers, while `use` runs. */
export function withPlainHaproxy<T>(machine: string, servers: readonly string[], use: () => Promise<T>): Promise<T> {
  const lines = servers.map((server, index) => `  server s${String(index + 1)} ${server} check\n`).join("");
  return withServer(
    machine,
    fileOf("haproxy.cfg", `${local("plain-haproxy.cfg")}${lines}`),
    "/usr/sbin/haproxy -db -f /run/webinfra-plain/haproxy.cfg",
    use,
  );
}

import { bootstrapScript, fileText, render } from "../template";
import { agentPort } from "../../core/ports";
import { ConvergeStep, HostView, ProxyPlace, Role, Where } from "../types";
import { startingStep, startUnits } from "../units";
import { zone } from "../../topology/types";

/** A local address whose answer 200 belongs to the host's health. */
export interface HealthCheck {
  readonly name: string;
  readonly port: number;
  readonly path: string;
}

/**
 * How often hosts look whether the channel changed, and pull it whole though nothing told so. Proxies are to send to a new machine at once; in a bucket
 * each look costs money.
 */
const pace = {
  directory: { seconds: 1, pullSeconds: 30 },
  directoryOfProxy: { seconds: 0.2, pullSeconds: 30 },
  bucket: { seconds: 5, pullSeconds: 60 },
} as const;

const scriptPath = (name: string): string => `/usr/local/lib/webinfra/${name}`;
const script = (name: string, where: Where = "host") =>
  ({ path: scriptPath(name), content: bootstrapScript(name), mode: "0755", where }) as const;
const unit = (name: string, file: string, where: Where = "host") =>
  ({ path: `/etc/systemd/system/${name}`, content: fileText(__dirname, file), mode: "0644", where }) as const;
const json = (path: string, value: unknown) =>
  ({ path, content: `${JSON.stringify(value, null, 1)}\n`, mode: "0644" }) as const;

const isDroplet = ({ config }: HostView): boolean => config.platform === "digitalocean";

/** The first address of a network that a host may have: the way to it leads through the private interface. */
const firstAddress = (cidr: string): string =>
  (cidr.split("/")[0] ?? "").replace(/\d+$/, (last) => String(Number(last) + 1));

/** Whose machines get the slots of a word. */
const slottedRoles = { web: "webServer", standby: "webServer", app: "appServer", db: "database" } as const;

/** MySQL's log is no journal: without logrotate it grows for ever. */
const packages = ["ca-certificates", "curl", "logrotate", "rclone"];

/**
 * The step that starts the services that come with these packages. Where they were installed on the host itself, they run already; an image has them
 * switched off, because it serves hosts with other roles too.
 */
export const enableServices = (name: string, names: readonly string[]): ConvergeStep => ({
  name,
  script: `#!/bin/sh\nexec ${scriptPath("enable-services")} ${names.join(" ")}\n`,
});

/** What every host has: converge, sync and the host agent. `checks`, `nudges` and `proxies` come from the host's other roles. */
export function base(
  checks: readonly HealthCheck[],
  nudges: Readonly<Record<string, string>>,
  proxies: readonly ProxyPlace[],
): Role {
  return (view) => ({
    packages,
    files: [
      script("converge", "both"),
      script("install-packages", "both"),
      script("enable-services"),
      script("identify"),
      script("fetch-kit"),
      unit("webinfra-converge.service", "converge.service", "both"),
      script("seal-image", "image"),
      // What packages ask before they start a service: in an image they start none.
      { path: "/usr/sbin/policy-rc.d", content: "#!/bin/sh\nexit 101\n", mode: "0755", where: "image" },
      unit("webinfra-sync.service", "sync.service"),
      unit("webinfra-agent.service", "agent.service"),
      // Its own bound is a tenth of the disk, of which containers share one.
      { path: "/etc/systemd/journald.conf.d/webinfra.conf", content: "[Journal]\nSystemMaxUse=256M\n", mode: "0644" },
      { path: "/etc/sysusers.d/webinfra.conf", content: "u webinfra - webinfra\n", mode: "0644" },
      { path: "/etc/webinfra/rclone.conf", content: render(__dirname, "rclone.conf.njk", view), mode: "0600" },
      script("close-metadata"),
      unit("webinfra-metadata.service", "metadata.service"),
      // DigitalOcean's monitoring asks the metadata address for its own token.
      ...(isDroplet(view)
        ? [
            {
              path: "/etc/systemd/system/do-agent.service.d/webinfra.conf",
              content: "[Service]\nUser=root\n",
              mode: "0644",
            } as const,
          ]
        : []),
      {
        path: "/etc/systemd/networkd.conf.d/webinfra.conf",
        content: "[Network]\nManageForeignRoutingPolicyRules=no\n",
        mode: "0644",
      },
      ...(view.secretsThrough === "channel" ? [script("fetch-secrets")] : []),
      json("/etc/webinfra/sync.json", {
        ...(view.channel.type === "directory"
          ? { directory: view.channel.path, ...(proxies.length > 0 ? pace.directoryOfProxy : pace.directory) }
          : pace.bucket),
        zone,
        words: slottedRoles,
        proxies,
        nudges,
      }),
      json("/etc/webinfra/agent.json", {
        name: view.host.name,
        roles: view.host.roles,
        port: agentPort,
        ...(view.host.roles.includes("database") ? { maxLagSeconds: view.config.mysql.maxLagSeconds } : {}),
        domain: view.config.domain,
        checks,
      }),
    ],
    steps: [
      {
        name: "05-metadata",
        script: [
          "#!/bin/sh",
          "set -e",
          startUnits("webinfra-metadata.service"),
          ...(isDroplet(view) ? ["systemctl try-restart do-agent.service"] : []),
          "",
        ].join("\n"),
      },
      { name: "10-identify", script: `#!/bin/sh\nexec ${scriptPath("identify")} ${firstAddress(view.networkCidr)}\n` },
      // Before all that takes long, so that the agent can tell how far the host is.
      {
        name: "12-kit",
        script:
          view.channel.type === "directory"
            ? `#!/bin/sh\nexec ${scriptPath("fetch-kit")} ${view.kit} ${view.channel.path}\n`
            : `#!/bin/sh\nset -e\n${scriptPath("install-packages")} rclone\nexec ${scriptPath("fetch-kit")} ${view.kit}\n`,
      },
      { name: "14-agent", script: startingStep("webinfra-agent.service") },
      ...(view.secretsThrough === "channel"
        ? [
            {
              name: "15-secrets",
              script: `#!/bin/sh\nexec ${scriptPath("fetch-secrets")} ${view.host.name} ${view.secretsSha256}\n`,
            },
          ]
        : []),
      {
        name: "03-begin",
        script: `#!/bin/sh\nexec ${scriptPath("seal-image")} begin\n`,
        where: "image",
      },
      { name: "30-packages", script: `#!/bin/sh\nexec ${scriptPath("install-packages")}\n`, where: "both" },
      enableServices("33-services", packages),
      { name: "99-seal", script: `#!/bin/sh\nexec ${scriptPath("seal-image")} end\n`, where: "image" },
      { name: "40-sync", script: startingStep("webinfra-sync.service") },
    ],
    ports: [
      {
        port: agentPort,
        from: ["loadBalancer", "webServer", "appServer", "database", "monitor"],
        description: "host agent: health and database role",
      },
    ],
  });
}

import { rotation } from "../access-log";
import { appProxyPort, webPort, webTlsPort } from "../../core/ports";
import { fileText, render } from "../template";
import { Role } from "../types";
import { startUnits } from "../units";

/** One line a request; `webinfra logs` reads it (host/webinfra/logs.py). */
const accessLog = "/var/log/nginx/access.log";

/** Nginx: serves static files itself and forwards the rest to the application through the local proxy. */
export const webServer: Role = (view) => ({
  packages: ["nginx"],
  files: [
    {
      path: "/etc/nginx/nginx.conf",
      content: render(__dirname, "nginx.conf.njk", {
        networkCidr: view.networkCidr,
        accessLog,
        domain: view.config.domain,
        appProxyPort,
        webPort,
        webTlsPort: view.topology.terminatesTls ? webTlsPort : false,
        staticDirectory: view.config.app.staticDirectory,
      }),
      mode: "0644",
    },
    {
      path: "/etc/systemd/system/nginx.service.d/webinfra.conf",
      content: fileText(__dirname, "nginx.service.conf"),
      mode: "0644",
    },
    // Visitors' addresses are not for everybody on the host.
    { path: "/etc/tmpfiles.d/webinfra-nginx.conf", content: `f ${accessLog} 0640 www-data adm\n`, mode: "0644" },
    ...rotation("nginx", accessLog, [
      "create 0640 www-data adm",
      "postrotate",
      "\tsystemctl kill --kill-whom=main --signal=USR1 nginx.service || true",
      "endscript",
    ]),
    ...(view.topology.terminatesTls
      ? [
          { path: "/etc/webinfra/tls/web.pem", content: view.secrets.webCertificate, mode: "0644" } as const,
          { path: "/etc/webinfra/secrets/web.key", content: view.secrets.webKey, mode: "0600", secret: true } as const,
        ]
      : []),
  ],
  steps: [
    {
      name: "60-nginx",
      script: [
        "#!/bin/sh",
        "set -e",
        "systemd-tmpfiles --create /etc/tmpfiles.d/webinfra-nginx.conf",
        "/usr/sbin/nginx -t -q",
        startUnits("nginx.service"),
        "",
      ].join("\n"),
    },
  ],
  ports: [
    { port: webPort, from: ["loadBalancer"], description: "Nginx behind the balancers" },
    ...(view.topology.terminatesTls
      ? [{ port: webTlsPort, from: ["loadBalancer"], description: "Nginx behind the balancers, over TLS" } as const]
      : []),
  ],
});

import { appProxyPort, webPort, webTlsPort } from "../../core/ports";
import { CertificateRequest } from "../../core/secret";
import { Placement } from "../contract";
import { defineService } from "../define";
import { rotation } from "../parts/access-log";
import { plainFile, shell, startUnits, unitFile } from "../parts/units";
import { render } from "../template";

/** One line a request; `webinfra logs` reads it (host/webinfra/logs.py). */
const accessLog = "/var/log/nginx/access.log";

/** The web servers' own certificate, where they terminate TLS. */
const certificateFor = ({ domain }: Pick<Placement["settings"], "domain">): CertificateRequest => ({
  name: "web-certificate",
  commonName: domain,
  dnsNames: [domain],
});

interface NginxView {
  readonly networkCidr: string;
  readonly accessLog: string;
  readonly appProxyPort: number;
  readonly webPort: number;
  readonly webTlsPort: number;
  readonly staticDirectory: string;
  readonly terminatesTls: boolean;
  /** PEM certificate and key, where it terminates TLS. */
  readonly tls: { readonly certificate: string; readonly key: string } | undefined;
}

/** Nginx: serves static files itself and forwards the rest to the application through the local proxy. */
export const nginx = defineService<NginxView>({
  name: "nginx",
  describe: ({ topology, settings }) => {
    const certificate = certificateFor(settings);
    const behind = (port: number, description: string) =>
      ({ port, protocol: "tcp", from: ["loadBalancer"], description }) as const;
    return {
      ports: [
        behind(webPort, "Nginx behind the balancers"),
        ...(topology.terminatesTls ? [behind(webTlsPort, "Nginx behind the balancers, over TLS")] : []),
      ],
      health: [{ name: "Nginx", port: webPort, path: "/-/web" }],
      secrets: topology.terminatesTls
        ? [
            { kind: "certificate", certificate },
            { kind: "key", certificate },
          ]
        : [],
    };
  },
  install: () => ({ packages: ["nginx"] }),
  view: ({ topology, settings, place }, text) => {
    const certificate = certificateFor(settings);
    return {
      networkCidr: place.networkCidr,
      accessLog,
      appProxyPort,
      webPort,
      webTlsPort,
      staticDirectory: settings.app.staticDirectory,
      terminatesTls: topology.terminatesTls,
      tls: topology.terminatesTls
        ? { certificate: text({ kind: "certificate", certificate }), key: text({ kind: "key", certificate }) }
        : undefined,
    };
  },
  render: ({ tls, ...view }) => ({
    files: [
      plainFile("/etc/nginx/nginx.conf", render(__dirname, "nginx.conf.liquid", view)),
      unitFile("nginx.service.d/webinfra.conf", __dirname, "nginx.service.conf"),
      // Visitors' addresses are not for everybody on the host.
      plainFile("/etc/tmpfiles.d/webinfra-nginx.conf", `f ${accessLog} 0640 www-data adm\n`),
      ...rotation("nginx", accessLog, [
        "create 0640 www-data adm",
        "postrotate",
        "\tsystemctl kill --kill-whom=main --signal=USR1 nginx.service || true",
        "endscript",
      ]),
      ...(tls === undefined
        ? []
        : [
            plainFile("/etc/webinfra/tls/web.pem", tls.certificate),
            { path: "/etc/webinfra/secrets/web.key", content: tls.key, mode: "0600", secret: true } as const,
          ]),
    ],
    steps: [
      {
        phase: "serve",
        name: "nginx",
        doing: "starting Nginx",
        script: shell(
          "systemd-tmpfiles --create /etc/tmpfiles.d/webinfra-nginx.conf",
          "/usr/sbin/nginx -t -q",
          startUnits("nginx.service"),
        ),
      },
    ],
  }),
});

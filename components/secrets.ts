import * as pulumi from "@pulumi/pulumi";
import { ConfigError } from "../config/errors";
import { addressTokenName, secretProblems } from "../config/secrets";
import { Certificate, CertificateAuthority } from "../provider/sdk";
import { HostSecrets } from "../roles/types";
import { zone } from "../topology/types";
import { Platform } from "./platform";

/** Names in `webinfra:secrets` that replace what would be generated. */
const given = { appPassword: "databaseAppPassword", replicationPassword: "databaseReplicationPassword" } as const;

/** Arguments of {@link siteSecrets}. */
export interface SiteSecretsArgs {
  readonly platform: Platform;
  /** `webinfra:secrets`, by name. */
  readonly secrets: pulumi.Output<Readonly<Record<string, string>>>;
  /** Names that the application wants from `webinfra:secrets`. */
  readonly appSecrets: readonly string[];
  /** Name for the web servers' own certificate, where they terminate TLS. */
  readonly webDomain: string | undefined;
  readonly parent: pulumi.Resource;
}

/** The application's secrets, by name. @throws ConfigError naming those that the stack does not hold */
export function pickAppSecrets(
  values: Readonly<Record<string, string>>,
  names: readonly string[],
): Readonly<Record<string, string>> {
  const problems = secretProblems(names, values);
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.fromEntries(names.map((name) => [name, values[name] ?? ""]));
}

/**
 * The one place where secrets come from: the stack's configuration when they are given there, else generated. Everything here is secret from end
 * to end.
 */
export function siteSecrets({
  platform,
  secrets,
  appSecrets,
  webDomain,
  parent,
}: SiteSecretsArgs): pulumi.Output<HostSecrets> {
  const authority = new CertificateAuthority("ca", { commonName: "webinfra internal CA" }, { parent });
  const certificate = (name: string, commonName: string, dnsNames: string[]) => {
    const { certificate: caCertificate, key: caKey } = authority;
    const made = new Certificate(name, { caCertificate, caKey, commonName, dnsNames }, { parent });
    return pulumi.all([made.certificate, made.key]);
  };
  const password = (key: keyof typeof given, name: string) =>
    pulumi
      .all([secrets, platform.password(name, parent)])
      .apply(([values, generated]) => values[given[key]] ?? generated);
  const passwords = pulumi.all([
    password("appPassword", "app-password"),
    password("replicationPassword", "replication-password"),
  ]);
  const certificates = pulumi.all([
    authority.certificate,
    // The wildcard lets a replica be added without a new certificate for the others.
    certificate("database-certificate", `db.${zone}`, [`db.${zone}`, `*.${zone}`]),
    webDomain === undefined ? pulumi.output(["", ""]) : certificate("web-certificate", webDomain, [webDomain]),
  ]);
  const picked = secrets.apply((values) => ({
    app: pickAppSecrets(values, appSecrets),
    addressToken: values[addressTokenName] ?? "",
  }));
  return pulumi.secret(
    pulumi
      .all([passwords, certificates, picked])
      .apply(
        ([
          [appPassword, replicationPassword],
          [caCertificate, [databaseCertificate, databaseKey], [webCertificate = "", webKey = ""]],
          { app, addressToken },
        ]) => ({
          appPassword,
          replicationPassword,
          caCertificate,
          databaseCertificate,
          databaseKey,
          webCertificate,
          webKey,
          addressToken,
          app,
        }),
      ),
  );
}

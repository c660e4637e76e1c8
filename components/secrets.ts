import * as pulumi from "@pulumi/pulumi";
import { secretProblems } from "../config/secrets";
import { ConfigError } from "../core/config-error";
import { CertificateRequest, Secret, secretId, SecretTexts } from "../core/secret";
import { Platform } from "../platforms/contract";
import { Certificate, CertificateAuthority } from "../provider/sdk";

/** A secret that all hosts have the same text of. */
type SiteSecret = Exclude<Secret, { readonly kind: "identity" }>;

/** True for all but what each host has of its own. */
export const isOfSite = (secret: Secret): secret is SiteSecret => secret.kind !== "identity";

/** Arguments of {@link siteSecrets}. */
export interface SiteSecretsArgs {
  readonly platform: Platform;
  /** What the services of all hosts need, each once, but for what is each host's own. */
  readonly declared: readonly SiteSecret[];
  /** `webinfra:secrets`, by name. */
  readonly secrets: pulumi.Output<Readonly<Record<string, string>>>;
  /** Names that the application wants from `webinfra:secrets`. */
  readonly appSecrets: readonly string[];
  readonly parent: pulumi.Resource;
}

/** The same values. @throws ConfigError naming those of the application that the stack does not hold */
export function checkedSecrets(
  values: Readonly<Record<string, string>>,
  names: readonly string[],
): Readonly<Record<string, string>> {
  const problems = secretProblems(names, values);
  if (problems.length > 0) {
    throw new ConfigError(problems);
  }
  return values;
}

/**
 * The texts of all secrets that services declare, and the one place where they come from: the stack's configuration when they are given there, else
 * generated. Secret from end to end.
 */
export function siteSecrets({
  platform,
  declared,
  secrets,
  appSecrets,
  parent,
}: SiteSecretsArgs): pulumi.Output<SecretTexts> {
  const authority = new CertificateAuthority("ca", { commonName: "webinfra internal CA" }, { parent });
  const given = secrets.apply((values) => checkedSecrets(values, appSecrets));
  const certificates = new Map<string, Certificate>();
  const certificateOf = ({ name, commonName, dnsNames }: CertificateRequest): Certificate => {
    const { certificate: caCertificate, key: caKey } = authority;
    const made =
      certificates.get(name) ??
      new Certificate(name, { caCertificate, caKey, commonName, dnsNames: [...dnsNames] }, { parent });
    certificates.set(name, made);
    return made;
  };
  const textOf = (secret: SiteSecret): pulumi.Output<string> => {
    switch (secret.kind) {
      case "password":
        return pulumi
          .all([given, platform.password(secret.name, parent)])
          .apply(([values, generated]) => values[secret.given] ?? generated);
      case "authority":
        return authority.certificate;
      case "certificate":
        return certificateOf(secret.certificate).certificate;
      case "key":
        return certificateOf(secret.certificate).key;
      case "given":
        return given.apply((values) => values[secret.name] ?? "");
    }
  };
  return pulumi.secret(
    pulumi
      .all(declared.map((secret) => textOf(secret).apply((text) => [secretId(secret), text] as const)))
      .apply((pairs): SecretTexts => Object.fromEntries(pairs)),
  );
}

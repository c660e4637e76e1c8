/**
 * A text that hosts hold and that is made or given once for the whole site. Services declare those that they need; where each comes from stands here, and
 * nowhere else.
 */
export type Secret =
  /** A password of letters and digits: the value of `given` in `webinfra:secrets`, else drawn once. */
  | { readonly kind: "password"; readonly name: string; readonly given: string }
  /** PEM certificate of the site's own authority. Public. */
  | { readonly kind: "authority" }
  /** PEM certificate that the authority signed, or the key that belongs to it. The certificate is public. */
  | { readonly kind: "certificate" | "key"; readonly certificate: CertificateRequest }
  /** A value that only the user can give, in `webinfra:secrets`. */
  | { readonly kind: "given"; readonly name: string }
  /** The host's own age identity: what its later secrets are sealed to. Each host has another. */
  | { readonly kind: "identity" };

/** What a certificate is made from. */
export interface CertificateRequest {
  /** Its name among the site's certificates. */
  readonly name: string;
  readonly commonName: string;
  readonly dnsNames: readonly string[];
}

/** The texts of secrets, by {@link secretId}. */
export type SecretTexts = Readonly<Record<string, string>>;

/** What stands for a secret in maps: two declarations of one secret have one id. */
export function secretId(secret: Secret): string {
  switch (secret.kind) {
    case "authority":
    case "identity":
      return secret.kind;
    case "certificate":
    case "key":
      return `${secret.kind} ${secret.certificate.name}`;
    case "password":
    case "given":
      return `${secret.kind} ${secret.name}`;
  }
}

/** True for what may stand where others can read it. */
export const isPublic = ({ kind }: Secret): boolean => kind === "authority" || kind === "certificate";

/** Each secret once. */
export const distinct = <T extends Secret>(secrets: readonly T[]): readonly T[] => [
  ...new Map(secrets.map((secret) => [secretId(secret), secret])).values(),
];

/** Most characters that it has: a password's length, a P-256 key in PEM, certificates with some names, a token, an age identity. */
const longest: Readonly<Record<Secret["kind"], number>> = {
  password: 32,
  authority: 900,
  certificate: 1000,
  key: 300,
  given: 128,
  identity: 74,
};

/** Most characters that these secrets have together: what is kept free for them in user-data, where they do not compress. */
export const roomFor = (secrets: readonly Secret[]): number =>
  secrets.reduce((sum, { kind }) => sum + longest[kind], 0);

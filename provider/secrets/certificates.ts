/** A private certificate authority and the certificates it signs: ECDSA on P-256, made on this machine. */
import "reflect-metadata";
import { randomBytes, webcrypto } from "node:crypto";
import { isIP } from "node:net";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { z } from "zod";
import { authorityInputs, certificateInputs } from "../inputs/secrets";
import { resource } from "../resource";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DEFAULT_DAYS = 3650;
const DAY_MS = 86_400_000;
// A host whose clock is behind must accept a certificate made just now.
const BACKDATE_MS = 3_600_000;

const authorityState = z.object({ ...authorityInputs.shape, certificate: z.string(), key: z.string() });

const certificateState = z.object({ ...certificateInputs.shape, certificate: z.string(), key: z.string() });

/** A certificate and its private key (PKCS #8), both PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

function serialNumber(): string {
  // The first bit stays 0: a serial number is a positive integer.
  const bytes = randomBytes(16);
  bytes.writeUInt8((bytes.readUInt8(0) & 0x7f) | 0x40, 0);
  return bytes.toString("hex");
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

async function pemOfKey(key: webcrypto.CryptoKey): Promise<string> {
  return `${PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY")}\n`;
}

function validity(days: number | undefined): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - BACKDATE_MS), notAfter: new Date(now + (days ?? DEFAULT_DAYS) * DAY_MS) };
}

/** Makes a self-signed authority that may sign certificates, but no further authority. */
export async function makeAuthority(given: z.infer<typeof authorityInputs>): Promise<KeyPair> {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serialNumber(),
      name: `CN=${given.commonName}`,
      ...validity(given.validityDays),
      signingAlgorithm: ALGORITHM,
      keys,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return { certificate: `${certificate.toString("pem")}\n`, key: await pemOfKey(keys.privateKey) };
}

/** Makes a certificate for servers and clients, signed by the authority. */
export async function makeCertificate(given: z.infer<typeof certificateInputs>): Promise<KeyPair> {
  const authority = new X509Certificate(given.caCertificate);
  const signingKey = await webcrypto.subtle.importKey(
    "pkcs8",
    PemConverter.decodeFirst(given.caKey),
    ALGORITHM,
    false,
    ["sign"],
  );
  const keys = await generateKeys();
  const extensions: Extension[] = [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
    new SubjectAlternativeNameExtension(
      given.dnsNames.map((name) => ({ type: isIP(name) === 0 ? ("dns" as const) : ("ip" as const), value: name })),
    ),
    await SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
    await AuthorityKeyIdentifierExtension.create(authority, false, webcrypto),
  ];
  const certificate = await X509CertificateGenerator.create(
    {
      serialNumber: serialNumber(),
      subject: `CN=${given.commonName}`,
      issuer: authority.subject,
      ...validity(given.validityDays),
      signingAlgorithm: ALGORITHM,
      publicKey: keys.publicKey,
      signingKey,
      extensions,
    },
    webcrypto,
  );
  return { certificate: `${certificate.toString("pem")}\n`, key: await pemOfKey(keys.privateKey) };
}

function serialOf(certificate: string): string {
  return new X509Certificate(certificate).serialNumber;
}

/** `webinfra:secrets:CertificateAuthority` */
export const certificateAuthority = resource<z.infer<typeof authorityInputs>, z.infer<typeof authorityState>>({
  inputs: authorityInputs,
  state: authorityState,
  stateVersion: 1,
  migrations: [],
  replaceOn: ["commonName", "validityDays"],
  updateOn: [],
  secrets: ["key"],
  async create(given) {
    const made = await makeAuthority(given);
    return { id: serialOf(made.certificate), state: { ...given, ...made } };
  },
  read: (_id, current) => Promise.resolve(current),
  update: (_id, current, given) => Promise.resolve({ ...current, ...given }),
  delete: () => Promise.resolve(),
});

/** `webinfra:secrets:Certificate` */
export const certificate = resource<z.infer<typeof certificateInputs>, z.infer<typeof certificateState>>({
  inputs: certificateInputs,
  state: certificateState,
  stateVersion: 1,
  migrations: [],
  // Not `caKey`: it changes only together with the authority's certificate.
  replaceOn: ["caCertificate", "commonName", "dnsNames", "validityDays"],
  updateOn: [],
  secrets: ["caKey", "key"],
  async create(given) {
    const made = await makeCertificate(given);
    return { id: serialOf(made.certificate), state: { ...given, ...made } };
  },
  read: (_id, current) => Promise.resolve(current),
  update: (_id, current, given) => Promise.resolve({ ...current, ...given }),
  delete: () => Promise.resolve(),
});

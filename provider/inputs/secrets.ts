/** What the resources that make secrets take. */
import { z } from "zod";

const commonName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/, 'must be 1 to 64 letters, digits, spaces, ".", "_" or "-"');
const validityDays = z
  .int("must be a whole number")
  .min(1, "must be at least 1")
  .max(36_500, "must be at most 36500")
  .optional();

/** Inputs of `webinfra:secrets:Password`. */
export const passwordInputs = z.strictObject({
  /** Number of characters, 16 to 256. Default: 32. A change draws a new password. */
  length: z.int("must be a whole number").min(16, "must be at least 16").max(256, "must be at most 256").optional(),
});

/** Inputs of `webinfra:secrets:CertificateAuthority`. */
export const authorityInputs = z.strictObject({
  /** The subject's common name. */
  commonName,
  /** Days until it ends. Default: 3650. */
  validityDays,
});

/** Inputs of `webinfra:secrets:Certificate`. */
export const certificateInputs = z.strictObject({
  /** The authority's certificate, PEM. */
  caCertificate: z.string(),
  /** The authority's private key, PKCS #8 PEM; secret. */
  caKey: z.string(),
  /** The subject's common name. */
  commonName,
  /** Names (or IP addresses) that it is valid for; at least one. */
  dnsNames: z
    .array(z.string().regex(/^(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/, "must be a DNS name or an IP address"))
    .min(1, "must name at least one DNS name"),
  /** Days until it ends. Default: 3650. */
  validityDays,
});

/** Inputs of `webinfra:secrets:SealingKey`. */
export const sealingKeyInputs = z.strictObject({});

const recipientRight = "must be an age recipient, such as age1…";

/** Inputs of `webinfra:secrets:Sealed`. */
export const sealedInputs = z.strictObject({
  /** The public half of a sealing key, `age1…`. */
  recipient: z.string(recipientRight).regex(/^age1[0-9a-z]+$/, recipientRight),
  /** What is sealed; secret. */
  text: z.string("must be a text"),
});

import { createHash } from "node:crypto";
import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import { nameOf } from "./names";

const p = 2n ** 255n - 19n;

function power(base: bigint, exponent: bigint): bigint {
  let [result, square] = [1n, base % p];
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) {
      result = (result * square) % p;
    }
    square = (square * square) % p;
  }
  return result;
}

/** Ed25519's d = -121665/121666 (RFC 8032, 5.1). */
const d = ((p - 121665n) * power(121666n, p - 2n)) % p;

/** True when 32 bytes stand for a point of Ed25519 (RFC 8032, 5.1.3): x² = (y² - 1) / (d y² + 1) has a root. */
export function isEd25519Point(bytes: Uint8Array): boolean {
  const y = BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`) & (2n ** 255n - 1n);
  const y2 = (y * y) % p;
  // u / v is a square exactly when u v is one.
  return y < p && power((y2 - 1n + p) * (d * y2 + 1n), (p - 1n) / 2n) === 1n;
}

const field = (bytes: Uint8Array): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
};

/**
 * An SSH public key whose private half nobody has: its point is no multiple of the base point that somebody chose but the hash of a text, so that the
 * private half would have to be computed, which is what the curve makes infeasible. Anyone can check that here; of a key pair that was made and thrown
 * away one could only believe it. An account takes a key once, so that each stack has another.
 */
export function keyOfNobody(stack: string): string {
  for (let count = 0; ; count++) {
    const text = `webinfra ${stack}: nobody has the private half of this key (${String(count)})`;
    const point = createHash("sha256").update(text).digest();
    if (!isEd25519Point(point)) {
      continue;
    }
    const blob = Buffer.concat([field(Buffer.from("ssh-ed25519")), field(point)]);
    return `ssh-ed25519 ${blob.toString("base64")} nobody`;
  }
}

/** The fingerprint by which DigitalOcean knows a public key: MD5 of its second word's bytes. */
export function fingerprintOf(publicKey: string): string {
  const blob = Buffer.from(publicKey.split(" ")[1] ?? "", "base64");
  const digest = createHash("md5").update(blob).digest("hex");
  return (digest.match(/../g) ?? []).join(":");
}

/** The key that Droplets are made with. */
export interface DropletKey {
  readonly fingerprint: string;
  /** What registers it with the account; nothing where the account has had it before. */
  readonly registration: pulumi.Input<pulumi.Resource[]>;
}

/** Registers the key of the stack's user, else one of nobody: a Droplet that is made with no key gets a root password, which is sent by mail. */
export function dropletKey(stack: string, publicKey: string | undefined, parent: pulumi.Resource): DropletKey {
  const name = nameOf(stack, "key");
  const register = (text: string) => [new digitalocean.SshKey("ssh-key", { name, publicKey: text }, { parent })];
  if (publicKey === undefined) {
    const nobody = keyOfNobody(stack);
    return { fingerprint: fingerprintOf(nobody), registration: register(nobody) };
  }
  const fingerprint = fingerprintOf(publicKey);
  // The API refuses a key that the account has already (422), which the user's own often is, by hand or through another stack.
  const others = digitalocean
    .getSshKeysOutput({ filters: [{ key: "fingerprint", values: [fingerprint] }] }, { parent })
    .sshKeys.apply((keys) => keys.filter((key) => key.name !== name));
  return { fingerprint, registration: others.apply((keys) => (keys.length > 0 ? [] : register(publicKey))) };
}

/** What the DigitalOcean provider answers, with fixed values that follow from names alone. */
import { createHash } from "node:crypto";
import { type Answers, type Calls, secretMark, wrap } from "../program";

/** The SSH key that the account has had before, and its fingerprint. */
export const keyOfAccount = {
  publicKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f laptop",
  fingerprint: "0f:a2:0a:d7:38:3e:65:45:08:6b:63:84:1c:ff:dc:ba",
} as const;

/** The image that `debian-13-x64` stands for. */
export const debianImage = 195_932_981;

/** A number that follows from a name. */
const numberOf = (name: string): number => parseInt(createHash("sha256").update(name).digest("hex").slice(0, 7), 16);

/** An address that follows from the host's name alone: `web-2` has the last octets 7.2. */
const addressOf = (network: string, host: string): string =>
  `${network}.${String(host.charCodeAt(0) % 16)}.${host.split("-").at(-1) ?? "0"}`;

export const digitaloceanAnswers: Answers = {
  "digitalocean:index/vpc:Vpc": (_name, { name }) => ({ vpcUrn: `do:vpc:${String(name)}` }),
  "digitalocean:index/droplet:Droplet": (name) => ({
    id: String(numberOf(name)),
    dropletUrn: `do:droplet:${String(numberOf(name))}`,
    ipv4Address: addressOf("203.0", name),
    ipv4AddressPrivate: addressOf("10.81", name),
  }),
  "digitalocean:index/volume:Volume": (_name, { name }) => ({ volumeUrn: `do:volume:${String(name)}` }),
  "digitalocean:index/reservedIp:ReservedIp": () => ({
    ipAddress: "198.51.100.10",
    reservedIpUrn: "do:reservedip:198.51.100.10",
  }),
  "digitalocean:index/spacesKey:SpacesKey": (name) => ({
    accessKey: `DO00${name.toUpperCase()}`,
    secretKey: wrap(`${secretMark}-${name}`),
  }),
  "digitalocean:index/spacesBucket:SpacesBucket": (_name, { name }) => ({ bucketUrn: `do:space:${String(name)}` }),
  "random:index/randomId:RandomId": () => ({ hex: "0a1b2c3d" }),
};

/** The list that a filter asks for. */
function valuesOf(filters: unknown): readonly string[] {
  const [filter] = filters as readonly { readonly key: string; readonly values: readonly string[] }[];
  return filter?.key === "fingerprint" ? filter.values : [];
}

export const digitaloceanCalls: Calls = {
  "digitalocean:index/getImage:getImage": ({ id }) => ({ id: id ?? debianImage }),
  "digitalocean:index/getSshKeys:getSshKeys": ({ filters }) => ({
    sshKeys: valuesOf(filters).includes(keyOfAccount.fingerprint) ? [{ name: "laptop", ...keyOfAccount }] : [],
  }),
};

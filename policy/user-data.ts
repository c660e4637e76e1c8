/** The user-data of hosts. */
import { gunzipSync } from "node:zlib";
import type { CheckedResource } from "./rule";

/** User-data as the platform gets it. */
export interface UserData {
  readonly platform: "aws" | "digitalocean";
  readonly bytes: Buffer;
}

/** The user-data of a machine; undefined: the resource has none. */
export function userDataOf({ type, props }: CheckedResource): UserData | undefined {
  if (type === "digitalocean:index/droplet:Droplet") {
    const text = props["userData"];
    return typeof text === "string" ? { platform: "digitalocean", bytes: Buffer.from(text) } : undefined;
  }
  if (type !== "aws:ec2/instance:Instance") {
    return undefined;
  }
  const [encoded, text] = [props["userDataBase64"], props["userData"]];
  if (typeof encoded === "string") {
    return { platform: "aws", bytes: Buffer.from(encoded, "base64") };
  }
  return typeof text === "string" ? { platform: "aws", bytes: Buffer.from(text) } : undefined;
}

/** The text of user-data, unpacked where it is gzip; undefined: it says that it is gzip and is not. */
export function userDataText({ bytes }: UserData): string | undefined {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) {
    return bytes.toString();
  }
  try {
    return gunzipSync(bytes).toString();
  } catch {
    return undefined;
  }
}

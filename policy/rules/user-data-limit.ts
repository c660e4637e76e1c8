import type { Rule } from "../rule";
import { userDataOf } from "../user-data";

/** Bytes that the platforms take, on AWS before base64: the EC2 User Guide, "Run commands when you launch an EC2 instance"; DigitalOcean API, `user_data`. */
const limits = { aws: 16 * 1024, digitalocean: 64 * 1024 } as const;

export const userDataLimit: Rule = {
  name: "user-data-limit",
  description: "User-data fits: 16 KiB on AWS, 64 KiB on DigitalOcean.",
  remediation: "place the host's roles on several hosts",
  scopes: ["aws", "digitalocean"],
  checkResource: (resource) => {
    const userData = userDataOf(resource);
    if (!userData) {
      return [];
    }
    const { length } = userData.bytes;
    const limit = limits[userData.platform];
    return length <= limit ? [] : [`the user-data has ${String(length)} bytes, and ${String(limit)} fit`];
  },
};

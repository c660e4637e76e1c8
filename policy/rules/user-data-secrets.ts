import type { Rule } from "../rule";
import { userDataOf, userDataText } from "../user-data";

/** What only user-data with secrets in it holds, by what to call it. */
const marks: Readonly<Record<string, RegExp>> = {
  "a private key": /-----BEGIN ([A-Z]+ )*PRIVATE KEY-----/,
  "a file of secrets": /path:\s*["']?\/etc\/webinfra\/(secrets\/|app\.env)/,
};

export const userDataSecrets: Rule = {
  name: "user-data-secrets",
  description: "User-data, which everybody who may describe the instance can read, holds no secret.",
  remediation: "hand secrets to the host through the channel",
  // On DigitalOcean user-data carries the host's own secrets: a Droplet has no identity that could fetch them.
  scopes: ["aws"],
  checkResource: (resource) => {
    const userData = userDataOf(resource);
    if (userData?.platform !== "aws") {
      return [];
    }
    const text = userDataText(userData);
    if (text === undefined) {
      return ["the user-data cannot be unpacked"];
    }
    return Object.entries(marks)
      .filter(([, mark]) => mark.test(text))
      .map(([what]) => `the user-data holds ${what}`);
  },
};

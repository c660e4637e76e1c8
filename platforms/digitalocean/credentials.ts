/** Variables that the DigitalOcean provider reads its token from, in its order. */
const variables = ["DIGITALOCEAN_TOKEN", "DIGITALOCEAN_ACCESS_TOKEN"] as const;

/** What is missing in the environment for DigitalOcean, one line a problem; empty when nothing is. */
export function digitaloceanCredentialProblems(
  environment: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  if (variables.some((name) => (environment[name] ?? "").trim() !== "")) {
    return [];
  }
  return [
    "DIGITALOCEAN_TOKEN is not set: should be an API token that may read and write " +
      "(https://cloud.digitalocean.com/account/api/tokens); DIGITALOCEAN_ACCESS_TOKEN will do as well",
  ];
}

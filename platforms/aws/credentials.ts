import { join } from "node:path";

/** The environment of a process. */
type Environment = Readonly<Record<string, string | undefined>>;

const ways = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";

/** What is set without what it needs. */
function halves(environment: Environment): readonly string[] {
  const lacks = (one: string, other: string): readonly string[] =>
    environment[one] && !environment[other] ? [`${one} is set and ${other} is not: set both, or neither`] : [];
  return [
    ...lacks("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    ...lacks("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
    ...lacks("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"),
  ];
}

/**
 * Why the AWS provider would find no credentials, one line a problem: it takes them from variables, from the files of the AWS command line, or from
 * where a container or a CI job gets them (AWS SDKs and Tools Reference Guide, "Standardized credential providers"). Says nothing of whether they
 * are good.
 */
export function awsCredentialProblems(
  environment: Environment,
  fileExists: (path: string) => boolean,
): readonly string[] {
  const incomplete = halves(environment);
  if (incomplete.length > 0) {
    return incomplete;
  }
  const has = (name: string): boolean => Boolean(environment[name]);
  const given =
    has("AWS_ACCESS_KEY_ID") ||
    has("AWS_WEB_IDENTITY_TOKEN_FILE") ||
    has("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") ||
    has("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (given) {
    return [];
  }

  const home = environment.HOME ?? environment.USERPROFILE ?? "";
  const credentials = environment.AWS_SHARED_CREDENTIALS_FILE ?? join(home, ".aws", "credentials");
  const config = environment.AWS_CONFIG_FILE ?? join(home, ".aws", "config");
  const { AWS_PROFILE: profile } = environment;
  if (fileExists(credentials) || fileExists(config)) {
    return [];
  }
  return profile
    ? [
        `AWS_PROFILE is "${profile}", and neither ${credentials} nor ${config} is there: run aws configure --profile ${profile}`,
      ]
    : [`no AWS credentials: ${ways} (neither ${credentials} nor ${config} is there)`];
}

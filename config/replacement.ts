import { ConfigError } from "../core/config-error";
import { nearest } from "../core/nearest";

/** The variables that name the host which an update makes anew on purpose. They hold for one run and are no part of a stack's configuration. */
export const replaceVariable = "WEBINFRA_REPLACE";
export const discardVariable = "WEBINFRA_DISCARD_DATA";

/** A host that an update makes anew on purpose. */
export interface Replacement {
  /** Its name, such as db-2. */
  readonly host: string;
  /** Its data volume is made anew, too. */
  readonly discardData: boolean;
}

/** What says it to the program. */
export const replacementVariables = ({ host, discardData }: Replacement): Readonly<Record<string, string>> => ({
  [replaceVariable]: host,
  [discardVariable]: discardData ? host : "",
});

/**
 * The host that this run makes anew: `WEBINFRA_REPLACE` names it, and `WEBINFRA_DISCARD_DATA` names it once more when its data are to go. For a host that
 * holds data, it lifts what an update ignores otherwise. Undefined when neither is set.
 * @param hosts every host of the topology
 * @throws ConfigError when there is no such host, or the two differ
 */
export function replacementOf(
  environment: Readonly<Record<string, string | undefined>>,
  hosts: readonly string[],
): Replacement | undefined {
  const [host = "", discard = ""] = [environment[replaceVariable], environment[discardVariable]];
  if (discard !== "" && discard !== host) {
    throw new ConfigError([
      `${discardVariable} is "${discard}": should be the host that ${replaceVariable} names (${host === "" ? "none" : `"${host}"`}), or not be set`,
    ]);
  }
  if (host === "") {
    return undefined;
  }
  if (!hosts.includes(host)) {
    const near = nearest(host, hosts);
    throw new ConfigError([
      `${replaceVariable} is "${host}"${near === undefined ? "" : ` (did you mean "${near}"?)`}: should be a host of the topology (${hosts.join(", ")}), or not be set`,
    ]);
  }
  return { host, discardData: discard !== "" };
}

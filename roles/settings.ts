import { SealedSettings, writeHostSettings } from "../core/protocol";
import { Secret } from "../core/secret";
import { Placement, SettingsPart } from "../services/contract";
import { servicesOf } from ".";

/**
 * What of a host may change while it lives, as it travels.
 * @param sealed {@link sealedText}, sealed to the host; null: nothing is secret
 */
export function settingsText(host: string, placement: Placement, sealed: string | null): string {
  const { domain } = placement.settings;
  const own = servicesOf(placement.roles).reduce<SettingsPart>(
    (parts, service) => ({ ...parts, ...service.settings(placement) }),
    {},
  );
  return writeHostSettings({ host, domain, application: null, database: null, ...own, sealed });
}

/** The secret part of a host's settings, as the host reads it. @param text gives the text of a secret that one of its services declares */
export function sealedText(placement: Placement, text: (secret: Secret) => string): string {
  const environment = servicesOf(placement.roles).reduce<SealedSettings["environment"]>(
    (variables, service) => ({ ...variables, ...service.seal(placement, text).environment }),
    {},
  );
  return JSON.stringify({ environment } satisfies SealedSettings);
}

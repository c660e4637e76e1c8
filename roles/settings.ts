import { SealedSettings, writeHostSettings } from "../core/protocol";
import { Secret } from "../core/secret";
import { Placement } from "../services/contract";
import { servicesOf } from ".";

/**
 * What of a host may change while it lives, as it travels.
 * @param sealed {@link sealedText}, sealed to the host; null: nothing is secret
 */
export function settingsText(host: string, placement: Placement, sealed: string | null): string {
  const parts = servicesOf(placement.roles).map((service) => service.settings(placement));
  const { domain } = placement.settings;
  return writeHostSettings({ host, domain, application: null, database: null, ...Object.assign({}, ...parts), sealed });
}

/** The secret part of a host's settings, as the host reads it. @param text gives the text of a secret that one of its services declares */
export function sealedText(placement: Placement, text: (secret: Secret) => string): string {
  const parts = servicesOf(placement.roles).map((service) => service.seal(placement, text));
  const sealed: SealedSettings = { environment: Object.assign({}, ...parts.map(({ environment }) => environment)) };
  return JSON.stringify(sealed);
}

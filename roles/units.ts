/**
 * Lines of a script that start units, now and at every boot. systemd is not reloaded for it: cloud-init did that once all units were written, and each
 * reload takes up to a second while hosts boot.
 */
export const startUnits = (...units: readonly string[]): string =>
  [`systemctl --quiet --no-reload enable ${units.join(" ")}`, `systemctl start ${units.join(" ")}`].join("\n");

/** The script of a step that does nothing but start a unit. */
export const startingStep = (unit: string): string => `#!/bin/sh\nset -e\n${startUnits(unit)}\n`;

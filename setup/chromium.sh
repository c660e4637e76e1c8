#!/usr/bin/env bash
# Chromium, which only the page test needs: `npm test` calls this, `webinfra up` does not. CHROMIUM_PATH names one of your own.
set -euo pipefail
# shellcheck source=setup/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

hint="Install Chromium or Google Chrome with your system's packages, or let CHROMIUM_PATH name its program."
if [[ -n ${CHROMIUM_PATH:-} ]]; then
  name="Chromium ($CHROMIUM_PATH)"
  hint="CHROMIUM_PATH is to name a browser's program, such as /usr/bin/chromium; without it, Debian's Chromium is taken."
else
  name="Chromium (for the page test)"
fi

# The same names as in tests/support/browser.ts.
has_chromium() {
  if [[ -n ${CHROMIUM_PATH:-} ]]; then
    [[ -x $CHROMIUM_PATH ]]
  else
    have chromium || have chromium-browser || have google-chrome
  fi
}

install_chromium() {
  if [[ -n ${CHROMIUM_PATH:-} ]]; then
    echo "there is no program $CHROMIUM_PATH"
    return 1
  fi
  # Ubuntu's package of this name is no browser, but fetches one that cannot run without systemd.
  if ! grep -qx 'ID=debian' /etc/os-release; then
    echo "this set-up knows Debian's Chromium only"
    return 1
  fi
  note "fetching Chromium (about 100 MB)"
  # The list of packages may be there already.
  apt_install chromium || { apt_update && apt_install chromium; }
}

step "$name" has_chromium install_chromium "$hint"

#!/usr/bin/env bash
# Install Debian's Chromium, in which the console's pages are tested: it needs too many libraries to be unpacked only.
# Says why where it cannot be had; the browser's tests then skip.
set -euo pipefail
browser=/usr/bin/chromium
[[ -x $browser ]] && exit 0
command -v apt-get >/dev/null || { echo "chromium: there is no apt-get on this machine."; exit 0; }
[[ $EUID -eq 0 ]] || { echo "chromium: only root can install it: sudo apt-get install chromium"; exit 0; }
echo "Installing Debian's chromium (once a machine, a minute) …"
log=$(mktemp -t chromium-install.XXXXXX)
export DEBIAN_FRONTEND=noninteractive
if apt-get update -q >"$log" 2>&1 && apt-get install -q -y --no-install-recommends chromium >>"$log" 2>&1; then
  rm -f "$log"
else
  echo "chromium: Debian's package cannot be had here, see $log"
fi

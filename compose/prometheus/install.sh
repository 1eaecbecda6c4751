#!/usr/bin/env bash
# Put promtool and Prometheus into the cache: compose/prometheus/install.sh CACHE. Debian's package, unpacked and not
# installed; where it cannot be had this says why, and the rules' tests skip.
set -euo pipefail
cache=${1:?usage: compose/prometheus/install.sh CACHE}
tool="$cache/prometheus/usr/bin/promtool"
[[ -x $tool ]] && exit 0
for needed in apt-get dpkg; do
  command -v "$needed" >/dev/null || { echo "promtool: there is no $needed on this machine."; exit 0; }
done
mkdir -p "$cache/prometheus"
folder=$(mktemp -d "$cache/prometheus/deb.XXXXXX")
trap 'rm -rf "$folder"' EXIT
if (cd "$folder" && apt-get download -q prometheus) >"$cache/prometheus/download.log" 2>&1; then
  dpkg -x "$folder"/prometheus_*.deb "$cache/prometheus"
else
  echo "promtool: Debian's prometheus cannot be had here, see $cache/prometheus/download.log (is apt-get update due?)"
fi

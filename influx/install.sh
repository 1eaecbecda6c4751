#!/usr/bin/env bash
# Put every InfluxDB 1.x server that this machine can have into the cache: influx/install.sh CACHE
# 1.8.10 is built from its published source by Go; 1.6.7 is Debian's package, unpacked and not installed.
# Says why a server cannot be had; fails only where none can be and CI is set.
set -euo pipefail
cache=${1:?usage: influx/install.sh CACHE}
new="$cache/influxdb-1.8.10/bin/influxd"
old="$cache/influxdb-1.6.7/usr/bin/influxd"

build_1_8_10() {
  command -v go >/dev/null || { echo "InfluxDB 1.8.10: there is no Go on this machine to build it with."; return; }
  echo "Building InfluxDB 1.8.10 into $cache (once a machine, some minutes) …"
  mkdir -p "$(dirname "$new")"
  # Outside the tree, so that no go.mod is found. The module's own checksums are checked by Go.
  (cd "$cache" && GOBIN="$(dirname "$new")" go install -ldflags '-s -w -X main.version=1.8.10' \
    github.com/influxdata/influxdb/cmd/influxd@v1.8.10) >"$cache/influxdb-1.8.10/build.log" 2>&1 ||
    echo "InfluxDB 1.8.10: the build failed, see $cache/influxdb-1.8.10/build.log"
}

unpack_1_6_7() {
  for tool in apt-get dpkg; do
    command -v "$tool" >/dev/null || { echo "InfluxDB 1.6.7: there is no $tool on this machine."; return; }
  done
  local folder
  folder=$(mktemp -d "$cache/influxdb-deb.XXXXXX")
  # The name without a version: a Debian release has one, and another than 1.6.7 is refused below.
  if (cd "$folder" && apt-get download -q influxdb) >"$cache/influxdb-deb.log" 2>&1 &&
    [[ $(basename "$folder"/*.deb) == influxdb_1.6.7* ]]; then
    mkdir -p "$cache/influxdb-1.6.7" && dpkg -x "$folder"/*.deb "$cache/influxdb-1.6.7"
  else
    echo "InfluxDB 1.6.7: Debian's package cannot be had here, see $cache/influxdb-deb.log (is apt-get update due?)"
  fi
  rm -rf "$folder"
}

mkdir -p "$cache"
[[ -x $new ]] || build_1_8_10
[[ -x $old ]] || unpack_1_6_7
[[ -x $new || -x $old ]] && exit 0
echo "No InfluxDB server: install Go, or work on Debian. What needs one is skipped."
[[ -z ${CI:-} ]]

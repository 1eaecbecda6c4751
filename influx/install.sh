#!/usr/bin/env bash
# Put InfluxDB servers into the cache: influx/install.sh CACHE for every 1.x server that this machine can have,
# influx/install.sh CACHE 2 for 2.7.12 too. 1.8.10 and 2.7.12 are built from their published sources by Go, 2.7.12 with
# Rust besides, which takes ten minutes of two cores; 1.6.7 is Debian's package, unpacked and not installed.
# Says why a server cannot be had; fails only where none can be and CI is set.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${1:?usage: influx/install.sh CACHE [2]}
new="$cache/influxdb-1.8.10/bin/influxd"
old="$cache/influxdb-1.6.7/usr/bin/influxd"
two="$cache/influxdb-2.7.12/bin/influxd"

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

build_2_7_12() {
  for tool in go cargo pkg-config; do
    command -v "$tool" >/dev/null || { echo "InfluxDB 2.7.12: there is no $tool on this machine to build it with."; return; }
  done
  echo "Building InfluxDB 2.7.12 into $cache (once a machine, ten minutes or more) …"
  local folder=${two%/bin/influxd}
  mkdir -p "$folder/bin"
  # Flux, which is linked in and which we never ask, is not worth optimizing; newer compilers' warnings are errors to it.
  (cd "$here/v2" && go build -o "$folder/pkg-config" github.com/influxdata/pkg-config &&
    env PKG_CONFIG="$folder/pkg-config" RUSTC_WORKSPACE_WRAPPER="$here/v2/rustc-lenient" \
      RUSTUP_TOOLCHAIN="$(rustup show active-toolchain 2>/dev/null | cut -d' ' -f1)" RUSTFLAGS="--cap-lints warn" \
      CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
      go build -buildvcs=false -tags sqlite_foreign_keys,sqlite_json -ldflags '-s -w -X main.version=2.7.12' \
      -o "$two" github.com/influxdata/influxdb/v2/cmd/influxd) >"$folder/build.log" 2>&1 ||
    echo "InfluxDB 2.7.12: the build failed, see $folder/build.log"
}

mkdir -p "$cache"
[[ -x $new ]] || build_1_8_10
[[ -x $old ]] || unpack_1_6_7
[[ ${2:-} != 2 || -x $two ]] || build_2_7_12
[[ -x $new || -x $old ]] && exit 0
echo "No InfluxDB server: install Go, or work on Debian. What needs one is skipped."
[[ -z ${CI:-} ]]

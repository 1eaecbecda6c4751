#!/usr/bin/env bash
# Put into the cache what checks the compose files: compose/check/install.sh CACHE. The Compose Specification's loader,
# which Docker Compose itself reads files with, is built by Go; Caddy is Debian's package, unpacked and not installed.
# Says why something cannot be had; the tests that need it are skipped then, and say so.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${1:?usage: compose/check/install.sh CACHE}
loader="$cache/compose-go-2.16.2/compose-spec"
caddy="$cache/caddy-2.6/usr/bin/caddy"

build_loader() {
  command -v go >/dev/null || { echo "Compose's loader: there is no Go on this machine to build it with."; return; }
  mkdir -p "$(dirname "$loader")"
  (cd "$here" && go build -o "$loader" github.com/compose-spec/compose-go/v2/cmd) >"$(dirname "$loader")/build.log" 2>&1 ||
    echo "Compose's loader: the build failed, see $(dirname "$loader")/build.log"
}

unpack_caddy() {
  for tool in apt-get dpkg; do
    command -v "$tool" >/dev/null || { echo "Caddy: there is no $tool on this machine."; return; }
  done
  local folder
  folder=$(mktemp -d "$cache/caddy-deb.XXXXXX")
  if (cd "$folder" && apt-get download -q caddy) >"$cache/caddy-deb.log" 2>&1; then
    mkdir -p "$cache/caddy-2.6" && dpkg -x "$folder"/*.deb "$cache/caddy-2.6"
  else
    echo "Caddy: Debian's package cannot be had here, see $cache/caddy-deb.log (is apt-get update due?)"
  fi
  rm -rf "$folder"
}

mkdir -p "$cache"
[[ -x $loader ]] || build_loader
[[ -x $caddy ]] || unpack_caddy

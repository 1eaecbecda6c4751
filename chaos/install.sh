#!/usr/bin/env bash
# Put what the faults need into the cache: chaos/install.sh CACHE. Toxiproxy (network cut and slow) is built from its
# published source by Go, libfaketime (clocks that jump) is Debian's package, unpacked and not installed. What cannot be
# had is said, and `make chaos` then leaves out the faults that need it, and says so too.
set -euo pipefail
cache=${1:?usage: chaos/install.sh CACHE}
proxy="$cache/toxiproxy-2.12.0/server"
faketime="$cache/libfaketime-0.9.10/usr/lib"
mkdir -p "$cache"

build_toxiproxy() {
  command -v go >/dev/null || { echo "Toxiproxy 2.12.0: there is no Go on this machine to build it with."; return; }
  echo "Building Toxiproxy 2.12.0 into $cache (once a machine, a minute) …"
  mkdir -p "$(dirname "$proxy")"
  # Outside the tree, so that no go.mod is found. The module's own checksums are checked by Go.
  (cd "$cache" && GOBIN="$(dirname "$proxy")" go install -ldflags '-s -w' \
    github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0) >"$cache/toxiproxy-2.12.0/build.log" 2>&1 ||
    echo "Toxiproxy 2.12.0: the build failed, see $cache/toxiproxy-2.12.0/build.log"
}

unpack_faketime() {
  for tool in apt-get dpkg; do
    command -v "$tool" >/dev/null || { echo "libfaketime: there is no $tool on this machine."; return; }
  done
  local folder
  folder=$(mktemp -d "$cache/libfaketime-deb.XXXXXX")
  if (cd "$folder" && apt-get download -q libfaketime) >"$cache/libfaketime-deb.log" 2>&1 &&
    [[ $(basename "$folder"/*.deb) == libfaketime_0.9.10* ]]; then
    mkdir -p "$cache/libfaketime-0.9.10" && dpkg -x "$folder"/*.deb "$cache/libfaketime-0.9.10"
  else
    echo "libfaketime 0.9.10: Debian's package cannot be had here, see $cache/libfaketime-deb.log"
  fi
  rm -rf "$folder"
}

[[ -x $proxy ]] || build_toxiproxy
[[ -d $faketime ]] || unpack_faketime

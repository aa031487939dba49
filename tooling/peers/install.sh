#!/bin/sh
# Installs the peers that the interop tests talk to: those of this Debian (bookworm), and those of trixie in a folder of
# their own, which know extended headers. Needs root. Does nothing where everything is there already.
set -eu

root="${NBDJS_TRIXIE:-/var/lib/nbdjs-peers/trixie}"
host_packages="qemu-utils qemu-block-extra libnbd-bin python3-libnbd nbdkit nbd-server fio gnutls-bin debootstrap file"
trixie_packages="qemu-utils,qemu-system-common,libnbd-bin,nbdkit,nbd-server,python3-libnbd,gnutls-bin"

say() { echo "peers: $*"; }

retry() {
  attempt=1
  until "$@"; do
    [ "$attempt" -lt 3 ] || return 1
    say "attempt $attempt failed, trying again: $1"
    attempt=$((attempt + 1))
    sleep $((attempt * 2))
  done
}

have_host() {
  for program in qemu-nbd qemu-img qemu-io nbdkit nbdinfo nbdcopy nbddump nbdsh nbd-server fio file debootstrap; do
    command -v "$program" >/dev/null 2>&1 || return 1
  done
}

have_trixie() {
  for program in qemu-nbd qemu-img nbdkit nbdinfo nbdcopy nbddump nbd-server; do
    [ -x "$root/usr/bin/$program" ] || [ -x "$root/usr/sbin/$program" ] || [ -x "$root/bin/$program" ] || return 1
  done
}

# The base address that this machine's own package lists name for Debian, in either format; dated snapshots excepted.
mirror() {
  cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
    sed -n -e 's/^deb \(\[[^]]*\] \)\{0,1\}\([a-z]*:[^ ]*\) .*/\2/p' -e 's/^URIs: *\([^ ]*\).*/\1/p' |
    grep '/debian/*$' | head -n 1
}

install_host() {
  # Packages with a daemon would start it.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
  fi
  retry timeout 300 apt-get update -q
  # shellcheck disable=SC2086 # a list of words
  DEBIAN_FRONTEND=noninteractive retry timeout 600 apt-get install -y -q --no-install-recommends $host_packages
}

install_trixie() {
  from="$(mirror)"
  [ -n "$from" ] || { say "the package sources of this machine name no Debian mirror"; return 1; }
  rm -rf "$root"
  mkdir -p "$root"
  timeout 900 debootstrap --variant=minbase --include="$trixie_packages" trixie "$root" "$from"
}

[ "$(id -u)" = 0 ] || { say "root is needed to install the peers"; exit 1; }
if have_host; then say "the peers of this Debian are there"; else install_host; fi
if have_trixie; then say "the peers of trixie are there"; else retry install_trixie; fi
have_host || { say "programs of this Debian are still missing"; exit 1; }
have_trixie || { say "programs of trixie are still missing below $root"; exit 1; }
say "$(nbdkit --version), $(chroot "$root" nbdkit --version) in $root"

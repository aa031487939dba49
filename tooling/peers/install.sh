#!/bin/sh
# Installs the peers that the interop tests talk to: those of this machine's own Debian, and those of trixie in a
# folder of their own, which know extended headers. Needs root, asks nothing, and does nothing where all is there.
#
#   NBDJS_TRIXIE   the folder of trixie; /var/lib/nbdjs-peers/trixie when not set
set -eu

PATH="/usr/sbin:/usr/bin:/sbin:/bin:${PATH:-}"
export PATH DEBIAN_FRONTEND=noninteractive
exec </dev/null

root="${NBDJS_TRIXIE:-/var/lib/nbdjs-peers/trixie}"
root="${root%/}"
suite=trixie
host_packages="e2fsprogs fuse2fs fuse3 mount fdisk xz-utils zstd qemu-utils qemu-block-extra libnbd-bin python3-libnbd nbdkit nbd-server fio gnutls-bin openssl chromium genisoimage debootstrap file ceph-common ceph-mon ceph-osd radosgw"
# qemu-system-common holds what qemu-storage-daemon and the block drivers share.
# nbd-client is not for the machine itself: it would put files into its initial RAM disk.
trixie_packages="fdisk,xz-utils,zstd,qemu-utils,qemu-system-common,libnbd-bin,python3-libnbd,nbdkit,nbd-server,nbd-client,fio,gnutls-bin"
clients="qemu-img qemu-io nbdinfo nbdcopy nbddump nbdfuse nbdsh certtool sfdisk xz zstd"
servers="qemu-nbd nbdkit nbd-server"
mounts="fusermount3 fuse2fs mkfs.ext4 debugfs"
ceph="ceph ceph-authtool ceph-mon ceph-osd monmaptool radosgw radosgw-admin"

policy=/usr/sbin/policy-rc.d
policy_state=untouched
fresh=
worker=

say() { echo "peers: $*"; }

# In every way in which the script can end: nothing goes on, no half-made folder, and the machine's own policy about services as it
# was.
clean_up() {
  if [ -n "$worker" ]; then
    kill "$worker" 2>/dev/null || true
    wait "$worker" || true
  fi
  case "$policy_state" in
    made) rm -f "$policy" ;;
    replaced) mv -f "$policy.nbdjs" "$policy" ;;
  esac
  policy_state=untouched
  if [ -n "$fresh" ]; then discard "$fresh"; fi
}
trap clean_up EXIT
# dash runs no EXIT trap when a signal ends it.
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Runs a command for so many seconds at most. In the background, since a signal would otherwise have to wait for its end;
# and `timeout` has a process group of its own, so that a signal to ours does not reach it by itself.
bounded() {
  limit="$1"
  shift
  timeout -k 10 "$limit" "$@" &
  worker=$!
  code=0
  wait "$worker" || code=$?
  worker=
  return "$code"
}

# debootstrap mounts /proc and /sys in its folder; when it is interrupted they stay.
discard() {
  for mounted in proc sys; do umount "$1/$mounted" 2>/dev/null || true; done
  rm -rf --one-file-system "$1"
}

# Three times at most, with a pause that grows. What it runs has to be bounded itself.
retry() {
  attempt=1
  until "$@"; do
    if [ "$attempt" -ge 3 ]; then return 1; fi
    attempt=$((attempt + 1))
    say "that failed; attempt $attempt of 3 follows"
    sleep $((attempt * 2))
  done
}

# Prints the programs of this Debian that are not there.
missing_host() {
  for program in $clients $servers $ceph $mounts fio openssl chromium genisoimage file debootstrap; do
    command -v "$program" >/dev/null || printf ' %s' "$program"
  done
  /usr/bin/python3 -c 'import nbd' 2>/dev/null || printf ' python3-libnbd'
}

# Prints the programs of trixie that do not run. Seeing the files would not do: a debootstrap that was killed leaves
# programs without their libraries.
missing_trixie() {
  if ! [ -x "$root/bin/sh" ]; then
    printf ' all'
    return
  fi
  # shellcheck disable=SC2016 # expanded by the inner shell
  timeout 60 chroot "$root" /bin/sh -c '
    PATH=/usr/sbin:/usr/bin:/sbin:/bin
    for program in "$@"; do
      option=--version
      [ "$program" != nbd-server ] || option=-V
      "$program" "$option" >/dev/null 2>&1 || printf " %s" "$program"
    done' sh $clients $servers nbd-client fio || printf ' chroot'
}

# Prints the base addresses of the Debian archives that this machine's apt sources name, in both formats. Archives that
# move on come first: a dated snapshot may be older than what is asked of it.
mirrors() {
  for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
    if ! [ -r "$list" ]; then continue; fi
    case "$list" in
      *.sources) awk '
          function flush(  i, count, parts) {
            if (types ~ /(^|[ \t])deb([ \t]|$)/ && enabled !~ /^[ \t]*(no|false|0)/) {
              count = split(uris, parts, /[ \t]+/)
              for (i = 1; i <= count; i++) if (parts[i] != "") print parts[i]
            }
            types = uris = enabled = field = ""
          }
          /^#/ { next }
          /^[ \t]*$/ { flush(); next }
          /^[ \t]/ { if (field == "uris") uris = uris " " $0; next }
          {
            colon = index($0, ":")
            field = tolower(substr($0, 1, colon - 1))
            value = substr($0, colon + 1)
            if (field == "types") types = value
            if (field == "uris") uris = value
            if (field == "enabled") enabled = value
          }
          END { flush() }' "$list" ;;
      *) sed -n -e 's/^[[:space:]]*deb[[:space:]]\{1,\}\(\[[^]]*\][[:space:]]*\)\{0,1\}\([^[:space:]]*\).*/\2/p' "$list" ;;
    esac
  done |
    sed -e 's,/*$,,' | grep -E '^(https?|file):' | grep -v 'debian-security' |
    awk '{ rank = /\/debian$/ ? 1 : /\/debian\// ? 2 : 3; print rank, NR, $0 }' |
    sort -k1,1n -k2,2n | awk '!seen[$3]++ { print $3 }'
}

# Packages with a daemon start it when they are installed, unless this policy says no (101).
forbid_services() {
  if [ -x "$policy" ]; then
    code=0
    "$policy" nbd-server start >/dev/null 2>&1 || code=$?
    if [ "$code" = 101 ]; then return; fi
  fi
  if [ -e "$policy" ]; then
    mv -f "$policy" "$policy.nbdjs"
    policy_state=replaced
  else
    policy_state=made
  fi
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
}

install_host_once() {
  # An installation that was killed on its way has to be brought to its end first.
  bounded 300 dpkg --configure -a || return 1
  bounded 300 apt-get update -q -o Acquire::Retries=3 || return 1
  # shellcheck disable=SC2086 # a list of words
  bounded 900 apt-get install -y -q --no-install-recommends -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120 \
    -o Dpkg::Options::=--force-confold $host_packages
}

install_trixie_once() {
  for mirror in $(mirrors); do
    fresh="$root.new"
    discard "$fresh"
    mkdir -p "$fresh"
    # Made beside its place and moved there, so that what is found there is whole.
    if bounded 900 debootstrap --variant=minbase --include="$trixie_packages" "$suite" "$fresh" "$mirror"; then
      rm -f "$fresh"/var/cache/apt/archives/*.deb
      if [ -e "$root" ]; then discard "$root"; fi
      mv "$fresh" "$root"
      fresh=
      return
    fi
    if [ -r "$fresh/debootstrap/debootstrap.log" ]; then tail -n 5 "$fresh/debootstrap/debootstrap.log"; fi
    say "an archive in the apt sources gave no $suite"
  done
  return 1
}

install_trixie() {
  # It is about to be removed, so it had better be what this script makes, and not what a mistyped variable names.
  if [ -e "$root" ] && [ -n "$(ls -A "$root")" ] && ! { [ -e "$root/etc/debian_version" ] && [ -d "$root/debootstrap" ]; } \
    && ! grep -qs "^VERSION_CODENAME=$suite\$" "$root/etc/os-release"; then
    say "$root holds something else than $suite; remove it or set NBDJS_TRIXIE"
    return 1
  fi
  if [ -z "$(mirrors)" ]; then
    say "the apt sources of this machine name no Debian archive"
    return 1
  fi
  # debootstrap does not know apt's proxy.
  eval "$(apt-config shell proxy Acquire::http::Proxy)"
  if [ -n "${proxy:-}" ] && [ -z "${http_proxy:-}" ]; then export http_proxy="$proxy"; fi
  retry install_trixie_once
}

case "$root" in
  /?*) ;;
  *) say "NBDJS_TRIXIE has to be an absolute path other than /"; exit 1 ;;
esac
missing="$(missing_host)"
if [ -n "$missing" ] || [ -n "$(missing_trixie 2>/dev/null)" ]; then
  [ "$(id -u)" = 0 ] || { say "root is needed to install the peers"; exit 1; }
  # Two at a time would remove what the other makes.
  mkdir -p "$(dirname "$root")"
  exec 9>"$root.lock"
  flock -w 1800 9 || { say "another installation does not come to its end"; exit 1; }
  missing="$(missing_host)"
fi

if [ -n "$missing" ]; then
  say "installing on this Debian, for want of:$missing"
  forbid_services
  retry install_host_once || say "the installation on this Debian failed"
  missing="$(missing_host)"
fi
if [ -n "$missing" ]; then
  say "still missing on this Debian:$missing"
  exit 1
fi
say "this Debian has $(nbdkit --version), $(qemu-nbd --version | head -n 1), $(nbdinfo --version | head -n 1)"

missing="$(missing_trixie)"
if [ -n "$missing" ]; then
  say "installing $suite in $root, for want of:$missing"
  install_trixie || say "the installation of $suite failed"
  missing="$(missing_trixie)"
fi
if [ -n "$missing" ]; then
  say "still missing in $root:$missing"
  exit 1
fi
inside() { chroot "$root" "$@" | head -n 1; }
say "$root has $(inside nbdkit --version), $(inside qemu-nbd --version), $(inside nbdinfo --version)"

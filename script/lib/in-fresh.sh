#!/usr/bin/env bash
# Runs a command as root in the clone inside a system that script/prove fresh made: in-fresh.sh FOLDER COMMAND...
#
# The command sees nothing of this machine but the kernel, the network and rustup's toolchain (read-only). Its mounts and
# processes end with it.
set -euo pipefail

root=$1
shift
# Where this machine names its root certificates in variables, the new system uses its own copy of them.
trust=()
for name in SSL_CERT_FILE CURL_CA_BUNDLE PIP_CERT REQUESTS_CA_BUNDLE NODE_EXTRA_CA_CERTS; do
    [ -z "${!name:-}" ] || trust+=("$name=/etc/ssl/certs/ca-certificates.crt")
done
cp /etc/resolv.conf /etc/hosts "$root/etc/"
# shellcheck disable=SC2016
exec unshare --mount --pid --fork --kill-child --propagation private bash -c '
    set -e
    root=$1 rustup=$2
    shift 2
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs tmpfs "$root/dev/shm"
    mount --bind "$rustup" "$root/root/.rustup"
    mount -o remount,bind,ro "$root/root/.rustup"
    exec chroot "$root" /usr/bin/env -i HOME=/root LANG=C.UTF-8 RUSTUP_AUTO_INSTALL=0 \
        PATH=/root/.cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
' bash "$root" "${RUSTUP_HOME:-$HOME/.rustup}" "${trust[@]}" bash -c 'cd /root/starchart && exec "$@"' bash "$@"

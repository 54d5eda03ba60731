# Functions that all commands in this folder share. Sourced, not run. bash.
# shellcheck shell=bash disable=SC2034

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
TARGET=${CARGO_TARGET_DIR:-$ROOT/target}
PATH=$HOME/.cargo/bin:$PATH:/usr/sbin
cd "$ROOT" || exit

say() { printf '%s\n' "$*" >&2; }
die() {
    say "$*"
    exit 1
}

# Prints the comment at the head of the script that was called, and ends.
usage() {
    sed -n '2,/^[^#]/ { s/^# \{0,1\}//p }' "$0"
    exit 0
}

can_be_root() { [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null; }

# Check can_be_root first: only the caller knows what to advise if there is no way.
as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -- "$@"; fi; }

# Prints those of the given packages that are not installed.
missing_packages() {
    local package
    for package; do
        dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || printf '%s\n' "$package"
    done
}

# Installs missing packages, and keeps their services from starting, now and at the next boot.
install_packages() {
    local missing absent package
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    can_be_root || die "This needs root and there is no sudo. As root, run: apt-get install --no-install-recommends ${missing[*]}"
    say "Installing ${missing[*]}"
    mapfile -t absent < <(missing_packages mariadb-server redis-server apache2 nginx-light)
    without_services apt_install "${missing[@]}" || die "apt-get could not install ${missing[*]}; see above."
    [ -d /run/systemd/system ] || return 0
    # Leaves services alone that were installed before.
    for package in "${absent[@]}"; do
        [ -z "$(missing_packages "$package")" ] || continue
        # mariadb-server's service is mariadb and nginx-light's is nginx, redis-server's has the package's name.
        as_root systemctl disable "${package%-*}" >/dev/null 2>&1 || true
        as_root systemctl disable "$package" >/dev/null 2>&1 || true
    done
}

apt_install() {
    as_root apt-get update -qq &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" </dev/null >&2
}

# Runs the command under a Debian policy that keeps packages from starting services; always removes it.
without_services() (
    policy=/usr/sbin/policy-rc.d
    if [ -e "$policy" ]; then
        "$@"
        exit
    fi
    trap 'as_root rm -f "$policy"' EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null && as_root chmod 755 "$policy" && "$@"
)

has_apt() { command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; }

# Installs what the build needs beside cargo: samael links the system's xmlsec and OpenSSL, bindgen loads libclang.
build_packages() {
    if has_apt; then
        # For the commit in `starchart version`; an image is told it, and needs no git.
        install_packages git
        install_packages gcc libc6-dev pkg-config libssl-dev libxml2-dev libxmlsec1-dev libclang-dev
    elif ! { command -v cc && command -v pkg-config && pkg-config --exists openssl libxml-2.0 xmlsec1; } >/dev/null; then
        die "The build needs a C compiler, pkg-config, libclang, and the development files of OpenSSL, libxml2 and xmlsec1 (with its OpenSSL part).
This is no Debian or Ubuntu: install them with your system's package manager, then run this again."
    fi
}

# Checks that cargo is at least Cargo.toml's rust-version.
check_cargo() {
    local need have mend
    need=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    if command -v rustup >/dev/null; then
        mend='rustup update stable && rustup default stable'
    else
        mend='apt-get install rustup && rustup default stable   (or follow https://rustup.rs)'
    fi
    command -v cargo >/dev/null || die "cargo is missing; Rust $need or newer is required. Run: $mend"
    have=$(cargo --version | cut -d' ' -f2)
    if [ "$(printf '%s\n%s\n' "$need" "${have%%-*}" | sort -V | head -n1)" != "$need" ]; then
        die "cargo is $have, but Rust $need or newer is required. Run: $mend"
    fi
}

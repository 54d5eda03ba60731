# A bare Debian 12 in a folder, for script/prove fresh. Sourced after servers.sh, steps.sh and engine.sh.
# shellcheck shell=bash disable=SC2153

FRESH=$TARGET/prove/fresh
FRESH_RELEASE=bookworm
# At most an hour and a half for the whole test run and for the demo's first build.
FRESH_LIMIT_S=5400

install_fresh() {
    need_apt
    [ "$(id -u)" -eq 0 ] || die "script/prove fresh unpacks a Debian system and enters it, which needs root. As root, run: script/prove fresh"
    command -v rustup >/dev/null || die "script/prove fresh lends rustup's toolchain to the new system, and rustup is missing: https://rustup.rs"
    install_packages debootstrap git python3 bind9-dnsutils openssl
    [ -z "$(git status --porcelain)" ] || say "Uncommitted changes are not part of this test: it clones the last commit."
}

# A Debian of the smallest variant, rustup as its installer leaves it, and a clone of the last commit. Nothing else.
make_fresh() {
    remove_fresh
    debian_root "$FRESH_RELEASE" "$FRESH"
    local toolchain=$FRESH/root/.cargo/bin tool
    mkdir -p "$toolchain" "$FRESH/root/.rustup"
    cp "$(rustup_binary)" "$toolchain/rustup"
    for tool in cargo cargo-clippy cargo-fmt clippy-driver rustc rustdoc rustfmt; do ln -s rustup "$toolchain/$tool"; done
    git clone --quiet --no-hardlinks "$ROOT" "$FRESH/root/starchart"
    # As a checkout from the internet: no path of this machine.
    git -C "$FRESH/root/starchart" remote remove origin
}

rustup_binary() { readlink -f "$(command -v rustup)"; }

remove_fresh() {
    if grep -q " $FRESH/" /proc/self/mounts; then die "Something is still mounted below $FRESH; it is left as it is."; fi
    rm -rf --one-file-system "$FRESH"
}

# The first README command: the demo starts, a user signs in, a record resolves, a certificate verifies.
fresh_demo() {
    start_server fresh-demo script/lib/in-fresh.sh "$FRESH" script/demo --json
    WAIT_S=$FRESH_LIMIT_S wait_for fresh-demo grep -q '^{.*"url"' "$SCRATCH/fresh-demo.log"
    local app idp dns root ca
    read -r app idp dns root ca < <(grep '^{.*"url"' "$SCRATCH/fresh-demo.log" |
        python3 -c 'import json, sys; d = json.load(sys.stdin); print(d["url"], d["idp"], d["dns"], d["root"], d["ca_root"])')
    user() { python3 tests/user.py --app "$app" --idp "$idp" --cookies "$SCRATCH/cookies" "$@"; }
    user sign-in user1 user1pass
    user create www A 192.0.2.10
    wait_for fresh-demo record_resolves "$dns" "www.user1.$root" 192.0.2.10
    user request-certificate
    user certificate --wait 120 certificate >"$SCRATCH/certificate.pem"
    user certificate chain >"$SCRATCH/chain.pem"
    openssl verify -CAfile "$(fresh_path "$ca")" -untrusted "$SCRATCH/chain.pem" "$SCRATCH/certificate.pem" >&2
    count 1 0 0
}

# A path as the demo prints it, seen from outside.
fresh_path() { case $1 in /*) echo "$FRESH$1" ;; *) echo "$FRESH/root/starchart/$1" ;; esac; }

record_resolves() { [ "$(dig "@${1%:*}" -p "${1##*:}" +short +time=2 +tries=1 "$2" A)" = "$3" ]; }

# The second README command; its last line counts the tests.
fresh_test() {
    local code=0 log=$SCRATCH/fresh-test.log
    timeout "$FRESH_LIMIT_S" script/lib/in-fresh.sh "$FRESH" script/test 2>&1 </dev/null | tee "$log" >&2 || code=$?
    # shellcheck disable=SC2046
    count $(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' "$log" | tail -n1)
    return "$code"
}

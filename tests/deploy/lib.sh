# What the tests of this folder share: a docker that only notes what it is told, cases, and their count. Sourced.
# shellcheck shell=bash disable=SC2034

FAKE=$(mktemp -d "${TMPDIR:-/tmp}/starchart-deploy.XXXXXX")
OLD=$(printf 'a%.0s' {1..64}) NEW=$(printf 'b%.0s' {1..64}) OTHER=$(printf 'c%.0s' {1..64})
export FAKE BUILT=$NEW PATH="$PWD/bin:$PATH"

# A case begins without anything that another left, and with a service that runs staging.
fresh() {
    rm -rf "$FAKE"/{registry,local,state,updates,version,log,label,slow,unhealthy,builds,pushes,logins,registry-away,state-of-update,lame,stale,refused,lost,repo}
    mkdir -p "$FAKE/registry" "$FAKE/local"
    echo "$OLD" | tee "$FAKE/registry/staging" >"$FAKE/registry/staging-sha-aaaaaa"
    echo "$NEW" >"$FAKE/registry/staging-sha-bbbbbb"
    echo "starchart:staging@sha256:$OLD" >"$FAKE/running"
    echo 0123456789ab >"$FAKE/revision"
    touch "$FAKE"/{updates,version,log,builds,pushes}
}

fails() { if "$@"; then echo "did not fail: $*" && return 1; fi; }

# expect NAME: runs the function of that name in a shell of its own, where any failing line ends it.
expect() {
    local said code=0
    fresh
    set +e
    said=$( (set -e && "$1") 2>&1)
    code=$?
    set -e
    if [ "$code" -eq 0 ]; then
        PASSED=$((PASSED + 1))
    else
        FAILED=$((FAILED + 1))
        printf '%s: %s FAILED\n%s\nlog:\n%s\n' "${0##*/}" "${1//_/ }" "$said" "$(cat "$FAKE/log")" >&2
    fi
}

# run_cases [CASE...]: those, or all functions whose name begins as a sentence does; then the count, and the exit code.
run_cases() {
    local name cases=("$@")
    PASSED=0 FAILED=0
    [ $# -gt 0 ] || mapfile -t cases < <(declare -F | awk '$3 ~ /^(a|an|the|every|calls|what|without|only)_/ { print $3 }')
    for name in "${cases[@]}"; do expect "$name"; done
    echo "$PASSED passed, $FAILED failed"
    [ "$FAILED" -eq 0 ]
}

# The steps of script/test and their counts. Sourced after servers.sh.
# shellcheck shell=bash disable=SC2034,SC2153

COUNTS=$SCRATCH/counts
: >"$COUNTS"
BROKEN=0
declare -A FAILED=()
PRODUCTION=$TARGET/production

# step NAME COMMAND...: runs it and prints its duration. A failure does not stop the script; finish reports it.
step() {
    local name=$1 start=$SECONDS code=0 before
    shift
    before=$(failures)
    say "== $name"
    # Not `if ( … )` and not `( … ) ||`: bash would ignore errexit inside.
    set +e
    (
        set -e
        "$@"
    )
    code=$?
    set -e
    if [ "$code" -ne 0 ]; then
        say "== $name FAILED ($((SECONDS - start)) s)"
        FAILED[$name]=1
        if [ "$(failures)" -eq "$before" ]; then BROKEN=$((BROKEN + 1)); fi
    else
        say "== $name passed ($((SECONDS - start)) s)"
    fi
}

# after FIRST NAME COMMAND...: a step that is skipped if the step FIRST failed, so that one cause counts once.
after() {
    if [ -n "${FAILED[$1]:-}" ]; then
        say "== $2 skipped, because this failed: $1"
        FAILED[$2]=1
    else
        step "${@:2}"
    fi
}

failures() { awk '{ n += $2 } END { print n + 0 }' "$COUNTS"; }

count() { echo "${1:-0} ${2:-0} ${3:-0}" >>"$COUNTS"; }

# Prints the line of counts, and exits.
finish() {
    local passed failed skipped
    read -r passed failed skipped < <(awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }' "$COUNTS")
    failed=$((failed + BROKEN))
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ] || exit 1
}

# run_tests all|unit|store|production|no-wakeups|clients. If the release binary was built, the tests over HTTP run on it.
run_tests() {
    local nextest=() cargo=() log=$SCRATCH/tests.log code=0
    if [ "$1" = production ] || { [ "$1" = all ] && [ -z "${FAILED['production build']:-}" ]; }; then
        export STARCHART_TEST_BINARY=$PRODUCTION/release/starchart
    fi
    case $1 in
    all) ;;
    # Modules named redis need a server.
    unit) nextest=(--lib --bins -E 'not test(/^redis::/)') cargo=(--lib --bins -- --skip redis::) ;;
    store) nextest=(-E 'package(starchart-store)') cargo=(-p starchart-store) ;;
    production) nextest=(-E 'package(starchart) & kind(test)') cargo=(-p starchart --test '*') ;;
    clients)
        nextest=(-E 'package(starchart) & kind(test) & test(/^clients::/)')
        cargo=(-p starchart --test '*' -- clients::)
        ;;
    no-wakeups)
        export STARCHART_TEST_REDIS_URL=none
        # Only tests of background work; the others send no wake-up.
        nextest=(-E 'package(starchart) & kind(test) & test(/^(certificates|expiry|mail|publish|records|replicas|tracking)::/)')
        cargo=(-p starchart --test '*' -- certificates:: expiry:: mail:: publish:: records:: replicas:: tracking::)
        ;;
    esac
    mkdir -p "$STARCHART_TEST_CLIENT_TIMES"
    if cargo nextest --version >/dev/null 2>&1; then
        cargo nextest run --workspace --locked --no-fail-fast "${nextest[@]}" 2>&1 | tee "$log" >&2 || code=$?
        count_nextest "$log"
    else
        case " ${cargo[*]} " in *' -p '*) ;; *) cargo=(--workspace "${cargo[@]}") ;; esac
        cargo test --locked --no-fail-fast "${cargo[@]}" 2>&1 | tee "$log" >&2 || code=$?
        count_cargo_test "$log"
    fi
    print_clients
    return "$code"
}

# Prints the clients that tests have run, with versions and seconds.
print_clients() {
    local lines
    lines=$(cat "$STARCHART_TEST_CLIENT_TIMES"/* 2>/dev/null || true)
    [ -n "$lines" ] || return 0
    say "$(printf 'client\tversion\tseconds\n%s\n' "$(sort <<<"$lines")" | awk -F '\t' '{ printf "%-30s %-10s %s\n", $1, $2, $3 }')"
}

# Summary [   2.1s] 8 tests run: 6 passed (1 slow), 1 failed, 1 timed out, 3 skipped
count_nextest() {
    local summary
    summary=$(sed 's/\x1b\[[0-9;]*m//g' "$1" | grep -E '^ *Summary \[' | tail -n1 || true)
    number() { grep -oE "[0-9]+ $1" <<<"$summary" | cut -d' ' -f1 | head -n1 || true; }
    local passed failed timed_out broken skipped
    passed=$(number passed) failed=$(number failed) timed_out=$(number 'timed out') broken=$(number 'exec failed') skipped=$(number skipped)
    count "${passed:-0}" "$((${failed:-0} + ${timed_out:-0} + ${broken:-0}))" "${skipped:-0}"
}

# test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; …   (one line a test program)
count_cargo_test() {
    local passed failed skipped
    read -r passed failed skipped < <(awk '/^test result:/ { p += $4; f += $6; s += $8 + $12 } END { print p + 0, f + 0, s + 0 }' "$1")
    count "$passed" "$failed" "$skipped"
}

# Tests of the deploy webhook and of script/release; the last line of each is: N passed, N failed
deploy_tests() {
    local code=0 part log=$SCRATCH/deploy.log
    for part in webhook timer release; do
        "tests/deploy/$part" 2>&1 | tee "$log" >&2 || code=$?
        # shellcheck disable=SC2046
        count $(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2 0/p' "$log")
    done
    return "$code"
}

# Builds the release binary in its own target folder: without the demo, without SQLite.
production_build() {
    CARGO_TARGET_DIR=$PRODUCTION cargo build --release -p starchart --no-default-features --locked
}

# Runs tests/browser, each file on its own demo; screenshots and reports go to artifacts/.
browser_tests() {
    local file code=0 ended
    cargo build --workspace --locked
    for file in tests/browser/*stories.mjs; do
        # In a subshell, so that its demo ends with it; as in `step`, bash must not ignore errexit inside.
        set +e
        (
            set -e
            with_server start_demo run_browser_tests "$file"
        )
        ended=$?
        set -e
        [ "$ended" -eq 0 ] || code=1
    done
    return "$code"
}

start_demo() {
    rm -rf "$SCRATCH/demo"
    start_server demo "$TARGET/debug/starchart" demo --data "$SCRATCH/demo" --port 0 --idp-port 0 --dns-port 0 --json
    wait_for demo grep -q '^{.*"url"' "$SCRATCH/demo.log"
}

# run_browser_tests FILE...: on the running demo.
run_browser_tests() {
    local code=0 log=$SCRATCH/browser.log
    STARCHART_BROWSER=$(browser_path)
    STARCHART_DEMO=$(grep -m1 '^{.*"url"' "$SCRATCH/demo.log")
    export STARCHART_BROWSER STARCHART_DEMO
    # No colours, because the counts are read from the output.
    env -u FORCE_COLOR NO_COLOR=1 node --test --test-concurrency=1 --test-reporter=spec --test-reporter-destination=stdout \
        "$@" 2>&1 | tee "$log" >&2 || code=$?
    local passed failed skipped
    passed=$(sed -n 's/^ℹ pass //p' "$log") failed=$(sed -n 's/^ℹ fail //p' "$log") skipped=$(sed -n 's/^ℹ skipped //p' "$log")
    count "${passed:-0}" "${failed:-0}" "${skipped:-0}"
    return "$code"
}

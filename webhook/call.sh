#!/usr/bin/env bash
# Calls the deploy webhook, and waits until the application reports this commit.
#
#   call.sh TAG [COMMIT]
#
#   WEBHOOK_URL       https://HOST/hooks/deploy
#   WEBHOOK_SECRET    from the host's /etc/starchart-webhook.env
#   VERSION_URL       https://APP/version; needed with COMMIT
#   WAIT_S            how long to wait for the commit, default 2400
#   EVERY_S           seconds between two requests, default 2
#
# Needs curl and python3. Exit code 0: accepted, and if a commit was given, running. 1: refused, or not running in time. 2: wrong arguments.
set -euo pipefail

usage() {
    printf 'call.sh: %s\nusage: WEBHOOK_URL=... WEBHOOK_SECRET=... [VERSION_URL=...] call.sh TAG [COMMIT]\n' "$1" >&2
    exit 2
}

tag=${1:-} commit=${2:-}
[[ $tag =~ ^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$ ]] || usage 'TAG is missing or no image tag'
[[ $commit =~ ^([0-9a-f]{7,40})?$ ]] || usage 'COMMIT is not 7 to 40 hexadecimal digits'
[ -n "${WEBHOOK_URL:-}" ] || usage 'WEBHOOK_URL is not set'
[ -n "${WEBHOOK_SECRET:-}" ] || usage 'WEBHOOK_SECRET is not set'
[ -z "$commit" ] || [ -n "${VERSION_URL:-}" ] || usage 'VERSION_URL is not set, so nobody can tell which commit runs'

# The secret is in no argument, because other processes can read arguments; `openssl dgst -hmac` would need it there.
sign() {
    python3 -c 'import hmac, os, sys; print(hmac.new(os.environb[b"WEBHOOK_SECRET"], sys.stdin.buffer.read(), "sha256").hexdigest())'
}

nonce=$(python3 -c 'import secrets; print(secrets.token_hex(16))')
body=$(printf '{"tag":"%s","issued_at":"%s","nonce":"%s"}' "$tag" "$(date -u +%FT%TZ)" "$nonce")
signature=$(printf %s "$body" | sign)
# No automatic retry: the nonce is valid once, and the first request may have arrived.
curl --silent --show-error --max-time 60 --fail-with-body -H 'Content-Type: application/json' -H "X-Hub-Signature: sha256=$signature" \
    --data-binary "$body" "$WEBHOOK_URL" || {
    echo "call.sh: the webhook did not take the call; its host's journal says more: journalctl -t starchart-deploy" >&2
    exit 1
}
[ -n "$commit" ] || exit 0

# While tasks are replaced, old and new ones answer in turn.
same=0 running=
deadline=$((SECONDS + ${WAIT_S:-2400}))
while [ "$same" -lt 5 ]; do
    if [ "$SECONDS" -ge "$deadline" ]; then
        echo "call.sh: $VERSION_URL says ${running:-nothing}, not $commit, after ${WAIT_S:-2400} s: the update was rolled back, or is still going" >&2
        exit 1
    fi
    sleep "${EVERY_S:-2}"
    running=$(curl --silent --max-time 10 "$VERSION_URL" | sed -n 's/.*"commit" *: *"\([0-9a-f]*\)".*/\1/p') || running=
    # The application reports the first twelve digits.
    if [ ${#running} -ge 7 ] && [[ $commit == "$running"* || $running == "$commit"* ]]; then same=$((same + 1)); else same=0; fi
done
echo "$VERSION_URL says $running"

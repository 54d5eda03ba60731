# What the cases of the webhook and of its timer share: the real `webhook` on a loopback port, and calls to it. Sourced.
# shellcheck shell=bash disable=SC2015,SC2034

SECRET=throw-away-of-this-test
. ./lib.sh
export STATE_DIRECTORY=$FAKE/state WEBHOOK_SECRET=$SECRET CHANNEL=staging
SERVER=

stop() {
    [ -z "$SERVER" ] || kill "$SERVER" 2>/dev/null || true
    rm -rf "$FAKE"
}
trap stop EXIT

# Every wait tries again after 0.1 s, for 120 s.
WAIT_TRIES=1200

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

start() {
    local port try
    port=$(free_port)
    URL=http://127.0.0.1:$port/hooks/deploy
    sed "s|/opt/starchart/webhook/|$(cd ../../webhook && pwd)/|" ../../webhook/hooks.json >"$FAKE/hooks.json"
    webhook -hooks "$FAKE/hooks.json" -template -ip 127.0.0.1 -port "$port" -verbose >"$FAKE/webhook.log" 2>&1 &
    SERVER=$!
    for ((try = 0; try < WAIT_TRIES; try++)); do
        if curl --silent --output /dev/null "http://127.0.0.1:$port/"; then return; fi
        sleep 0.1
    done
    cat "$FAKE/webhook.log" >&2
    exit 1
}

# sign BODY [SECRET]: another way than call.sh does. As an argument others could read the secret, but this one is good for nothing.
sign() { printf %s "$1" | openssl dgst -sha256 -hmac "${2:-$SECRET}" | sed 's/^.* //'; }

# post BODY [SIGNATURE]: status and answer, in $STATUS and $ANSWER.
post() {
    ANSWER=$(curl --silent --max-time 120 --write-out '\n%{http_code}' -H 'Content-Type: application/json' \
        -H "X-Hub-Signature: sha256=${2-$(sign "$1")}" --data-binary "$1" "$URL")
    STATUS=${ANSWER##*$'\n'} ANSWER=${ANSWER%$'\n'*}
}

now() { date -u --date="${1:-now}" +%FT%TZ; }
nonce() { openssl rand -hex 16; }
# body TAG [WHEN]: TAG is written as JSON wants it.
body() { printf '{"tag":"%s","issued_at":"%s","nonce":"%s"}' "$1" "$(now "${2:-now}")" "$(nonce)"; }

# until_logged TEXT: waits until the log has the text.
until_logged() {
    local try
    for ((try = 0; try < WAIT_TRIES; try++)); do
        if grep -qF -- "$1" "$FAKE/log"; then return; fi
        sleep 0.1
    done
    echo "never logged: $1; the log ends with:"
    tail -n 20 "$FAKE/log"
    return 1
}

updated_to() { [ "$(grep '^begin' "$FAKE/updates")" = "begin $1" ] || { echo "updates: $(cat "$FAKE/updates")" && return 1; }; }
not_updated() { sleep 0.3 && [ ! -s "$FAKE/updates" ] || { echo "updated: $(cat "$FAKE/updates")" && return 1; }; }
answered() { [ "$STATUS" = "$1" ] && [[ $ANSWER == *"$2"* ]] || { echo "answered $STATUS: $ANSWER" && return 1; }; }
held() { [ -e "$STATE_DIRECTORY/hold" ] || { echo 'no hold' && return 1; }; }
not_held() { [ ! -e "$STATE_DIRECTORY/hold" ] || { echo 'a hold' && return 1; }; }
poll() { ../../webhook/poll.sh; }
# deploy TAG: a call that has passed the signature; what it sets in motion sees the caller's settings.
deploy() { TAG=$1 ISSUED_AT=$(now) NONCE=$(nonce) ../../webhook/deploy.sh; }

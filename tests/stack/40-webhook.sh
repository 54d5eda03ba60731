# The deploy webhook and its timer: signed calls, missed calls, holds, and rollback by publishing an older build.
# shellcheck shell=bash

HOOK_PORT=$(free_port)
export WEBHOOK_SECRET=throw-away-of-this-test CHANNEL=production SERVICE=$APP STATE_DIRECTORY=$SCRATCH/webhook WAIT_S=300
export WEBHOOK_URL=http://127.0.0.1:$HOOK_PORT/hooks/deploy VERSION_URL=https://names.school.example/version
mkdir -p "$STATE_DIRECTORY" "$SCRATCH/curl"
# Resolves the school's names to the proxy, as its DNS would.
printf 'cacert = "%s"\nconnect-to = "names.school.example:443:127.0.0.1:%s"\n' "$FIXTURES/tls/ca.pem" "$PROXY_PORT" >"$SCRATCH/curl/.curlrc"
export CURL_HOME=$SCRATCH/curl
sed "s|/opt/starchart/webhook/|$ROOT/webhook/|" webhook/hooks.json >"$SCRATCH/hooks.json"
IMAGE=$IMAGE start_server webhook webhook -hooks "$SCRATCH/hooks.json" -template -ip 127.0.0.1 -port "$HOOK_PORT" -verbose
wait_for webhook curl -s "http://127.0.0.1:$HOOK_PORT/"

# publish TAG BUILD: the registry's tag points to that build from now on.
publish() { docker tag "$IMAGE:$2" "$IMAGE:$1" && docker push -q "$IMAGE:$1" >/dev/null; }
# The timer leaves an update in progress alone, and the call before may have one.
settled() { flock --nonblock "$STATE_DIRECTORY/lock" true && ! update_is updating; }
poll() { wait_until 300 'the update before' settled && IMAGE=$IMAGE webhook/poll.sh; }
runs() { [ "$(commits_served)" = "$1" ]; }
# The digest in the service's specification.
pinned() { docker service inspect -f '{{.Spec.TaskTemplate.ContainerSpec.Image}}' "$APP"; }
post() {
    curl -s -o /dev/null -w '%{http_code}' -H 'Content-Type: application/json' --data-binary "$1" \
        -H "X-Hub-Signature: sha256=$(printf %s "$1" | openssl dgst -sha256 -hmac "${2:-$WEBHOOK_SECRET}" | sed 's/^.* //')" "$WEBHOOK_URL"
}
body() { printf '{"tag":"%s","issued_at":"%s","nonce":"%s"}' "$1" "${2:-$(date -u +%FT%TZ)}" "${3:-$(openssl rand -hex 16)}"; }

ensure_deployed
first=$(commit_built)
docker tag "$IMAGE:production" "$IMAGE:build-a"
variant build-b bbbbbbbbbbbb
variant build-c cccccccccccc
publish production-sha-aaaaaa build-a
publish production-sha-bbbbbb build-b
publish production build-b

check 'a signed call updates, and the caller sees the commit' webhook/call.sh production bbbbbbbbbbbb
unchanged=$(pinned)
refuses() {
    "$@" >"$SCRATCH/status" 2>&1 || true
    sleep 3
    [ "$(pinned)" = "$unchanged" ] && [ ! -e "$SCRATCH/owned" ]
}
call=$(body production-sha-aaaaaa)
check 'a call with a wrong signature changes nothing' refuses post "$call" wrong
check 'nor one that is six minutes old' refuses post "$(body production-sha-aaaaaa "$(date -u -d '6 minutes ago' +%FT%TZ)")"
check 'nor an unknown tag' refuses post "$(body experimental)"
check 'nor a tag with a command in it' refuses post "$(body "x;touch $SCRATCH/owned")"
check 'nor one that an old caller would send' refuses post '{"tag":"production-sha-aaaaaa"}'

check 'a fixed tag that is not the channel is deployed' webhook/call.sh production-sha-aaaaaa "$first"
unchanged=$(pinned)
# The caller sees the commit before the swarm has watched the new tasks for long enough.
check 'and holds the timer' wait_until 120 'the hold' test -s "$STATE_DIRECTORY/hold"
publish production build-c
check 'which leaves it alone when something new is published' refuses poll
again=$(body production-sha-bbbbbb)
check 'a call is good once' test "$(post "$again")" = 200
wait_until 120 'the update' runs bbbbbbbbbbbb
check 'a call for the channel ends the hold' webhook/call.sh production cccccccccccc
check 'the hold is gone' test ! -e "$STATE_DIRECTORY/hold"
unchanged=$(pinned)
check 'the same call again changes nothing' refuses post "$again"

publish production build-b
check 'the timer makes up for a missed call' poll
check 'its commit runs' wait_until 120 'the commit' runs bbbbbbbbbbbb
publish production build-a
docker service update --quiet --detach --label-add starchart.hold=incident "$APP" >/dev/null
unchanged=$(pinned)
check 'a label on the service holds it' refuses poll
docker service update --quiet --detach --label-rm starchart.hold "$APP" >/dev/null
check 'publishing an older build goes back to it' poll
check 'its commit runs' wait_until 120 'the commit' runs "$first"
silent() { poll >"$SCRATCH/said" && cat "$SCRATCH/said" && [ ! -s "$SCRATCH/said" ]; }
check 'the timer has nothing more to do' silent
check 'two replicas are healthy' two_healthy

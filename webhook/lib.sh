# The steps of deploy.sh. Sourced by it, after its settings.
# shellcheck shell=bash disable=SC2154

say() {
    printf '%s\n' "$*"
    logger --tag starchart-deploy -- "$*" || true
}

refuse() {
    say "refused: $*"
    exit 1
}

fail() {
    say "failed: $*"
    exit 1
}

# ---- A call

# The body is untrusted: its tag must match TAGS as a whole before it is used.
accept() {
    local request
    TAG=${TAG:-}
    [[ $TAG =~ ^(${TAGS})$ ]] || refuse "$(printf %q "${TAG:0:60}") is no tag that this host takes; TAGS in deploy.sh says which"
    check_fresh
    request=$(date +%s%N)-$$
    # One at a time, so that the file holds the call that was accepted last.
    exec 8>"$STATE/wanted.lock"
    flock 8
    printf '%s %s\n' "$request" "$TAG" >"$STATE/wanted.new"
    mv "$STATE/wanted.new" "$STATE/wanted"
    exec 8>&-
    setsid --fork "$0" run "$request" </dev/null >/dev/null 2>&1
    say "taken: ${SERVICE} goes to ${IMAGE}:${TAG}"
}

# A call is valid for five minutes and once; a caller's clock may be a minute ahead.
check_fresh() {
    local issued age
    if [ "$REQUIRE_FRESH" = 0 ] && [ -z "${ISSUED_AT:-}${NONCE:-}" ]; then return; fi
    [[ ${NONCE:-} =~ ^[A-Za-z0-9_-]{8,128}$ ]] ||
        refuse "the body has no usable nonce (8 to 128 of A-Z a-z 0-9 - _); REQUIRE_FRESH=0 takes callers that send none"
    issued=$(unix_seconds "${ISSUED_AT:-}") ||
        refuse "the body has no usable issued_at (2026-01-31T12:00:00Z, or Unix seconds); REQUIRE_FRESH=0 takes callers that send none"
    age=$(($(date +%s) - issued))
    [ "$age" -le 300 ] || refuse "the call is ${age} s old, more than 300; send a new one, or set the clocks right"
    [ "$age" -ge -60 ] || refuse "the call is from $((-age)) s ahead, more than 60; set the clocks right"
    (set -o noclobber && : >"$STATE/nonces/$NONCE") 2>/dev/null || refuse "a call with this nonce was taken before"
    # Older nonces are not needed: their calls are refused for their age.
    find "$STATE/nonces" -type f -mmin +15 -delete
}

unix_seconds() {
    local iso='^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$'
    if [[ $1 =~ ^[1-9][0-9]{8,10}$ ]]; then
        echo "$1"
    elif [[ $1 =~ $iso ]]; then
        date --date="$1" +%s 2>/dev/null
    else
        return 1
    fi
}

# Runs updates one after the other; of several that wait, only the newest is executed.
run() {
    local request tag
    exec 9>"$STATE/lock"
    flock 9
    read -r request tag <"$STATE/wanted"
    if [ "$request" = "$1" ]; then
        update "$tag"
    else
        say "passed over: a newer call wants ${tag}"
    fi
}

# ---- The timer

# Updates the service if the registry's digest of the channel's tag differs. Prints nothing if there is nothing to do.
poll() {
    local digest running held
    [ -n "$CHANNEL" ] || refuse "CHANNEL is not set: write CHANNEL=staging or CHANNEL=production into /etc/starchart-webhook.env"
    # An update is in progress; the next run of the timer sees its outcome.
    exec 9>"$STATE/lock"
    flock --nonblock 9 || return 0
    if under_way; then
        echo "${SERVICE} is being updated, and nobody here waits for it"
        return
    fi
    settle || true
    if [ -e "$STATE/hold" ]; then
        echo "held by $STATE/hold: $(head -n1 "$STATE/hold")"
        return
    fi
    # A template for docker, not for the shell.
    # shellcheck disable=SC2016
    held=$(service '{{range $name, $value := .Spec.Labels}}{{if eq $name "starchart.hold"}}held by the label starchart.hold: {{$value}}{{end}}{{end}}')
    if [ -n "$held" ]; then
        echo "$held"
        return
    fi
    digest=$(registry_digest "$CHANNEL") || fail "${IMAGE}:${CHANNEL} cannot be pulled: $digest"
    running=$(running_digest)
    if [ "$digest" = "$running" ]; then return; fi
    # This build was tried before, and the swarm rolled back.
    if [ "$digest" = "$(cat "$STATE/broken" 2>/dev/null)" ]; then
        echo "${IMAGE}:${CHANNEL} is ${digest}, which was rolled back before; publish another build, or call the webhook to try it again"
        return
    fi
    say "a call was missed: ${SERVICE} runs ${running:-an image without a digest}, ${IMAGE}:${CHANNEL} is ${digest}"
    update "$CHANNEL"
}

# ---- The update

# Pins the digest, so that every node takes the same build even if the tag moves meanwhile.
update() {
    local tag=$1 digest version output code=0 begin=$SECONDS
    digest=$(registry_digest "$tag") || fail "${IMAGE}:${tag} cannot be pulled: $digest"
    release "$tag"
    if [ "$(running_digest)" = "$digest" ]; then
        hold "$tag" "$digest"
        say "nothing to do: ${SERVICE} runs ${IMAGE}:${tag} (${digest}) already"
        return
    fi
    say "updating ${SERVICE} to ${IMAGE}:${tag} (${digest})"
    # Lets a later run find out how the update ended, if this one does not.
    version=$(service '{{.Version.Index}}')
    echo "$tag $digest $version" >"$STATE/trying"
    output=$(timeout "$WAIT_S" docker service update --quiet --with-registry-auth --image "${IMAGE}:${tag}@${digest}" "$SERVICE" 2>&1) || code=$?
    [ -z "$output" ] || [ "$code" -eq 0 ] || say "docker complained: ${output}"
    # Docker's command may end before the swarm has decided, because it does not wait for the update's delay.
    while [ "$code" -eq 0 ] && under_way && [ $((SECONDS - begin)) -lt "${WAIT_S%.*}" ]; do sleep 0.5; done
    # 124 is the exit code of `timeout`: docker's command has ended, the swarm continues.
    if [ "$code" -eq 124 ] || under_way; then
        say "not finished, and no longer waited for (WAIT_S is ${WAIT_S} s): docker service ps ${SERVICE} says more"
        return 1
    fi
    settle
}

# Reports the outcome of the last update when the swarm has finished. Docker's exit code does not distinguish a rollback; the digest in
# the service's specification does. Called after waiting for the update, otherwise by the timer.
settle() {
    local tag digest version running version_now
    [ -e "$STATE/trying" ] || return 0
    read -r tag digest version <"$STATE/trying"
    running=$(running_digest) && version_now=$(service '{{.Version.Index}}') || return 1
    rm "$STATE/trying"
    if [ "$running" = "$digest" ]; then
        rm -f "$STATE/broken"
        hold "$tag" "$digest"
        say "done: ${SERVICE} runs ${IMAGE}:${tag} (${digest})"
    elif [ "$version_now" = "$version" ]; then
        say "failed: the swarm did not take the update to ${IMAGE}:${tag}; nothing was changed"
        return 1
    else
        echo "$digest" >"$STATE/broken"
        say "rolled back: the tasks of ${IMAGE}:${tag} (${digest}) did not become healthy; ${SERVICE} runs ${running:-its former image} again"
        return 1
    fi
}

# Holds the timer if the service runs another build than the channel's tag, because the timer would undo that.
hold() {
    local tag=$1 digest=$2
    if [ -z "$CHANNEL" ]; then
        say "CHANNEL is not set, so nothing is held: the timer needs it, calls do not"
    elif [ "$tag" != "$CHANNEL" ] && [ "$digest" != "$(registry_digest "$CHANNEL")" ]; then
        echo "$(date -u +%FT%TZ) ${tag} was deployed, which is not what ${CHANNEL} is" >"$STATE/hold"
        say "held: the timer leaves ${SERVICE} on ${tag} until ${CHANNEL} is deployed or $STATE/hold is removed"
    fi
}

# A call for the channel's own tag ends the hold.
release() {
    if [ "$1" = "$CHANNEL" ] && [ -e "$STATE/hold" ]; then
        rm "$STATE/hold"
        say "no longer held: ${CHANNEL} was called for"
    fi
}

# ---- Docker

# Prints the registry's digest of this tag, or the error, with exit code 1. The pull uses docker's own login and fetches the image; if
# the tag has not moved it costs one request.
registry_digest() {
    local output digest
    output=$(docker pull "${IMAGE}:$1" 2>&1) || {
        tail -n1 <<<"$output"
        return 1
    }
    digest=$(sed -n 's/^Digest: \(sha256:[0-9a-f]\{64\}\)$/\1/p' <<<"$output")
    [ -n "$digest" ] || {
        echo "docker pull told no digest"
        return 1
    }
    echo "$digest"
}

# Prints the digest in the service's specification; nothing if its image has none.
running_digest() { service '{{.Spec.TaskTemplate.ContainerSpec.Image}}' | sed -n 's/^.*@\(sha256:[0-9a-f]\{64\}\)$/\1/p'; }

# Succeeds while the swarm updates the service or rolls it back.
under_way() {
    case $(service '{{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}') in
    updating | rollback_started) ;;
    *) return 1 ;;
    esac
}

service() {
    local output
    output=$(docker service inspect --format "$1" "$SERVICE" 2>&1) || {
        say "failed: $(tail -n1 <<<"$output")" >&2
        return 1
    }
    echo "$output"
}

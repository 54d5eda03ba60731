# What deploy.sh does, step by step; sourced by it, after its settings.
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

# What came in the body is data: it is matched as a whole against what it may be before anything else is done with it.
accept() {
    local request
    TAG=${TAG:-}
    [[ $TAG =~ ^(${TAGS})$ ]] || refuse "$(printf %q "${TAG:0:60}") is no tag that this host takes; TAGS in deploy.sh says which"
    check_fresh
    request=$(date +%s%N)-$$
    # One at a time, so that the last to write is the last that was taken.
    exec 8>"$STATE/wanted.lock"
    flock 8
    printf '%s %s\n' "$request" "$TAG" >"$STATE/wanted.new"
    mv "$STATE/wanted.new" "$STATE/wanted"
    exec 8>&-
    setsid --fork "$0" run "$request" </dev/null >/dev/null 2>&1
    say "taken: ${SERVICE} goes to ${IMAGE}:${TAG}"
}

# A call is good for five minutes and for once; a caller's clock may be a minute ahead.
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
    # Older ones are refused for their age.
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

# One after the other; of several that wait, only the newest has anything to do.
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

# What should run is what the registry has under the channel's tag. Nothing is said where nothing is to do.
poll() {
    local digest running held
    [ -n "$CHANNEL" ] || refuse "CHANNEL is not set: write CHANNEL=staging or CHANNEL=production into /etc/starchart-webhook.env"
    # An update is under way; the next tick sees what came of it.
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
    # docker's template, not the shell's.
    # shellcheck disable=SC2016
    held=$(service '{{range $name, $value := .Spec.Labels}}{{if eq $name "starchart.hold"}}held by the label starchart.hold: {{$value}}{{end}}{{end}}')
    if [ -n "$held" ]; then
        echo "$held"
        return
    fi
    digest=$(registry_digest "$CHANNEL") || fail "${IMAGE}:${CHANNEL} cannot be pulled: $digest"
    running=$(running_digest)
    if [ "$digest" = "$running" ]; then return; fi
    # It was tried, and the swarm went back.
    if [ "$digest" = "$(cat "$STATE/broken" 2>/dev/null)" ]; then
        echo "${IMAGE}:${CHANNEL} is ${digest}, which was rolled back before; publish another build, or call the webhook to try it again"
        return
    fi
    say "a call was missed: ${SERVICE} runs ${running:-an image without a digest}, ${IMAGE}:${CHANNEL} is ${digest}"
    update "$CHANNEL"
}

# ---- The update

# Pins the digest, so that every node takes the same build, whatever the tag says a minute later.
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
    # For whoever finds out how it ended, if this one does not.
    version=$(service '{{.Version.Index}}')
    echo "$tag $digest $version" >"$STATE/trying"
    output=$(timeout "$WAIT_S" docker service update --quiet --with-registry-auth --image "${IMAGE}:${tag}@${digest}" "$SERVICE" 2>&1) || code=$?
    [ -z "$output" ] || [ "$code" -eq 0 ] || say "docker complained: ${output}"
    # Docker's command may end before the swarm has made up its mind: it does not count the update's delay.
    while [ "$code" -eq 0 ] && under_way && [ $((SECONDS - begin)) -lt "${WAIT_S%.*}" ]; do sleep 0.5; done
    # 124 says `timeout`. Docker's command is gone, the swarm goes on.
    if [ "$code" -eq 124 ] || under_way; then
        say "not finished, and no longer waited for (WAIT_S is ${WAIT_S} s): docker service ps ${SERVICE} says more"
        return 1
    fi
    settle
}

# What became of the last update, once the swarm is done with it. Docker's exit code does not tell a rollback from the rest; what the
# service is to run does. Called by who waited for it, or else by the timer.
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

# The service runs a tag that is not what the channel says, and the next tick would undo that: this holds the timer.
hold() {
    local tag=$1 digest=$2
    if [ -z "$CHANNEL" ]; then
        say "CHANNEL is not set, so nothing is held: the timer needs it, calls do not"
    elif [ "$tag" != "$CHANNEL" ] && [ "$digest" != "$(registry_digest "$CHANNEL")" ]; then
        echo "$(date -u +%FT%TZ) ${tag} was deployed, which is not what ${CHANNEL} is" >"$STATE/hold"
        say "held: the timer leaves ${SERVICE} on ${tag} until ${CHANNEL} is deployed or $STATE/hold is removed"
    fi
}

# Whoever calls for the channel's own tag wants the timer to follow it again.
release() {
    if [ "$1" = "$CHANNEL" ] && [ -e "$STATE/hold" ]; then
        rm "$STATE/hold"
        say "no longer held: ${CHANNEL} was called for"
    fi
}

# ---- Asking docker

# The digest that the registry has for this tag; what went wrong, with exit code 1, where there is none. The pull uses docker's own
# login and brings the image nearer; where the tag has not moved it costs one request.
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

# The digest that the service is to run; nothing where its image has none.
running_digest() { service '{{.Spec.TaskTemplate.ContainerSpec.Image}}' | sed -n 's/^.*@\(sha256:[0-9a-f]\{64\}\)$/\1/p'; }

# Whether the swarm is at work on the service.
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

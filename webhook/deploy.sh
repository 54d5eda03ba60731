#!/usr/bin/env bash
# Updates the running service to another image tag.
#
#   deploy.sh         called by the webhook, with TAG, ISSUED_AT and NONCE from the signed body: answers at once, updates in the background
#   deploy.sh poll    called by poll.sh and its timer: updates when a call was missed
#
# It logs to the journal: journalctl -t starchart-deploy
set -euo pipefail

# Settings. A line of the same name in /etc/starchart-webhook.env overrides them, so that this file can be replaced by a newer one.
# The image without a tag; it may begin with a registry: registry.school.example:5000/starchart
IMAGE=${IMAGE:-starchart}
SERVICE=${SERVICE:-starchart_mycustomdomain}
# The moving tag that this host follows: staging or production. The timer needs it; without it calls are executed, and hold nothing.
CHANNEL=${CHANNEL:-}
# The tags that this host accepts, as an extended regular expression.
TAGS=${TAGS:-'(staging|production)(-sha-[0-9a-f]{6,40})?|nightly|latest|v[0-9]+([.][0-9]+){0,2}'}
# 1: a call must contain its time and a nonce, so that it cannot be replayed. 0: calls without both are accepted too.
REQUIRE_FRESH=${REQUIRE_FRESH:-1}
# How long to wait for an update, in seconds: two tasks with ten minutes each, and a margin.
WAIT_S=${WAIT_S:-2400}
# Nonces, the hold file, outcomes of updates, and the lock. systemd sets the folder.
STATE=${STATE_DIRECTORY:-/var/lib/starchart-webhook}

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

mkdir -p "$STATE/nonces"
case ${1:-} in
'') accept ;;
run) run "$2" ;;
poll) poll ;;
*) refuse "deploy.sh knows nothing called '$1'; it is called without an argument, or with: poll" ;;
esac

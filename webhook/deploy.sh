#!/usr/bin/env bash
# Moves the running service to another image tag.
#
#   deploy.sh         what the webhook calls, with TAG, ISSUED_AT and NONCE from the signed body: answers at once, works on behind
#   deploy.sh poll    what poll.sh and its timer call: updates when a call was missed
#
# What it does is read in the journal: journalctl -t starchart-deploy
set -euo pipefail

# Yours. A line of the same name in /etc/starchart-webhook.env wins, so that this file can be replaced by a newer one.
# The image without a tag; it may begin with a registry: registry.school.example:5000/starchart
IMAGE=${IMAGE:-starchart}
SERVICE=${SERVICE:-starchart_mycustomdomain}
# The moving tag that this host follows: staging or production. The timer needs it; without it calls are carried out, and hold nothing.
CHANNEL=${CHANNEL:-}
# The tags that this host takes, as an extended regular expression.
TAGS=${TAGS:-'(staging|production)(-sha-[0-9a-f]{6,40})?|nightly|latest|v[0-9]+([.][0-9]+){0,2}'}
# 1: a call must say when it was made and carry a nonce, so that it cannot be sent again. 0: callers from before that are taken too.
REQUIRE_FRESH=${REQUIRE_FRESH:-1}
# How long to wait for an update before its outcome is left to `docker service ps`: two tasks with ten minutes each, and some.
WAIT_S=${WAIT_S:-2400}
# Nonces, the hold file, how updates went, and the lock. systemd names the folder.
STATE=${STATE_DIRECTORY:-/var/lib/starchart-webhook}

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

mkdir -p "$STATE/nonces"
case ${1:-} in
'') accept ;;
run) run "$2" ;;
poll) poll ;;
*) refuse "deploy.sh knows nothing called '$1'; it is called without an argument, or with: poll" ;;
esac

#!/usr/bin/env bash
# Moves the running service to another image tag. Called by the webhook with TAG from the signed payload.
set -euo pipefail

# Yours: the image without a tag, the service, and the tags this host takes (an extended regular expression).
IMAGE=starchart
SERVICE=starchart_mycustomdomain
TAGS='(staging|production)(-sha-[0-9a-f]{6,40})?'

# Everything below is read in the journal: journalctl -t starchart-deploy
exec > >(logger --tag starchart-deploy) 2>&1

# The tag comes from outside: nothing is done with it before it matches as a whole.
if [[ ! ${TAG:-} =~ ^${TAGS}$ ]]; then
  echo "refused: the tag is none of ${TAGS}"
  exit 1
fi

echo "updating ${SERVICE} to ${IMAGE}:${TAG}"
docker service update --quiet --detach --with-registry-auth --image "${IMAGE}:${TAG}" "${SERVICE}"
echo "the swarm has taken ${IMAGE}:${TAG}; it rolls back by itself when the new tasks do not become healthy"

#!/usr/bin/env bash
# Updates the service if a call of the webhook was missed. Run by starchart-poll.timer; uses deploy.sh's settings.
exec "$(dirname "${BASH_SOURCE[0]}")/deploy.sh" poll

#!/usr/bin/env bash
# Updates the service where a call of the webhook was missed. Run by starchart-poll.timer; its settings are deploy.sh's.
exec "$(dirname "${BASH_SOURCE[0]}")/deploy.sh" poll

#!/bin/sh
# certbot without a plugin: this file answers its challenges. Make it executable, then
#   certbot certonly --manual --preferred-challenges dns \
#     --manual-auth-hook './curl-challenge.sh present' --manual-cleanup-hook './curl-challenge.sh cleanup' \
#     -d www.user1.starchart.com -d '*.www.user1.starchart.com'
set -eu

curl --fail --silent --show-error --user certbot:sc_YOUR_TOKEN \
    --data-urlencode "fqdn=_acme-challenge.$CERTBOT_DOMAIN." \
    --data-urlencode "value=$CERTBOT_VALIDATION" \
    "https://starchart.example.edu/httpreq/$1"

# Until every name server answers.
[ "$1" = cleanup ] || sleep "${WAIT_S:-20}"

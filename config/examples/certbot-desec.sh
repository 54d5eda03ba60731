#!/bin/sh
# certbot with the plugin certbot-dns-desec (pip install certbot certbot-dns-desec).
# `certbot renew` repeats it by itself.
set -eu

umask 077
cat >desec.ini <<'INI'
dns_desec_endpoint = https://starchart.example.edu/api/v1/
dns_desec_token = sc_YOUR_TOKEN
INI

certbot certonly --non-interactive --agree-tos --email you@example.edu \
    --authenticator dns-desec --dns-desec-credentials desec.ini \
    --dns-desec-propagation-seconds 10 \
    -d www.user1.starchart.com -d '*.www.user1.starchart.com'

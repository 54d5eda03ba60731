#!/bin/sh
# certbot with the plugin certbot-dns-pdns (pip install certbot certbot-dns-pdns).
# `certbot renew` repeats it by itself.
set -eu

umask 077
cat >pdns.ini <<'INI'
dns_pdns_endpoint = https://starchart.example.edu
dns_pdns_api_key = sc_YOUR_TOKEN
dns_pdns_server_id = localhost
dns_pdns_disable_notify = true
INI

certbot certonly --non-interactive --agree-tos --email you@example.edu \
    --authenticator dns-pdns --dns-pdns-credentials pdns.ini \
    --dns-pdns-propagation-seconds 10 \
    -d www.user1.starchart.com -d '*.www.user1.starchart.com'

#!/bin/sh
# certbot with the plugin certbot-lego-httpreq (pip install certbot certbot-lego-httpreq).
# `certbot renew` repeats it by itself.
set -eu

umask 077
cat >httpreq.ini <<'INI'
dns_httpreq_endpoint = https://starchart.example.edu/httpreq
dns_httpreq_username = certbot
dns_httpreq_password = sc_YOUR_TOKEN
INI

certbot certonly --non-interactive --agree-tos --email you@example.edu \
    --authenticator dns-httpreq --dns-httpreq-credentials httpreq.ini \
    --dns-httpreq-propagation-seconds 10 \
    -d www.user1.starchart.com -d '*.www.user1.starchart.com'

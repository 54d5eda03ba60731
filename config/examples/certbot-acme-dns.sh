#!/bin/sh
# certbot with the plugin certbot-acme-dns (pip install certbot certbot-acme-dns).
#
# This plugin insists on a CNAME record, unlike all other clients of acme-dns, and on a CAA record
# with the account. Make a token for the name acme.user1.starchart.com, and these two records:
#
#   _acme-challenge.www  CNAME  _acme-challenge.acme.user1.starchart.com.
#   www                  CAA    0 issue "letsencrypt.org; accounturi=…"
#
# `certbot show_account` prints the account's URL. Prefer certbot-httpreq.sh, which needs neither.
set -eu

# Where the plugin keeps its account: next to certbot's configuration.
umask 077
mkdir -p /etc/letsencrypt
cat >/etc/letsencrypt/.pluginstorage.json <<'JSON'
{
  "acme-dns": {
    "accounts": [
      {
        "server": "https://starchart.example.edu/acme-dns/",
        "username": "certbot",
        "password": "sc_YOUR_TOKEN",
        "fulldomain": "_acme-challenge.acme.user1.starchart.com",
        "subdomain": "acme.user1.starchart.com"
      }
    ]
  }
}
JSON

certbot certonly --non-interactive --agree-tos --email you@example.edu \
    --authenticator acme-dns --acme-dns-server https://starchart.example.edu/acme-dns/ \
    -d www.user1.starchart.com

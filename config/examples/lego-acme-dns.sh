#!/bin/sh
# lego: a certificate for a name and its wildcard, answered through the API of acme-dns.
# With an account in its storage lego asks for no CNAME record, and none is needed. Debian's lego
# lacks this provider: take lego-httpreq.sh there.
set -eu

export ACME_DNS_API_BASE=https://starchart.example.edu/acme-dns
export ACME_DNS_STORAGE_PATH="$PWD/acme-dns.json"

# fulldomain is the challenge's name, subdomain the name that you want a certificate for.
umask 077
cat >"$ACME_DNS_STORAGE_PATH" <<'JSON'
{
  "www.user1.starchart.com": {
    "username": "lego",
    "password": "sc_YOUR_TOKEN",
    "fulldomain": "_acme-challenge.www.user1.starchart.com",
    "subdomain": "www.user1.starchart.com",
    "server_url": "https://starchart.example.edu/acme-dns"
  }
}
JSON

lego --accept-tos --email you@example.edu --dns acme-dns \
    --domains www.user1.starchart.com --domains '*.www.user1.starchart.com' run

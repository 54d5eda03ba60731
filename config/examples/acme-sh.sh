#!/bin/sh
# acme.sh: its hook dns_acmeproxy speaks httpreq. It saves the three values for its renewals.
set -eu

export ACMEPROXY_ENDPOINT=https://starchart.example.edu/httpreq
export ACMEPROXY_USERNAME=acme.sh # any name
export ACMEPROXY_PASSWORD=sc_YOUR_TOKEN

acme.sh --issue --server letsencrypt --dns dns_acmeproxy --dnssleep 20 \
    -d www.user1.starchart.com -d '*.www.user1.starchart.com'

# Its hook dns_pdns does the same with
#   export PDNS_Url=https://starchart.example.edu PDNS_ServerId=localhost PDNS_Token=sc_YOUR_TOKEN
# and its hook dns_acmedns with
#   export ACMEDNS_BASE_URL=https://starchart.example.edu/acme-dns ACMEDNS_USERNAME=acme.sh \
#     ACMEDNS_PASSWORD=sc_YOUR_TOKEN ACMEDNS_SUBDOMAIN=www.user1.starchart.com

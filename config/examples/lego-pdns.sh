#!/bin/sh
# lego with its provider pdns, for programs that have lego inside and know PowerDNS' API only.
set -eu

export PDNS_API_URL=https://starchart.example.edu
export PDNS_API_KEY=sc_YOUR_TOKEN

lego --accept-tos --email you@example.edu --dns pdns \
    --domains www.user1.starchart.com --domains '*.www.user1.starchart.com' run

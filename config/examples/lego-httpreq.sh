#!/bin/sh
# lego: a certificate for a name and its wildcard, answered through httpreq.
# Renew with the same lines and `renew` in place of `run`, from cron.
set -eu

export HTTPREQ_ENDPOINT=https://starchart.example.edu/httpreq
export HTTPREQ_USERNAME=lego # any name
export HTTPREQ_PASSWORD=sc_YOUR_TOKEN

lego --accept-tos --email you@example.edu --dns httpreq \
    --domains www.user1.starchart.com --domains '*.www.user1.starchart.com' run

#!/bin/sh
# powerdns-cli (pip install powerdns-cli): records on the command line, for example
#   sh powerdns-cli.sh record add www user1.starchart.com. A 192.0.2.1 --ttl 300
#   sh powerdns-cli.sh record export user1.starchart.com. --name www
#   sh powerdns-cli.sh record delete www user1.starchart.com. A 192.0.2.1 --ttl 300
# Records cannot be disabled, and there is one zone, which cannot be created or deleted.
set -eu

export POWERDNS_CLI_URL=https://starchart.example.edu
export POWERDNS_CLI_APIKEY=sc_YOUR_TOKEN

powerdns-cli "$@"

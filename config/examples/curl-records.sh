#!/bin/sh
# curl: records by the REST API. This sets the addresses of a name and waits until every name
# server of the zone has them; what stays the same is not written again.
set -eu

curl --fail-with-body --silent --show-error -X PUT \
    -H 'Authorization: Token sc_YOUR_TOKEN' -H 'Content-Type: application/json' \
    -d '[{"subname": "www", "type": "A", "ttl": 300, "records": ["192.0.2.1", "192.0.2.2"]},
         {"subname": "www", "type": "AAAA", "records": []}]' \
    'https://starchart.example.edu/api/v1/domains/user1.starchart.com/rrsets/?wait=in_sync'

# Other requests, with the same two headers:
#   GET    /api/v1/domains/user1.starchart.com/rrsets/            all records
#   GET    /api/v1/domains/user1.starchart.com/rrsets/www/A/      those of one name and type
#   DELETE /api/v1/domains/user1.starchart.com/rrsets/www/A/
#   POST   /api/v1/records/                                       a record with notes
#   GET    /api/v1/domains/user1.starchart.com/zonefile/

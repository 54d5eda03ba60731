#!/bin/sh
# curl: sets the address of a host to the one that this computer has for Starchart; run it by cron.
# It answers `good` when the address is new, `nochg` when it was the same.
set -eu

curl --fail --silent --show-error --user home.user1.starchart.com:sc_YOUR_TOKEN \
    'https://starchart.example.edu/dyndns/update?hostname=home.user1.starchart.com'

# Other updates of the same URL:
#   &myipv4=203.0.113.7&myipv6=2001:db8::7   these addresses
#   &myipv4=203.0.113.7,203.0.113.8          two of one kind
#   &myipv4=preserve&myipv6=2001:db8::7      leaves the IPv4 addresses as they are
#   &myipv6=                                 removes the IPv6 addresses
#   &myipv6=2001:db8:1::/56                  a new network, each host keeps its own part

#!/bin/sh
# octoDNS with octodns-powerdns (pip install octodns octodns-powerdns): the records of a domain in
# a file. `sh octodns.sh` shows what would change, `sh octodns.sh --doit` changes it.
#
# octoDNS deletes what the file does not have. A token for one name with all names below it shows
# octoDNS only those.
set -eu

export STARCHART_TOKEN=sc_YOUR_TOKEN

cat >octodns.yml <<'YAML'
providers:
  files:
    class: octodns.provider.yaml.YamlProvider
    directory: .
    default_ttl: 300
    enforce_order: false
  starchart:
    class: octodns_powerdns.PowerDnsProvider
    host: starchart.example.edu
    port: 443
    scheme: https
    api_key: env/STARCHART_TOKEN
    mode_of_operation: native
    enable_dynamic: false
zones:
  user1.starchart.com.:
    sources: [files]
    targets: [starchart]
YAML

# Your records; do not overwrite what you have.
[ -e user1.starchart.com.yaml ] || cat >user1.starchart.com.yaml <<'YAML'
? ''
: - type: CAA
    value: {flags: 0, tag: issue, value: letsencrypt.org}
  - type: MX
    value: {preference: 10, exchange: mail.example.com.}
  - type: TXT
    values: ["a \\; in a text has a backslash", "v=spf1 -all"]
_minecraft._tcp:
  type: SRV
  value: {priority: 0, weight: 5, port: 25565, target: www.user1.starchart.com.}
blog:
  type: CNAME
  ttl: 3600
  value: you.github.io.
www:
  - type: A
    values: [192.0.2.1, 192.0.2.2]
  - type: AAAA
    value: 2001:db8::1
YAML

octodns-sync --config-file octodns.yml "$@"

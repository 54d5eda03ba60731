# From the original: ten thousand users, fifty thousand records, their certificates and their zone, in the database that the stack
# already has. The zone begins and ends as it was.
# shellcheck shell=bash

import() { exec_app import --from-file /run/secrets/DATABASE_URL "$@"; }
quick_import() { exec_quickly import --from-file /run/secrets/DATABASE_URL "$@"; }
plan() { exec_quickly reconcile --dry-run >"$SCRATCH/plan" 2>&1; }
plan_hash() { sed -n 's/.*--approve \([0-9a-f]\{8,64\}\).*/\1/p' "$SCRATCH/plan" | head -n1; }
zone_is() { diff <(zone_sets) "$1"; }
rows() { sql "SELECT COUNT(*) FROM starchart.$1"; }
no_replica() { [ -z "$(containers)" ]; }
source_sums() { sql 'CHECKSUM TABLE starchart.User, starchart.DnsRecord, starchart.Certificate, starchart.Challenge'; }

# The database and the zone as the original left them.
ensure_deployed
docker service scale --detach "$APP=0" >/dev/null 2>&1
wait_until 120 'no replica' no_replica
sql 'DROP DATABASE IF EXISTS starchart; CREATE DATABASE starchart'
in_peer db /opt/peers/original-database --url mysql://root@127.0.0.1:3306/starchart --root "$ZONE" --users 10000 --records 50000 --zone-out /world/zone.json </dev/null >"$SCRATCH/original" 2>&1
check 'a database in the schema of the original' test "$(rows User)" = 10000
docker service update --quiet --detach=false --mount-add "type=bind,source=$FIXTURES,target=/world" \
    --args "/opt/peers/strict-route53 --zone $ZONE --http 0.0.0.0:5053 --dns 0.0.0.0:5354 --load /world/zone.json" peers_route53 >/dev/null 2>&1
wait_until 120 'the zone' zone_id
zone_sets >"$SCRATCH/original.zone"
measured 'sets in the zone' "$(wc -l <"$SCRATCH/original.zone")"
source=$(source_sums)

docker service scale --detach "$APP=2" >/dev/null 2>&1
check 'ours starts in the same database' two_healthy
said() { app_log 2>&1 | contains "$1"; }
check 'says that nothing was imported, and pauses publishing' wait_until 120 'the line' said 'starchart import'
check 'a dry run reports and changes nothing' import
check 'there are no users yet' test "$(rows users)" = 0
cp "$SCRATCH/check.out" "$SCRATCH/dry-run"
begin=$(date +%s%3N)
check 'the import' import --apply
took=$(($(date +%s%3N) - begin))
cp "$SCRATCH/check.out" "$SCRATCH/import"
measured 'import of 10,000 users and 50,000 records with the adoption of the zone, ms' "$took"
measured 'users, records, certificates here' "$(rows users), $(rows dns_records), $(rows certificates)"
check 'the original is untouched' test "$(source_sums)" = "$source"
check 'the zone as well' zone_is "$SCRATCH/original.zone"
here=$(rows users),$(rows dns_records),$(rows certificates)
check 'a second import' quick_import --apply
check 'changes nothing' test "$(rows users),$(rows dns_records),$(rows certificates)" = "$here"

check 'the audit' plan
check 'plans no change' grep -q '^0 differences' "$SCRATCH/plan"
orphans=$(sed -n 's/^orphans.*(\([0-9]*\)):$/\1/p' "$SCRATCH/plan")
measured 'orphans listed' "$orphans"
check 'lists the orphans' test "${orphans:-0}" -gt 1000
check 'and they are approved together' exec_quickly reconcile --approve "$(plan_hash)"

# A student of the original keeps records and bookmarks.
read -r id who < <(sql "SELECT DnsRecord.id, User.username FROM starchart.DnsRecord JOIN starchart.User USING (username)
    WHERE type = 'A' AND challengeId IS NULL AND User.username IN (SELECT username FROM starchart.Certificate WHERE status = 'issued' AND validTo > NOW()) ORDER BY id LIMIT 1")
python3 - "$FIXTURES/idp/users.json" "$who" <<'EOF'
import json, sys
users = json.load(open(sys.argv[1]))
users[sys.argv[2]] = {"password": "throw-away", "sAMAccountName": sys.argv[2], "displayname": "Imported User", "email": "imported@example.com", "group": ["mycustomdomain-students"]}
json.dump(users, open(sys.argv[1], "w"))
EOF
docker service update --quiet --detach=false --force peers_idp >/dev/null 2>&1
wait_until 120 'the identity provider' idp_metadata
check 'a user of the original signs in' user original sign-in "$who" throw-away
check 'the record is under its old address' user original get "/dns-records/$id"
check 'the certificate is there' user original certificate fullChain
check 'with its key' user original certificate privateKey

check 'orphans are deleted only with their exact number' not exec_quickly import --orphans delete --count $((orphans + 1))
# Certificates of the original are renewed meanwhile, and their values come and go.
check 'nothing was deleted' diff <(comm -23 <(sort "$SCRATCH/original.zone") <(zone_sets | sort)) /dev/null
check 'with it they are deleted' exec_quickly import --orphans delete --count "$orphans"
# Names and types of a dump of the zone, and of the orphans in the plan.
named() { python3 -c 'import json, sys
for line in sys.stdin:
    s = json.loads(line); print(s["name"], s["rtype"])' <"$1" | sort; }
sed -n '/^orphans/,/^[^ ]*plan /{s/^  \([^ ]* [A-Z]*\) .*/\1/p}' "$SCRATCH/plan" | sort >"$SCRATCH/orphans"
gone() { zone_sets >"$SCRATCH/after.zone" && diff <(comm -23 <(named "$SCRATCH/original.zone") <(named "$SCRATCH/after.zone")) "$SCRATCH/orphans"; }
check 'these and nothing else' wait_until 300 'the orphans' gone
others() { grep -E '"rtype": "(CAA|NS|SOA)"' "$1"; }
check "an operator's CAA and NS sets under users' labels are untouched" diff <(others "$SCRATCH/original.zone") <(others "$SCRATCH/after.zone")

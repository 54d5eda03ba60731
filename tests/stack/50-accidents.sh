# What goes wrong around the application: an emptied database, an emptied zone, a wrong zone id, an old dump, Route53 away. The zone is
# never emptied, and what would be done is shown first.
# shellcheck shell=bash

plan() { exec_app reconcile --dry-run >"$SCRATCH/plan" 2>&1; }
plan_hash() { sed -n 's/.*--approve \([0-9a-f]\{8,64\}\).*/\1/p' "$SCRATCH/plan" | head -n1; }
approve() { exec_app reconcile --approve "$(plan_hash)"; }
audit() { exec_app reconcile --now; }
# The audit ends with 1 and says that the plan waits for somebody.
refuses() {
    audit >"$SCRATCH/audit" 2>&1
    [ $? -eq 1 ] && grep -q 'not done by itself' "$SCRATCH/audit"
}
dump() { in_peer db mariadb-dump --no-defaults -uroot -h127.0.0.1 --single-transaction --routines starchart; }
restore() { sql 'DROP DATABASE IF EXISTS starchart; CREATE DATABASE starchart' && in_peer db mariadb --no-defaults -uroot -h127.0.0.1 starchart <"$1"; }
metric() { in_peer proxy /opt/peers/bin/python -c 'import socket, urllib.request as u
for address in {a[4][0] for a in socket.getaddrinfo("tasks.mycustomdomain", 9090, type=socket.SOCK_STREAM)}:
    print(u.urlopen(f"http://{address}:9090/metrics", timeout=5).read().decode())' </dev/null |
    awk -v name="$1" '$1 == name { seen = 1; if ($2 > max) max = $2 } END { print seen ? max + 0 : "absent" }'; }
above() { metric "$1" | awk -v least="$2" '{ exit !($1 != "absent" && $1 > least) }'; }
is_zero() { [ "$(metric "$1")" = 0 ]; }
# The rows say so at once; a figure may be some seconds old.
published() { [ "$(sql 'SELECT COUNT(*) FROM starchart.names WHERE is_unpublished = 1')" = 0 ]; }
zone_is() { diff <(zone_sets) "$1"; }

deployed
for who in user1 user2 user3; do
    person "$who" sign-in "$who" "${who}pass"
    for number in 1 2 3 4 5 6; do person "$who" create "accident$number" A "192.168.2.$number" >/dev/null 2>&1; done
done
check 'three people have records in the zone' eventually 60 'publishing' published
# Somebody else's, in the middle of ours.
knob put "{\"name\": \"user1.$ZONE\", \"rtype\": \"CAA\", \"ttl\": 300, \"values\": [\"0 issue \\\"letsencrypt.org\\\"\"]}" >/dev/null
dump >"$SCRATCH/yesterday.sql"
zone_sets >"$SCRATCH/yesterday.zone"

# ---- All records gone from the database
sql 'DELETE FROM starchart.dns_records'
check 'an emptied database: the audit refuses' refuses
check 'and the zone is as it was' zone_is "$SCRATCH/yesterday.zone"
check 'the plan is told' plan
check 'with what it would remove' grep -q "^- accident1.user1.$ZONE A" "$SCRATCH/plan"

# ---- The database killed, and yesterday's dump restored: of today three records are new, and twelve are gone
restore "$SCRATCH/yesterday.sql"
two_healthy
for number in 1 2 3; do person user1 create "today$number" A "192.168.3.$number" >/dev/null 2>&1; done
for who in user2 user3; do
    for number in $(person "$who" records | head -n 6); do person "$who" delete "$number" >/dev/null; done
done
check 'what people did today is in the zone' eventually 60 'publishing' published
zone_sets >"$SCRATCH/today.zone"
begin=$SECONDS
docker kill "$(docker ps -q --filter label=com.docker.swarm.service.name=peers_db)" >/dev/null
eventually 60 'the database' sql 'SELECT 1'
restore "$SCRATCH/yesterday.sql"
check 'replicas outlive the database' two_healthy
answered() { person user1 records; }
check 'and answer again once it is back' eventually 60 'the pages' answered
figure 'database killed, dump restored, pages again, s' "$((SECONDS - begin))"
check 'the audit refuses to bring yesterday back by itself' refuses
check 'the zone is as it was before the restore' zone_is "$SCRATCH/today.zone"
plan
say '   the refused plan:'
grep -v '^{' "$SCRATCH/plan" | sed 's/^/          /' >&2
check 'an operator approves it' approve
check 'and yesterday is back in the zone' eventually 60 'the records' answers "accident6.user3.$ZONE" A
check "today's new records still stand, as nobody's" answers "today1.user1.$ZONE" A

# ---- The zone emptied by hand
zone_sets | python3 -c 'import json, sys
for line in sys.stdin:
    s = json.loads(line)
    if s["rtype"] == "A": print(s["name"])' >"$SCRATCH/emptied"
while read -r name; do knob remove "{\"name\": \"$name\", \"rtype\": \"A\"}" </dev/null >/dev/null; done <"$SCRATCH/emptied"
zone_sets >"$SCRATCH/emptied.zone"
check 'an emptied zone: the audit refuses to fill it by itself' refuses
check 'and leaves it' zone_is "$SCRATCH/emptied.zone"
plan
check 'an operator approves the plan' approve
check 'and everything is back' eventually 60 'the records' answers "accident6.user3.$ZONE" A
check "what was somebody else's is untouched" grep -q '"CAA"' <(zone_sets)
zone_sets >"$SCRATCH/mended.zone"

# ---- The registry of what is ours lost, as after a wipe or on a new database
sql 'DELETE FROM starchart.zone_rrset'
check 'ownership is rebuilt from the zone' exec_app reconcile --adopt
plan
check 'without any change' grep -q '^0 differences' "$SCRATCH/plan"
check 'and publishing goes on once that is approved' approve
check 'the zone is as it was' zone_is "$SCRATCH/mended.zone"

# ---- Another zone's id
docker service update --quiet --detach=false --env-add AWS_ROUTE53_HOSTED_ZONE_ID=Z0NOTOURS0000001 "$APP" >/dev/null 2>&1
two_healthy
no_such_zone() { ! audit >"$SCRATCH/audit" 2>&1 && grep -q AWS_ROUTE53_HOSTED_ZONE_ID "$SCRATCH/audit"; }
check 'a wrong zone id: the audit fails and names the setting' no_such_zone
docker service update --quiet --detach=false --env-add "AWS_ROUTE53_HOSTED_ZONE_ID=$ZONE_ID" "$APP" >/dev/null 2>&1
two_healthy
check 'and the zone is as it was' zone_is "$SCRATCH/mended.zone"

# ---- Route53 away
knob unavailable 1000000 >/dev/null
person user2 create route53-away A 192.168.4.1 >/dev/null 2>&1
check 'Route53 away: the publish lag grows' eventually 30 'the lag' above starchart_publish_lag_seconds 3
person user3 request-certificate >/dev/null 2>&1
check 'the age of the queue grows' eventually 30 'the age' above starchart_certificate_oldest_order_seconds 3
check 'the pages go on' person user2 records
knob unavailable 0 >/dev/null
check 'Route53 back: the record is published' eventually 90 'the record' answers "route53-away.user2.$ZONE" A
check 'and the lag is gone' eventually 30 'the lag' is_zero starchart_publish_lag_seconds

# Accidents around the application: an emptied database, an emptied zone, a wrong zone id, an old dump, Route53 unavailable. The zone is
# never emptied, and every large change is shown first.
# shellcheck shell=bash

plan() { exec_app reconcile --dry-run >"$SCRATCH/plan" 2>&1; }
plan_hash() { sed -n 's/.*--approve \([0-9a-f]\{8,64\}\).*/\1/p' "$SCRATCH/plan" | head -n1; }
approve() { exec_app reconcile --approve "$(plan_hash)"; }
audit() { exec_app reconcile --now; }
# The audit exits with 1 and says that the plan needs approval.
refuses() {
    audit >"$SCRATCH/audit" 2>&1
    [ $? -eq 1 ] && grep -q 'needs approval' "$SCRATCH/audit"
}
dump() { in_peer db mariadb-dump --no-defaults -uroot -h127.0.0.1 --single-transaction --routines starchart; }
restore() { sql 'DROP DATABASE IF EXISTS starchart; CREATE DATABASE starchart' && in_peer db mariadb --no-defaults -uroot -h127.0.0.1 starchart <"$1"; }
metric() { in_peer proxy /opt/peers/bin/python -c 'import socket, urllib.request as u
for address in {a[4][0] for a in socket.getaddrinfo("tasks.mycustomdomain", 9090, type=socket.SOCK_STREAM)}:
    print(u.urlopen(f"http://{address}:9090/metrics", timeout=5).read().decode())' </dev/null |
    awk -v name="$1" '$1 == name { seen = 1; if ($2 > max) max = $2 } END { print seen ? max + 0 : "absent" }'; }
above() { metric "$1" | awk -v least="$2" '{ exit !($1 != "absent" && $1 > least) }'; }
is_zero() { [ "$(metric "$1")" = 0 ]; }
# Rows are current; a metric may be some seconds old.
published() { [ "$(sql 'SELECT COUNT(*) FROM starchart.names WHERE is_unpublished = 1')" = 0 ]; }
zone_is() { diff <(zone_sets) "$1"; }

ensure_deployed
for who in user1 user2 user3; do
    user "$who" sign-in "$who" "${who}pass"
    for number in 1 2 3 4 5 6; do user "$who" create "accident$number" A "192.168.2.$number" >/dev/null 2>&1; done
done
check 'three users have records in the zone' wait_until 120 'publishing' published
# A foreign RRset between ours.
route53_control put "{\"name\": \"user1.$ZONE\", \"rtype\": \"CAA\", \"ttl\": 300, \"values\": [\"0 issue \\\"letsencrypt.org\\\"\"]}" >/dev/null
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
for number in 1 2 3; do user user1 create "today$number" A "192.168.3.$number" >/dev/null 2>&1; done
for who in user2 user3; do
    for number in $(user "$who" records | head -n 6); do user "$who" delete "$number" >/dev/null; done
done
check 'the changes of today are in the zone' wait_until 120 'publishing' published
zone_sets >"$SCRATCH/today.zone"
begin=$SECONDS
docker kill "$(docker ps -q --filter label=com.docker.swarm.service.name=peers_db)" >/dev/null
wait_until 120 'the database' sql 'SELECT 1'
restore "$SCRATCH/yesterday.sql"
check 'replicas outlive the database' two_healthy
answered() { user user1 records; }
check 'and answer again once it is back' wait_until 120 'the pages' answered
measured 'database killed, dump restored, pages again, s' "$((SECONDS - begin))"
check 'the audit refuses to bring yesterday back by itself' refuses
check 'the zone is as it was before the restore' zone_is "$SCRATCH/today.zone"
plan
say '   the plan that needs approval:'
grep -v '^{' "$SCRATCH/plan" | sed 's/^/          /' >&2
check 'an operator approves it' approve
check 'and yesterday is back in the zone' wait_until 120 'the records' answers "accident6.user3.$ZONE" A
check "today's new records are still in the zone, as orphans" answers "today1.user1.$ZONE" A

# ---- The zone emptied by hand
zone_sets | python3 -c 'import json, sys
for line in sys.stdin:
    s = json.loads(line)
    if s["rtype"] == "A": print(s["name"])' >"$SCRATCH/emptied"
while read -r name; do route53_control remove "{\"name\": \"$name\", \"rtype\": \"A\"}" </dev/null >/dev/null; done <"$SCRATCH/emptied"
zone_sets >"$SCRATCH/emptied.zone"
check 'an emptied zone: the audit refuses to fill it by itself' refuses
check 'and leaves it' zone_is "$SCRATCH/emptied.zone"
plan
check 'an operator approves the plan' approve
check 'and everything is back' wait_until 120 'the records' answers "accident6.user3.$ZONE" A
check 'the foreign RRset is untouched' grep -q '"CAA"' <(zone_sets)
zone_sets >"$SCRATCH/mended.zone"

# ---- The registry of our RRsets lost, as after a wipe or on a new database
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

# ---- Route53 unavailable
route53_control unavailable 1000000 >/dev/null
user user2 create route53-away A 192.168.4.1 >/dev/null 2>&1
check 'Route53 unavailable: the publish lag grows' wait_until 120 'the lag' above starchart_publish_lag_seconds 3
user user3 request-certificate >/dev/null 2>&1
check 'the age of the queue grows' wait_until 120 'the age' above starchart_certificate_oldest_order_age_seconds 3
check 'pages still work' user user2 records
route53_control unavailable 0 >/dev/null
check 'Route53 back: the record is published' wait_until 120 'the record' answers "route53-away.user2.$ZONE" A
check 'and the lag is gone' wait_until 120 'the lag' is_zero starchart_publish_lag_seconds

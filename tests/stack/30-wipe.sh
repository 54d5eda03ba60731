# The wipe flag: it wipes once, whichever replica starts first, and never the zone.
# shellcheck shell=bash

FLAG=DANGER_DATABASE_WIPE_REINITIALIZE
with_flag() { docker service update --quiet --detach=false --env-add "$FLAG=1" --env-add "DANGER_CONFIRM=${1:-}" "$APP" >/dev/null 2>&1; }
without_flag() { docker service update --quiet --detach=false --env-rm "$FLAG" --env-rm DANGER_CONFIRM "$APP" >/dev/null 2>&1; }
# Both replicas at once, as after a reboot of the machine.
restart_both() {
    docker service scale --detach "$APP=0" >/dev/null 2>&1
    wait_until 120 'no replica' no_replica
    docker service scale --detach "$APP=2" >/dev/null 2>&1
    two_healthy
}
no_replica() { [ -z "$(containers)" ]; }
users() { sql 'SELECT COUNT(*) FROM starchart.users'; }
# The age of the tables shows how often the database was wiped.
born() { sql "SELECT MIN(create_time) FROM information_schema.tables WHERE table_schema = 'starchart' AND table_name = 'users'"; }

ensure_deployed
user user1 create before-wipe A 192.168.1.9 >/dev/null 2>&1
sleep 2
zone_sets >"$SCRATCH/zone.before"
first=$(born) count=$(users)
check 'there are users before the wipe' [ "$count" -gt 0 ]

# A swarm with a wrong confirmation: the new tasks end, and the update is rolled back.
refused() {
    with_flag "$ZONE:99999"
    wait_until 120 'the rollback' update_is rollback_completed
}
check 'a wrong confirmation refuses, and the swarm rolls back' refused
check 'nothing was wiped' [ "$(users)" = "$count" ]
said() { app_log 2>&1 | contains "$1"; }
check 'the log says what the confirmation would be' said "$ZONE:$count"

two_healthy
docker service scale --detach "$APP=0" >/dev/null 2>&1
wait_until 120 'no replica' no_replica
sleep 1
docker service update --quiet --detach --env-add "$FLAG=1" --env-add "DANGER_CONFIRM=$ZONE:$count" "$APP" >/dev/null 2>&1
docker service scale --detach "$APP=2" >/dev/null 2>&1
check 'two replicas start with the flag at once, and become healthy' two_healthy
check 'the database is wiped' [ "$(users)" = 0 ]
second=$(born)
check 'it has new tables' [ "$second" != "$first" ]

rm -f "$FIXTURES/cookies/user1"
check 'a user signs in again' user user1 sign-in user1 user1pass
for time in one two three; do
    sleep 1
    restart_both
    check "restarted ($time): nothing more is wiped" [ "$(users)" = 1 ]
done
each_says() {
    local container
    for container in $(containers); do docker logs "$container" 2>&1 | contains 'still set' || return 1; done
}
check 'each start warns that the flag is still set' each_says
check 'the flag is removed' without_flag
two_healthy
check 'nothing happens then' [ "$(users)" = 1 ]
sleep 1
check 'and set again' with_flag "$ZONE:1"
two_healthy
check 'it wipes once more' [ "$(users)" = 0 ]
check 'the flag is removed again' without_flag
two_healthy
zone_sets >"$SCRATCH/zone.after"
check 'the zone is as it was throughout' diff "$SCRATCH/zone.before" "$SCRATCH/zone.after"

# Publishing then waits only for the approval of the plan.
plan() { exec_app reconcile --dry-run; }
check 'publishing is paused until an operator has approved the plan' wait_until 120 'the plan' plan
plan >"$SCRATCH/plan" 2>&1
hash=$(grep -oiE '[0-9a-f]{12,64}' "$SCRATCH/plan" | head -n1)
check 'the plan is approved' exec_app reconcile --approve "$hash"
rm -f "$FIXTURES/cookies/user1"
user user1 sign-in user1 user1pass
user user1 create after-wipe A 192.168.1.10 >/dev/null 2>&1
check 'and records are published again' wait_until 120 'the record' answers "after-wipe.user1.$ZONE" A

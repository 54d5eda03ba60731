# Updates: under load, with a broken image, of a secret, and of the whole stack.
# shellcheck shell=bash

update() { docker service update --quiet --detach=false "$@" "$APP"; }

ensure_deployed
user user1 create updated A 192.168.1.2 >/dev/null 2>&1
variant second 22222222aaaa
python3 tests/user.py --port "$PROXY_PORT" --ca "$FIXTURES/tls/ca.pem" --cookies "$FIXTURES/cookies/user1" load 60 >"$SCRATCH/load" &
load=$!
sleep 2
check 'an update under load converges' update --image "$IMAGE:second"
check 'one at a time, the new task first' test "$(docker service inspect -f '{{.Spec.UpdateConfig.Order}} {{.Spec.UpdateConfig.Parallelism}}' "$APP")" = 'start-first 1'
wait "$load"
check 'no request fails meanwhile' grep '"failed": 0,' "$SCRATCH/load"
measured 'requests during the update' "$(cat "$SCRATCH/load")"
serves() { [ "$(commits_served)" = "$1" ]; }
check 'both replicas run it' wait_until 120 'the commit' serves 22222222aaaa

# A program that ends at once, and one that never becomes ready.
docker build -q -t "$IMAGE:ends" - >/dev/null 2>&1 <<EOF
FROM $IMAGE:production
ENTRYPOINT ["sh", "-c", "sleep 1; exit 1"]
EOF
docker build -q -t "$IMAGE:never-ready" - >/dev/null 2>&1 <<EOF
FROM $IMAGE:production
ENTRYPOINT ["sleep", "1000"]
EOF
for broken in ends never-ready; do
    docker service update --quiet --detach --image "$IMAGE:$broken" --health-start-period 3s --health-interval 2s --health-retries 2 "$APP" >/dev/null 2>&1
    check "an image that ($broken) is rolled back by the swarm" wait_until 120 'the rollback' update_is rollback_completed
    check 'users are not affected: two healthy replicas of the previous image' two_healthy
    check 'the service has the previous image' test "$(docker service inspect -f '{{.Spec.TaskTemplate.ContainerSpec.Image}}' "$APP" | sed 's/@.*//')" = "$IMAGE:second"
done

# The new secret first, the old one second: open forms stay valid.
user user1 get /dns-records/new >"$FIXTURES/old-form"
{
    openssl rand -hex 32
    cat "$FIXTURES/secrets/SESSION_SECRET"
} >"$FIXTURES/secrets/SESSION_SECRET.new"
docker secret create SESSION_SECRET_2 "$FIXTURES/secrets/SESSION_SECRET.new" >/dev/null
check 'a secret is replaced' update --secret-rm SESSION_SECRET --secret-add source=SESSION_SECRET_2,target=SESSION_SECRET
check 'the user is still signed in' user user1 records
check 'and an open form is still accepted' user user1 create rotated TXT hello

records=$(user user1 records)
certificate=$(user user1 certificate fullChain 2>/dev/null)
docker stack rm "$STACK" >/dev/null
gone() { [ -z "$(docker ps -q --filter "label=com.docker.stack.namespace=$STACK")" ] && ! docker network inspect "${STACK}_starchart"; }
check 'the stack is removed' wait_until 120 'the removal' gone
docker secret rm SESSION_SECRET_2 >/dev/null
check 'and deployed again' deploy "$IMAGE:production"
check 'it is healthy' two_healthy
check 'the user is still signed in, and has his records' test "$(user user1 records)" = "$records"
check 'the zone has them' answers "updated.user1.$ZONE" A
if [ -n "$certificate" ]; then
    check 'and the certificate that he had' test "$(user user1 certificate fullChain)" = "$certificate"
fi

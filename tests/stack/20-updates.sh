# What changes under people's feet: an update under load, an image that does not work, a secret, the whole stack.
# shellcheck shell=bash

update() { docker service update --quiet --detach=false "$@" "$APP"; }

deployed
person user1 create updated A 192.168.1.2 >/dev/null 2>&1
variant second 22222222aaaa
python3 tests/user.py --port "$PROXY_PORT" --ca "$WORLD/tls/ca.pem" --cookies "$WORLD/cookies/user1" load 60 >"$SCRATCH/load" &
load=$!
sleep 2
check 'an update under load converges' update --image "$IMAGE:second"
check 'one at a time, the new task first' test "$(docker service inspect -f '{{.Spec.UpdateConfig.Order}} {{.Spec.UpdateConfig.Parallelism}}' "$APP")" = 'start-first 1'
wait "$load"
check 'no request fails meanwhile' grep '"failed": 0,' "$SCRATCH/load"
figure 'requests during the update' "$(cat "$SCRATCH/load")"
serves() { [ "$(commits_served)" = "$1" ]; }
check 'both replicas run it' eventually 30 'the commit' serves 22222222aaaa

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
    check "an image that ($broken) is rolled back by the swarm" eventually 120 'the rollback' update_is rollback_completed
    check 'people notice nothing: two healthy replicas of the one before' two_healthy
    check 'it is the one before' test "$(docker service inspect -f '{{.Spec.TaskTemplate.ContainerSpec.Image}}' "$APP" | sed 's/@.*//')" = "$IMAGE:second"
done

# The new secret first, the old one second: what is on people's screens stays valid.
person user1 get /dns-records/new >"$WORLD/old-form"
{
    openssl rand -hex 32
    cat "$WORLD/secrets/SESSION_SECRET"
} >"$WORLD/secrets/SESSION_SECRET.new"
docker secret create SESSION_SECRET_2 "$WORLD/secrets/SESSION_SECRET.new" >/dev/null
check 'a secret is replaced' update --secret-rm SESSION_SECRET --secret-add source=SESSION_SECRET_2,target=SESSION_SECRET
check 'Johannes Kepler is still signed in' person user1 records
check 'and his form still counts' person user1 create rotated TXT hello

records=$(person user1 records)
certificate=$(person user1 certificate fullChain 2>/dev/null)
docker stack rm "$STACK" >/dev/null
gone() { [ -z "$(docker ps -q --filter "label=com.docker.stack.namespace=$STACK")" ] && ! docker network inspect "${STACK}_starchart"; }
check 'the stack is removed' eventually 90 'the removal' gone
docker secret rm SESSION_SECRET_2 >/dev/null
check 'and deployed again' deploy "$IMAGE:production"
check 'it is healthy' two_healthy
check 'Johannes Kepler is still signed in, and has his records' test "$(person user1 records)" = "$records"
check 'the zone has them' answers "updated.user1.$ZONE" A
if [ -n "$certificate" ]; then
    check 'and the certificate that he had' test "$(person user1 certificate fullChain)" = "$certificate"
fi

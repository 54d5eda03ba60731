# From the stack file to a certificate: the image, two replicas, sign-in, record, certificate, mail, through the proxy.
# shellcheck shell=bash

measured 'image above its base, MB' "$(awk -v a="$(image_size "$IMAGE:production")" -v b="$(image_size "$BASE")" 'BEGIN { printf "%.1f", (a - b) / 1e6 }')"

begin=$(date +%s%3N)
deploy "$IMAGE:production"
check 'two replicas become healthy' two_healthy
measured 'deploy to two healthy replicas, ms' "$(($(date +%s%3N) - begin))"

of_all() { containers | xargs -r docker inspect -f "$1" | sort -u; }
check 'they do not run as root' [ "$(of_all '{{.Config.User}}')" = 10001:10001 ]
check 'their root file system is read-only' [ "$(of_all '{{.HostConfig.ReadonlyRootfs}}')" = true ]
check 'they have no capabilities' [ "$(of_all '{{.HostConfig.CapDrop}}')" = '[ALL]' ]
check 'they answer SIGTERM through an init' test "$(of_all '{{index .Config.Entrypoint 0}}')" = tini

user nobody get /sp >"$FIXTURES/idp/sp.xml"
check 'Johannes Kepler signs in' user user1 sign-in user1 user1pass
check 'he makes a record' user user1 create www A 192.168.1.1
check 'name servers answer it' wait_until 120 'the record' answers "www.user1.$ZONE" A
check 'he asks for a certificate' user user1 request-certificate
check 'he gets one' user user1 certificate fullChain --wait 180
cp "$SCRATCH/check.out" "$FIXTURES/chain.pem"
in_peer acme /opt/peers/bin/python -c 'import ssl, urllib.request as u; print(u.urlopen("https://localhost:15000/roots/0", context=ssl._create_unverified_context()).read().decode())' >"$FIXTURES/acme-root.pem"
check 'it verifies against the authority for his wildcard' openssl verify -CAfile "$FIXTURES/acme-root.pem" -untrusted "$FIXTURES/chain.pem" -verify_hostname "any.user1.$ZONE" "$FIXTURES/chain.pem"
user user1 certificate privateKey >"$FIXTURES/key.pem"
check 'his key fits it' test "$(openssl pkey -in "$FIXTURES/key.pem" -pubout)" = "$(openssl x509 -in "$FIXTURES/chain.pem" -noout -pubkey)"
has_mail() { mails | contains 'certificate ready'; }
check 'a mail says so' wait_until 120 'the mail' has_mail

logged() { docker inspect -f '{{.HostConfig.LogConfig.Config.tag}}' "$(containers | head -n1)" && app_log | contains '"message":"ready"'; }
check 'the log is JSON under the tag of the service' logged
each_is_json() { app_log | python3 -c 'import json,sys; [json.loads(line) for line in sys.stdin if line.strip()]'; }
check 'every line of it' each_is_json
no_secret() { ! app_log | grep -F -f <(cat "$FIXTURES"/secrets/{SESSION_SECRET,KEY_ENCRYPTION_KEYS,NOTIFICATIONS_PASSWORD}); }
check 'no secret stands in it' no_secret

sleep 5
measured 'memory of a replica, MB' "$(containers | head -n1 | xargs -I{} docker exec {} sh -c 'cat /proc/[0-9]*/status' | awk '/^Name:/ { name = $2 } /^VmRSS:/ && name == "starchart" && $2 > max { max = $2 } END { printf "%.1f", max / 1024 }')"
ready_ms() { app_log | python3 -c '
import json, sys, datetime
at = lambda line: datetime.datetime.fromisoformat(line["time"].replace("Z", "+00:00"))
lines = [json.loads(line) for line in sys.stdin if line.strip()]
first = min((line for line in lines if line["message"] == "starting"), key=at)
print(round((at(min((l for l in lines if l["message"] == "ready"), key=at)) - at(first)).total_seconds() * 1000))'; }
measured 'start to ready with an empty database, ms' "$(ready_ms)"

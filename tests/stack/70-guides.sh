# The guides' commands, taken verbatim from docs/ with this school's names inserted: deployment from step 4 to the first
# sign-in, then secrets, upgrade and back, verbs, logs, the prune, a dump and its restore. Not covered: Amazon's command line, the package
# manager, journald.
# shellcheck shell=bash disable=SC2016

CHECKOUT=$SCRATCH/opt-starchart ETC=$SCRATCH/etc HASH=HASH

# block GUIDE TEXT: the first fenced block of docs/GUIDE that contains TEXT, with this school's names; nothing if there is none.
block() {
    awk -v text="$2" '
        /^ *```[a-z]+$/ { inside = 1; said = ""; next }
        /^ *```$/ { if (inside && index(said, text)) { printf "%s", said; exit }; inside = 0; next }
        inside { said = said $0 "\n" }' "docs/$1" |
        sed -e "s|registry\.school\.example/starchart:|$IMAGE:|g" -e "s|my\.school\.example|$ZONE|g" -e "s|Z0123456789ABCDEFGHIJ|$ZONE_ID|g" \
            -e "s|smtp\.school\.example|mail|g" -e "s|@db\.school\.example|@db|g" -e 's|host=db\.school\.example|host=127.0.0.1|g' \
            -e 's|mysql -h db\.school\.example -u root -p|in_peer db mariadb --no-defaults -uroot -h127.0.0.1|g' \
            -e 's|login\.school\.example/federationmetadata\.xml|idp.school.example/metadata|g' \
            -e "s|/opt/starchart|$CHECKOUT|g" -e "s|/var/lib/starchart-webhook|$ETC|g" -e "s|/var/lib/docker|$SCRATCH|g" \
            -e "s|/etc/starchart/production\.yml|$ETC/production.yml -c $ROOT/tests/stack/override.yml|g" \
            -e 's|/etc/starchart/backup\.cnf|/world/backup.cnf|g' -e 's|/var/backups/starchart|/world/backups|g' \
            -e "s|2026-01-31\.sql\.gz|$FIXTURES/backups/$(date +%F).sql.gz|g" -e "s|\bHASH\b|$HASH|g" \
            -e 's|docker service logs\( --follow\)\?|service_logs|g' -e 's|; journalctl.*||' -e '/^journalctl/d'
}

# follow GUIDE TEXT: runs that block in the checkout, with `$replica` set as the block that finds it does.
follow() {
    local said
    said=$(block "$@")
    [ -n "$said" ] || { say "docs/$1 has no block with '$2' any more" && return 1; }
    (
        cd "$CHECKOUT" || exit
        replica=$(containers --filter health=healthy | head -n1) IMAGE=$IMAGE:production APP=$APP bash -euo pipefail -c "$said"
    )
}
# Runs a block that must fail, and checks its output, so that an earlier failure is noticed: refuses SAYS ALSO-SAYS GUIDE TEXT.
refuses() {
    local said=("$1" "$2")
    shift 2
    if follow "$@" >"$SCRATCH/said" 2>&1; then return 1; fi
    cat "$SCRATCH/said"
    contains "${said[0]}" <"$SCRATCH/said" && contains "${said[1]}" <"$SCRATCH/said"
}
# Docker 20.10 may wait for ever for the log of a task that was removed; newer versions do not.
service_logs() { timeout 60 docker service logs "$@" || [ $? -eq 124 ]; }
export -f in_peer containers service_logs

# ---- Start with nothing but the surrounding servers

install_packages jq
docker stack rm "$STACK" >/dev/null 2>&1
gone() { [ -z "$(docker ps -q --filter "label=com.docker.stack.namespace=$STACK")" ] && ! docker network inspect "${STACK}_starchart"; }
wait_until 120 'the removal' gone
docker secret ls -q | xargs -r docker secret rm >/dev/null
docker config rm idp-metadata >/dev/null
sql 'DROP DATABASE IF EXISTS starchart; DROP USER IF EXISTS starchart'
# After the import's burst of orders pebble may hang for good: its store takes a read lock twice, with a writer in between.
docker service update --force --detach=false peers_acme >/dev/null 2>&1
rm -f "$FIXTURES"/cookies/*
mkdir -p "$SCRATCH/curl" "$ETC" "$FIXTURES/backups"
# Resolves the school's names to the proxy, as its DNS would.
{
    printf 'cacert = "%s"\n' "$FIXTURES/tls/ca.pem"
    printf 'connect-to = "%s.school.example:443:127.0.0.1:%s"\n' names "$PROXY_PORT" idp "$PROXY_PORT"
} >"$SCRATCH/curl/.curlrc"
export CURL_HOME=$SCRATCH/curl
git clone -q "$ROOT" "$CHECKOUT"
cp "$(production_file)" "$CHECKOUT/docker-production.yml"
git -C "$CHECKOUT" -c user.name=operator -c user.email=operator@school.example commit -qam 'Publish no port'
git -C "$CHECKOUT" tag vX.Y.Z

# ---- deployment.md

check 'the database is made' sql "$(block deployment.md 'CREATE DATABASE')"
# Replaces Amazon's command line.
aws() { printf 'development\tdevelopment\n'; }
export -f aws
secrets() { printf 'starchart@school.example\nthrow-away\n' | follow deployment.md 'docker secret create SESSION_SECRET -'; }
check 'the secrets are made' secrets
check 'all eight' test "$(docker secret ls -q | wc -l)" = 8
check 'none of them stays behind' test ! -e /run/starchart-keys
check "the identity provider's metadata are stored" follow deployment.md 'docker config create idp-metadata '
block deployment.md 'NOTIFICATIONS_EMAIL_USER:' >"$ETC/production.yml"
check 'the stack is deployed' follow deployment.md 'docker stack deploy --with-registry-auth -c docker-production.yml'
check 'two replicas become healthy, with no more rights on the database than the guide gives' two_healthy
check 'the settings are checked, and a mail is sent' follow deployment.md 'script/swarm-job check-config'
has_mail() { mails | contains 'you@school.example'; }
check 'which arrives' has_mail
check 'it answers under its address' follow deployment.md 'https://names.school.example/healthcheck'
user nobody get /sp >"$FIXTURES/idp/sp.xml"
check 'Johannes Kepler signs in' user user1 sign-in user1 user1pass
check 'he makes a record' user user1 create guided A 192.168.1.7
check 'which resolves' wait_until 120 'the record' answers "guided.user1.$ZONE" A
check 'he asks for a certificate' user user1 request-certificate
check 'and gets one' user user1 certificate fullChain --wait 180

# ---- swarm.md

check 'verbs in a replica' follow swarm.md 'starchart health --ready'
check 'verbs as jobs; a wipe with a wrong number is refused' refuses '0 differences' '--confirm does not match' swarm.md 'script/swarm-job migrate'
check 'SESSION_SECRET is replaced' follow swarm.md 'SESSION_SECRET_2 -'
{
    block swarm.md 'name: SESSION_SECRET_2'
    printf '  KEY_ENCRYPTION_KEYS: { external: true, name: KEY_ENCRYPTION_KEYS_2 }\nconfigs:\n  idp-metadata: { external: true, name: idp-metadata-2 }\n'
} >>"$ETC/production.yml"
check 'he is still signed in' user user1 records
check 'KEY_ENCRYPTION_KEYS is replaced' follow swarm.md 'KEY_ENCRYPTION_KEYS_2'
check 'his private key can still be read' user user1 certificate privateKey
check "the identity provider's metadata are replaced" follow swarm.md 'idp-metadata-2'
check 'Galileo Galilei signs in with them' user user2 sign-in user2 user2pass

# ---- upgrade.md

check 'a release is deployed from its stack file' follow upgrade.md 'git checkout vX.Y.Z'
check 'it mounts what was replaced' two_healthy
check 'he is still signed in' user user1 records
check 'an image alone' follow upgrade.md '--image'
check 'the swarm says how it went' follow upgrade.md 'UpdateStatus'
check 'and back' follow upgrade.md 'docker service rollback'
check 'two healthy replicas' two_healthy

# ---- operations.md and monitoring.md

user nobody get '/login/complete?h=nothing' >/dev/null 2>&1
check 'what is not as usual in the log' follow operations.md 'select(.level != "info")'
check 'sign-ins that were refused' follow operations.md 'sign-in refused'
check 'the tasks and their errors' follow operations.md 'docker service ps --no-trunc starchart_mycustomdomain        #'
check 'Redis is started anew' follow operations.md 'docker service update --force starchart_redis'
check 'the figures of a replica' follow monitoring.md 'nsenter'
check 'the log by request, person, job, order and mail' follow monitoring.md 'on_behalf_of == 17'
check 'the prune' follow operations.md 'docker image prune'
check 'a wipe says first what it wants' refuses "$ZONE:2" 'Nothing was changed' operations.md 'script/swarm-job wipe '
check 'and nothing is gone' user user1 certificate fullChain

# ---- backup.md

check 'the user for dumps' sql "$(block backup.md "'starchart_backup'@")"
block backup.md '[client]' >"$FIXTURES/backup.cnf"
check 'a dump' in_peer db bash -euo pipefail -c "$(block backup.md 'mysqldump --defaults')"
check 'is whole' test "$(gunzip -c "$FIXTURES/backups/"*.sql.gz | tail -n1 | cut -c1-17)" = '-- Dump completed'
user user1 create later A 192.168.1.8 >/dev/null 2>&1
user user1 delete "$(user user1 records | head -n1)" >/dev/null 2>&1
without() { ! answers "guided.user1.$ZONE" A; }
check 'after it a record is made' wait_until 120 'the record' answers "later.user1.$ZONE" A
check 'and another deleted' wait_until 120 'the deletion' without
check 'nobody writes' follow backup.md 'starchart_mycustomdomain=0'
sql 'DROP DATABASE starchart'
check 'the dump goes into an empty database' follow backup.md 'gunzip -c'
check 'the schema is brought up, and publishing paused' follow backup.md 'reconcile --pause'
check 'everybody is signed out' sql "USE starchart; $(block backup.md 'DELETE FROM sessions')"
adopt() { follow backup.md 'reconcile --adopt'; contains "+ guided.user1.$ZONE" <"$SCRATCH/check.out"; }
check 'the plan shows what was deleted since' adopt
cp "$SCRATCH/check.out" "$SCRATCH/adopted"
check 'and what was made' contains "later.user1.$ZONE A" <"$SCRATCH/adopted"
HASH=$(sed -n 's/.*--approve \([0-9a-f]\{8,64\}\).*/\1/p' "$SCRATCH/adopted" | head -n1)
check 'it is approved' follow backup.md 'reconcile --approve HASH'
check 'the zone is as the dump has it' wait_until 120 'the record' answers "guided.user1.$ZONE" A
check 'and what was made since goes on working' answers "later.user1.$ZONE" A
check 'Johannes Kepler signs in again' user user1 sign-in user1 user1pass

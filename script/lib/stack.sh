# The swarm, the servers that a school has around it, and helpers for the stories in tests/stack. Sourced after engine.sh.
# shellcheck shell=bash disable=SC2034,SC2153

FIXTURES=$SCRATCH/world
STACK=starchart
APP=${STACK}_mycustomdomain
ZONE=starchart.school.example
IMAGE=127.0.0.1:$REGISTRY_PORT/starchart
export FIXTURES ZONE_ID=

# ---- Fixtures

# Creates certificates, users and a mailbox for this run only.
make_fixtures() {
    mkdir -p "$FIXTURES"/{tls,idp,mail/mails,db,secrets,cookies}
    (
        cd "$FIXTURES/tls" || exit
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj '/CN=Throw-away CA of a test' -keyout ca.key -out ca.pem 2>/dev/null
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj '/CN=school.example' -keyout server.key -out server.csr 2>/dev/null
        printf 'subjectAltName=%s\n' DNS:names.school.example,DNS:idp.school.example,DNS:route53.school.example,DNS:acme,DNS:mail,DNS:localhost >ext
        openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile ext -out server.crt 2>/dev/null
        cat server.crt server.key >server.pem
    )
    (
        cd "$FIXTURES/idp" || exit
        openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj '/CN=development identity provider' -keyout idp.pem -out idp.crt 2>/dev/null
        cat >users.json <<'EOF'
{"user1": {"password": "user1pass", "sAMAccountName": "user1", "displayname": "Johannes Kepler", "email": "user1@example.com", "group": ["mycustomdomain-students"]},
 "user2": {"password": "user2pass", "sAMAccountName": "user2", "displayname": "Galileo Galilei", "email": "user2@example.com", "group": ["mycustomdomain-faculty"]},
 "user3": {"password": "user3pass", "sAMAccountName": "user3", "displayname": "Adam Mason", "email": "user3@example.com", "group": ["mycustomdomain-admins"]}}
EOF
    )
    printf %s both >"$FIXTURES/idp/signed"
    cp "$FIXTURES/tls/server.crt" "$FIXTURES/mail/cert.pem"
    cp "$FIXTURES/tls/server.key" "$FIXTURES/mail/key.pem"
    echo '{"user": "starchart@school.example", "password": "throw-away", "token": ""}' >"$FIXTURES/mail/knobs.json"
    cat >"$FIXTURES/pebble.json" <<EOF
{"pebble": {"listenAddress": "0.0.0.0:14000", "managementListenAddress": "0.0.0.0:15000", "certificate": "/world/tls/server.crt",
 "privateKey": "/world/tls/server.key", "httpPort": 1, "tlsPort": 1, "ocspResponderURL": "", "externalAccountBindingRequired": false,
 "certificateValidityPeriod": 7776000}}
EOF
    cp tests/stack/peers/haproxy.cfg "$FIXTURES/"
    mariadb-install-db --no-defaults --user=root --datadir="$FIXTURES/db" --auth-root-authentication-method=normal --skip-test-db \
        --skip-name-resolve >"$SCRATCH/mariadb.log" 2>&1 || { cat "$SCRATCH/mariadb.log" >&2 && return 1; }
}

build_peers() {
    local context=$SCRATCH/peers
    mkdir -p "$context"
    cargo build --workspace --bins --locked
    cp "$TARGET"/debug/{strict-route53,original-database} crates/testkit/src/pysaml2/idp.py crates/testkit/src/smtp.py tests/stack/peers/Dockerfile "$context/"
    docker build --network host --build-arg BASE="$BASE" --build-arg PYSAML2="$PYSAML2_VERSION" --build-arg AIOSMTPD="$AIOSMTPD_VERSION" \
        -t starchart-prove/peers "$context" >"$SCRATCH/peers.log" 2>&1 || {
        tail -n 30 "$SCRATCH/peers.log" >&2
        die "The image of the surrounding servers could not be built; the end of the builder's log is above."
    }
}

start_school() {
    export PROXY_PORT
    PROXY_PORT=$(free_port)
    docker network create --driver overlay --attachable peers >/dev/null
    stack_deploy -c tests/stack/peers/peers.yml peers
    wait_until 120 'the database' sql 'SELECT 1'
    sql "CREATE DATABASE starchart; CREATE USER starchart IDENTIFIED BY 'throw-away'; GRANT ALL ON starchart.* TO starchart"
    wait_until 120 'the zone' zone_id
    ZONE_ID=$(zone_id)
    wait_until 120 'the identity provider' idp_metadata
    idp_metadata >"$FIXTURES/idp-metadata.xml"
}

# in_peer NAME COMMAND...: runs it in the container of that service.
in_peer() {
    local name=$1 container
    shift
    container=$(docker ps -q --filter "label=com.docker.swarm.service.name=peers_$name" | head -n1)
    [ -n "$container" ] || return 1
    docker exec -i "$container" "$@"
}

sql() { in_peer db mariadb --no-defaults -uroot -h127.0.0.1 --batch --skip-column-names -e "$@"; }
zone_id() { docker service logs peers_route53 --raw 2>/dev/null | sed -n 's/.*"zone_id":"\([^"]*\)".*/\1/p' | tail -n1 | grep .; }
idp_metadata() { in_peer idp /opt/peers/bin/python -c 'import urllib.request as u; print(u.urlopen("http://127.0.0.1:8081/metadata").read().decode())'; }
# answers NAME TYPE: prints what the zone answers; fails if it has no answer.
answers() { in_peer route53 dig +short +time=2 +tries=1 -p 5354 @127.0.0.1 "$1" "$2" | grep .; }

# route53_control NAME [JSON]: sets or reads a control of the strict Route53.
route53_control() {
    in_peer route53 /opt/peers/bin/python -c 'import sys, urllib.request as u
body = sys.argv[2].encode() if len(sys.argv) > 2 else None
print(u.urlopen(u.Request("http://127.0.0.1:5053/_knobs/" + sys.argv[1], body)).read().decode())' "$@"
}
zone_sets() { route53_control sets | python3 -c 'import json,sys; [print(json.dumps(s, sort_keys=True)) for s in sorted(json.load(sys.stdin), key=lambda s: (s["name"], s["rtype"]))]'; }

# ---- Secrets, configs, the stack

# One file per secret, as an operator has them.
make_secrets() {
    local folder=$FIXTURES/secrets
    printf %s development >"$folder/AWS_ACCESS_KEY_ID"
    printf %s development >"$folder/AWS_SECRET_ACCESS_KEY"
    printf %s 'mysql://starchart:throw-away@db:3306/starchart' >"$folder/DATABASE_URL"
    printf %s starchart@school.example >"$folder/NOTIFICATIONS_USERNAME"
    printf %s throw-away >"$folder/NOTIFICATIONS_PASSWORD"
    openssl rand -hex 32 >"$folder/SESSION_SECRET"
    docker run --rm --user 0:0 -v "$folder:/out" "$1" keys new --folder /out >/dev/null
    local secret
    for secret in "$folder"/*; do docker secret create "$(basename "$secret")" "$secret" >/dev/null; done
    docker config create idp-metadata "$FIXTURES/idp-metadata.xml" >/dev/null
    docker config create school-ca "$FIXTURES/tls/ca.pem" >/dev/null
}

# The stack file without the published port, which needs IP_VS in the kernel.
production_file() {
    sed '/^    ports:/,/^      - "8080:8080"/d' docker-production.yml >"$SCRATCH/docker-production.yml"
    echo "$SCRATCH/docker-production.yml"
}

# deploy IMAGE [FILE]: deploys the stack with that image, and optionally one more override file.
deploy() {
    local image=$1 files=(-c "$(production_file)" -c tests/stack/override.yml)
    [ -z "${2:-}" ] || files+=(-c "$2")
    IMAGE=$image stack_deploy "${files[@]}" "$STACK"
}

# For stories that begin with a running stack and a signed-in user.
ensure_deployed() {
    if ! docker service inspect "$APP" >/dev/null 2>&1; then deploy "$IMAGE:production"; fi
    two_healthy
    user nobody get /sp >"$FIXTURES/idp/sp.xml"
    user user1 sign-in user1 user1pass
}

stack_deploy() {
    local code=0
    docker stack deploy --resolve-image never "$@" >"$SCRATCH/deploy.log" 2>&1 || code=$?
    [ "$code" -eq 0 ] || cat "$SCRATCH/deploy.log" >&2
    return "$code"
}

# ---- State

# wait_until SECONDS WHAT COMMAND...: polls until the command succeeds; on timeout prints its last output and the end of the log.
wait_until() {
    local limit=$1 what=$2 start=$SECONDS
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ $((SECONDS - start)) -lt "$limit" ] || {
            say "$what: not within $limit s. The last try printed:"
            "$@" >&2 || true
            say "The end of the replicas' log:"
            app_log 2>&1 | tail -n 30 >&2 || true
            return 1
        }
        sleep 0.5
    done
}

tasks() { docker service ps "$APP" --filter desired-state=running --format '{{.ID}}' | wc -l; }
containers() { docker ps -q --filter "label=com.docker.swarm.service.name=$APP" "$@"; }
# healthy N: N containers of the service are healthy.
healthy() { [ "$(containers --filter health=healthy | wc -l)" -eq "$1" ]; }
# Two replicas are healthy, and the proxy has noticed.
two_healthy() { wait_until 120 'two healthy replicas' healthy 2 && wait_until 120 'the proxy' user nobody get /healthcheck; }
update_state() { docker service inspect -f '{{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}' "$APP"; }
# update_is STATE: the last update of the service is in that state.
update_is() { [ "$(update_state)" = "$1" ]; }
# exec_app VERB...: runs a verb of the binary inside a running replica.
exec_app() { docker exec "$(containers --filter health=healthy | head -n1)" starchart "$@"; }
# The same at a high rate limit, for stories that list a large zone repeatedly.
exec_quickly() { docker exec -e ROUTE53_REQUESTS_PER_SECOND=100 "$(containers --filter health=healthy | head -n1)" starchart "$@"; }
# Prints the log of the replicas: stdout to stdout, stderr to stderr. For tasks whose containers were removed, docker 20.10 never ends.
app_log() { timeout 20 docker service logs --raw "$APP" || [ $? -eq 124 ]; }

# user NAME VERB...: acts in that user's browser.
user() {
    local who=$1
    shift
    python3 tests/user.py --port "$PROXY_PORT" --ca "$FIXTURES/tls/ca.pem" --cookies "$FIXTURES/cookies/$who" "$@"
}
commit_served() { user nobody get /version | python3 -c 'import json,sys; print(json.load(sys.stdin)["commit"])'; }
# Prints the commits that several requests in a row report, each once.
commits_served() { (commit_served; commit_served; commit_served; commit_served) | sort -u; }
mails() { cat "$FIXTURES"/mail/mails/*.json 2>/dev/null; }

# variant TAG COMMIT: builds and pushes the program under another commit id; nothing else differs.
variant() {
    build_image "$IMAGE:$1" STARCHART_COMMIT="$2" && docker push -q "$IMAGE:$1" >/dev/null
}
commit_built() { docker run --rm "$IMAGE:production" version | sed -n 's/.*(commit \([0-9a-f]*\).*/\1/p'; }

# ---- Stories

# run_story FILE: runs it in a subshell.
run_story() {
    local failed
    failed=$(failures)
    (
        set +e
        # shellcheck disable=SC1090
        . "$1"
    )
    [ "$(failures)" -eq "$failed" ]
}

# check WHAT COMMAND...: counts whether the command succeeds, and prints it as a sentence of the story.
check() {
    local what=$1
    shift
    if "$@" >"$SCRATCH/check.out" 2>"$SCRATCH/check.err"; then
        count 1 0 0
        say "   holds: $what"
    else
        count 0 1 0
        say "   FAILS: $what"
        tail -n 15 "$SCRATCH/check.out" "$SCRATCH/check.err" | sed 's/^/          /' >&2
    fi
}

# measured WHAT VALUE: prints a measured value.
measured() { say "   measured: $1: $2"; }
not() { ! "$@"; }
# Reads to the end: with grep -q the writer would fail on the closed pipe.
contains() { grep -F -- "$1" >/dev/null; }

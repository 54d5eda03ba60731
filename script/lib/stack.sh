# The swarm, the school around it, and what a story of the stack asks of them. Sourced after engine.sh.
# shellcheck shell=bash disable=SC2034,SC2153

WORLD=$SCRATCH/world
STACK=starchart
APP=${STACK}_mycustomdomain
ZONE=starchart.school.example
IMAGE=127.0.0.1:$REGISTRY_PORT/starchart
export WORLD ZONE_ID=

# ---- The world

# Roots, people, mailbox: all made anew, and worth nothing after this run.
make_world() {
    mkdir -p "$WORLD"/{tls,idp,mail/mails,db,secrets,cookies}
    (
        cd "$WORLD/tls" || exit
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj '/CN=Throw-away CA of a test' -keyout ca.key -out ca.pem 2>/dev/null
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj '/CN=school.example' -keyout server.key -out server.csr 2>/dev/null
        printf 'subjectAltName=%s\n' DNS:names.school.example,DNS:idp.school.example,DNS:route53.school.example,DNS:acme,DNS:mail,DNS:localhost >ext
        openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile ext -out server.crt 2>/dev/null
        cat server.crt server.key >server.pem
    )
    (
        cd "$WORLD/idp" || exit
        openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj '/CN=development identity provider' -keyout idp.pem -out idp.crt 2>/dev/null
        cat >users.json <<'EOF'
{"user1": {"password": "user1pass", "sAMAccountName": "user1", "displayname": "Johannes Kepler", "email": "user1@example.com", "group": ["mycustomdomain-students"]},
 "user2": {"password": "user2pass", "sAMAccountName": "user2", "displayname": "Galileo Galilei", "email": "user2@example.com", "group": ["mycustomdomain-faculty"]},
 "user3": {"password": "user3pass", "sAMAccountName": "user3", "displayname": "Adam Mason", "email": "user3@example.com", "group": ["mycustomdomain-admins"]}}
EOF
    )
    printf %s both >"$WORLD/idp/signed"
    cp "$WORLD/tls/server.crt" "$WORLD/mail/cert.pem"
    cp "$WORLD/tls/server.key" "$WORLD/mail/key.pem"
    echo '{"user": "starchart@school.example", "password": "throw-away", "token": ""}' >"$WORLD/mail/knobs.json"
    cat >"$WORLD/pebble.json" <<EOF
{"pebble": {"listenAddress": "0.0.0.0:14000", "managementListenAddress": "0.0.0.0:15000", "certificate": "/world/tls/server.crt",
 "privateKey": "/world/tls/server.key", "httpPort": 1, "tlsPort": 1, "ocspResponderURL": "", "externalAccountBindingRequired": false,
 "certificateValidityPeriod": 7776000}}
EOF
    cp tests/stack/peers/haproxy.cfg "$WORLD/"
    mariadb-install-db --no-defaults --user=root --datadir="$WORLD/db" --auth-root-authentication-method=normal --skip-test-db \
        --skip-name-resolve >"$SCRATCH/mariadb.log" 2>&1 || { cat "$SCRATCH/mariadb.log" >&2 && return 1; }
}

build_peers() {
    local context=$SCRATCH/peers
    mkdir -p "$context"
    cargo build --workspace --bins --locked
    cp "$TARGET"/debug/{strict-route53,original-school} crates/testkit/src/pysaml2/idp.py crates/testkit/src/smtp.py tests/stack/peers/Dockerfile "$context/"
    docker build --network host --build-arg BASE="$BASE" --build-arg PYSAML2="$PYSAML2_VERSION" --build-arg AIOSMTPD="$AIOSMTPD_VERSION" \
        -t starchart-prove/peers "$context" >"$SCRATCH/peers.log" 2>&1 || {
        tail -n 30 "$SCRATCH/peers.log" >&2
        die "The image of the school around could not be built; the end of the builder's log is above."
    }
}

start_school() {
    export PROXY_PORT
    PROXY_PORT=$(free_port)
    docker network create --driver overlay --attachable peers >/dev/null
    stack_deploy -c tests/stack/peers/peers.yml peers
    eventually 60 'the database' sql 'SELECT 1'
    sql "CREATE DATABASE starchart; CREATE USER starchart IDENTIFIED BY 'throw-away'; GRANT ALL ON starchart.* TO starchart"
    eventually 60 'the zone' zone_id
    ZONE_ID=$(zone_id)
    eventually 60 'the identity provider' idp_metadata
    idp_metadata >"$WORLD/idp-metadata.xml"
}

# in_peer NAME COMMAND...: in the container of that service.
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
# What the zone answers: answers NAME TYPE
answers() { in_peer route53 dig +short +time=2 +tries=1 -p 5354 @127.0.0.1 "$1" "$2" | grep .; }

# knob NAME [JSON]: turns a knob of the strict Route53, or reads what it tells.
knob() {
    in_peer route53 /opt/peers/bin/python -c 'import sys, urllib.request as u
body = sys.argv[2].encode() if len(sys.argv) > 2 else None
print(u.urlopen(u.Request("http://127.0.0.1:5053/_knobs/" + sys.argv[1], body)).read().decode())' "$@"
}
zone_sets() { knob sets | python3 -c 'import json,sys; [print(json.dumps(s, sort_keys=True)) for s in sorted(json.load(sys.stdin), key=lambda s: (s["name"], s["rtype"]))]'; }

# ---- Secrets, configs, the stack

# One file a secret, as an operator has them.
make_secrets() {
    local folder=$WORLD/secrets
    printf %s development >"$folder/AWS_ACCESS_KEY_ID"
    printf %s development >"$folder/AWS_SECRET_ACCESS_KEY"
    printf %s 'mysql://starchart:throw-away@db:3306/starchart' >"$folder/DATABASE_URL"
    printf %s starchart@school.example >"$folder/NOTIFICATIONS_USERNAME"
    printf %s throw-away >"$folder/NOTIFICATIONS_PASSWORD"
    openssl rand -hex 32 >"$folder/SESSION_SECRET"
    docker run --rm --user 0:0 -v "$folder:/out" "$1" keys new --folder /out >/dev/null
    local secret
    for secret in "$folder"/*; do docker secret create "$(basename "$secret")" "$secret" >/dev/null; done
    docker config create idp-metadata "$WORLD/idp-metadata.xml" >/dev/null
    docker config create school-ca "$WORLD/tls/ca.pem" >/dev/null
}

# The stack file without what this kernel has not: a published port needs IP_VS.
production_file() {
    sed '/^    ports:/,/^      - "8080:8080"/d' docker-production.yml >"$SCRATCH/docker-production.yml"
    echo "$SCRATCH/docker-production.yml"
}

# deploy IMAGE [FILE]: a further override file may follow.
deploy() {
    local image=$1 files=(-c "$(production_file)" -c tests/stack/override.yml)
    [ -z "${2:-}" ] || files+=(-c "$2")
    IMAGE=$image stack_deploy "${files[@]}" "$STACK"
}

# For a story that begins with people at work.
deployed() {
    if ! docker service inspect "$APP" >/dev/null 2>&1; then deploy "$IMAGE:production"; fi
    two_healthy
    person nobody get /sp >"$WORLD/idp/sp.xml"
    person user1 sign-in user1 user1pass
}

stack_deploy() {
    local code=0
    docker stack deploy --resolve-image never "$@" >"$SCRATCH/deploy.log" 2>&1 || code=$?
    [ "$code" -eq 0 ] || cat "$SCRATCH/deploy.log" >&2
    return "$code"
}

# ---- Asking

# eventually SECONDS WHAT COMMAND...: until the command succeeds.
eventually() {
    local limit=$1 what=$2 start=$SECONDS
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ $((SECONDS - start)) -lt "$limit" ] || {
            say "$what: not within $limit s"
            return 1
        }
        sleep 0.5
    done
}

tasks() { docker service ps "$APP" --filter desired-state=running --format '{{.ID}}' | wc -l; }
containers() { docker ps -q --filter "label=com.docker.swarm.service.name=$APP" "$@"; }
# healthy N: so many containers of the service say so.
healthy() { [ "$(containers --filter health=healthy | wc -l)" -eq "$1" ]; }
# Two that say so, and the proxy has seen it.
two_healthy() { eventually 120 'two healthy replicas' healthy 2 && eventually 30 'the proxy' person nobody get /healthcheck; }
update_state() { docker service inspect -f '{{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}' "$APP"; }
# update_is STATE: how the last update of the service ended.
update_is() { [ "$(update_state)" = "$1" ]; }
# exec_app VERB...: a verb of the binary inside a running replica.
exec_app() { docker exec "$(containers --filter health=healthy | head -n1)" starchart "$@"; }
# The same without the pace that Amazon asks for, where a large zone is listed again and again.
exec_quickly() { docker exec -e ROUTE53_REQUESTS_PER_SECOND=100 "$(containers --filter health=healthy | head -n1)" starchart "$@"; }
# What the replicas wrote: stdout, and on stderr what they wrote there.
app_log() { docker service logs --raw "$APP"; }

# person NAME VERB...: with that person's browser.
person() {
    local who=$1
    shift
    python3 tests/user.py --port "$PROXY_PORT" --ca "$WORLD/tls/ca.pem" --cookies "$WORLD/cookies/$who" "$@"
}
commit_served() { person nobody get /version | python3 -c 'import json,sys; print(json.load(sys.stdin)["commit"])'; }
# What several requests in a row say, each once.
commits_served() { (commit_served; commit_served; commit_served; commit_served) | sort -u; }
mails() { cat "$WORLD"/mail/mails/*.json 2>/dev/null; }

# variant TAG COMMIT: the program built as another commit of twelve digits, which is all that differs; pushed.
variant() {
    build_image "$IMAGE:$1" STARCHART_COMMIT="$2" && docker push -q "$IMAGE:$1" >/dev/null
}
commit_built() { docker run --rm "$IMAGE:production" version | sed -n 's/.*(commit \([0-9a-f]*\).*/\1/p'; }

# ---- Telling

# tell FILE: a story, in a shell of its own.
tell() {
    local failed
    failed=$(failures)
    (
        set +e
        # shellcheck disable=SC1090
        . "$1"
    )
    [ "$(failures)" -eq "$failed" ]
}

# check WHAT COMMAND...: one sentence of a story, and whether it holds.
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

# figure WHAT VALUE: something measured, for whoever reads along.
figure() { say "   figure: $1: $2"; }
not() { ! "$@"; }
# Reads to the end: who writes to a pipe that was closed early has failed.
contains() { grep -F -- "$1" >/dev/null; }

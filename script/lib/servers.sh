# Installs, starts and stops the servers that tests need. Sourced after common.sh.
# shellcheck shell=bash

TOOLS=$TARGET/test-tools
MOTO_VERSION=5.2.5
PYSAML2_VERSION=7.5.5
AIOSMTPD_VERSION=1.4.6
SCHEMATHESIS_VERSION=4.32.5
SAMLP_VERSION=8.0.0
EXPRESS_VERSION=5.3.0
# Clients of the API from PyPI; the folder's name changes with each of their versions.
CLIENTS=(certbot==5.8.0 certbot-lego-httpreq==0.1.4 certbot-dns-multi==5.5.1 certbot-dns-desec==1.3.2 certbot-dns-pdns==0.1.1
    dyndnsc==0.6.1 octodns==1.22.0 octodns-powerdns==1.2.0 dns-lexicon==3.25.2 powerdns-cli==1.2.3 desec-dns==1.5.0)
SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/starchart-test.XXXXXX")
SERVERS=()
export STARCHART_TEST_MOTO=$TOOLS/moto-$MOTO_VERSION/bin/moto_server
export STARCHART_TEST_PYSAML2=$TOOLS/pysaml2-$PYSAML2_VERSION/bin/python
export STARCHART_TEST_SAMLP=$TOOLS/samlp-$SAMLP_VERSION/node_modules
CLIENTS_SUM=$(printf '%s\n' "${CLIENTS[@]}" | cksum | cut -d' ' -f1)
export STARCHART_TEST_CLIENTS=$TOOLS/clients-$CLIENTS_SUM/bin
export STARCHART_TEST_CLIENT_TIMES=$SCRATCH/clients
export STARCHART_TEST_SCHEMATHESIS=$TOOLS/schemathesis-$SCHEMATHESIS_VERSION/bin/schemathesis
export STARCHART_TEST_AIOSMTPD=$TOOLS/aiosmtpd-$AIOSMTPD_VERSION/bin/python

stop_servers() {
    local server
    for server in "${SERVERS[@]}"; do
        # The process too: one that has just started leads no group yet.
        kill -s KILL -- "-$server" "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    done
}

# start_server NAME COMMAND...: starts it in its own session, so that its whole group can be stopped; output goes to
# $SCRATCH/NAME.log. A guard process stops it even if this script is killed.
start_server() {
    local name=$1 server
    shift
    setsid "$@" >"$SCRATCH/$name.log" 2>&1 </dev/null &
    server=$!
    SERVERS+=("$server")
    # shellcheck disable=SC2016
    setsid sh -c 'tail --pid="$1" -f /dev/null; kill -s KILL -- "-$2"; rm -rf "$3"' guard $$ "$server" "$SCRATCH" >/dev/null 2>&1 </dev/null &
    SERVERS+=("$!")
}

# wait_for NAME COMMAND...: polls until the command succeeds, at most 120 s, or the seconds in WAIT_S; then prints the end of
# the server's log.
wait_for() {
    local name=$1 end=$((SECONDS + ${WAIT_S:-120}))
    shift
    while [ "$SECONDS" -lt "$end" ]; do
        if "$@" >/dev/null 2>&1; then return 0; fi
        # The server is listed before its guard. If it has ended, waiting is useless.
        kill -0 "${SERVERS[-2]}" 2>/dev/null || break
        sleep 0.2
    done
    tail -n 30 "$SCRATCH/$name.log" >&2
    die "$name ended, or did not answer within ${WAIT_S:-120} s; the end of its log is above."
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

mysql_answers() { mariadb --no-defaults -h127.0.0.1 -P"$1" -uroot ${2:+"-p$2"} -e 'SELECT 1'; }

run_as() { if [ "$(id -u)" -eq 0 ]; then echo --user=root; fi; }

need_apt() {
    has_apt || die "script/test installs its servers with apt-get, which this system does not have. Run it in a Debian 12 container."
}

install_mariadb() {
    need_apt
    install_packages mariadb-server mariadb-client python3
}

install_servers() {
    install_mariadb
    install_packages redis-server pebble simplesamlphp php-cli php-xml php-mbstring php-curl xmlsec1 openssl bind9-dnsutils faketime
    if ! python3 -c 'import ensurepip' 2>/dev/null; then install_packages python3-venv; fi
    install_venv "moto-$MOTO_VERSION" "moto[server]==$MOTO_VERSION"
    install_venv "pysaml2-$PYSAML2_VERSION" "pysaml2==$PYSAML2_VERSION"
    install_venv "aiosmtpd-$AIOSMTPD_VERSION" "aiosmtpd==$AIOSMTPD_VERSION"
    install_venv "schemathesis-$SCHEMATHESIS_VERSION" "schemathesis==$SCHEMATHESIS_VERSION"
    install_node
    install_samlp
    install_clients
}

# Programs that people use with the API, and those around starchart-fetch: Debian's, and those of PyPI in one virtual environment.
install_clients() {
    need_apt
    install_packages lego ddclient inadyn curl openssl nginx-light busybox
    install_venv "$(basename "$(dirname "$STARCHART_TEST_CLIENTS")")" "${CLIENTS[@]}"
}

install_node() {
    if ! command -v node >/dev/null; then install_packages nodejs; fi
    if ! command -v npm >/dev/null; then install_packages npm; fi
}

# samlp is a middleware for express.
install_samlp() {
    local folder=$TOOLS/samlp-$SAMLP_VERSION
    [ ! -e "$folder/complete" ] || return 0
    rm -rf "$folder"
    mkdir -p "$folder"
    npm install --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error \
        "samlp@$SAMLP_VERSION" "express@$EXPRESS_VERSION" >&2
    touch "$folder/complete"
}

# install_venv NAME PACKAGE...: installs Python packages in a virtual environment.
install_venv() {
    local venv=$TOOLS/$1
    shift
    [ ! -e "$venv/complete" ] || return 0
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet "$@" >&2
    touch "$venv/complete"
}

# Installs what tests/deploy runs.
install_webhook() {
    need_apt
    install_packages webhook curl git openssl python3
}

# Prints the first of these that runs: Ubuntu's chromium-browser is a stub that only refers to a snap.
browser_path() {
    local path
    for path in /usr/bin/chromium /usr/bin/google-chrome /usr/bin/chromium-browser; do
        if "$path" --version >/dev/null 2>&1 </dev/null; then
            echo "$path"
            return
        fi
    done
    return 1
}

install_browser() {
    need_apt
    if ! browser_path >/dev/null; then
        if grep -qx 'ID=ubuntu' /etc/os-release; then
            die "No browser is installed, and Ubuntu has Chromium only as a snap: install Google Chrome (google.com/chrome), then run this again."
        fi
        install_packages chromium
    fi
    install_packages bind9-dnsutils
    install_node
    node -e 'const [major, minor] = process.versions.node.split("."); process.exit(major > 18 || (major == 18 && minor >= 19) ? 0 : 1)' ||
        die "Node is $(node --version), the browser tests need 18.19 or newer: install a newer nodejs package."
    if [ ! -d tests/browser/node_modules ] || ! cmp -s tests/browser/package-lock.json "$TOOLS/package-lock.json"; then
        npm ci --prefix tests/browser --ignore-scripts --no-audit --no-fund --loglevel=error >&2
        mkdir -p "$TOOLS"
        cp tests/browser/package-lock.json "$TOOLS/package-lock.json"
    fi
}

# with_server START COMMAND...: runs the command with its own server.
with_server() {
    local start=$1
    shift
    SERVERS=()
    trap stop_servers EXIT
    "$start"
    "$@"
}

# One MariaDB for all test processes; each test creates its own database. TMPDIR is private, because a starting server deletes
# temporary tables that it takes for old ones, also another server's.
start_mariadb() {
    local port data=$SCRATCH/mariadb
    port=$(free_port)
    # shellcheck disable=SC2046
    TMPDIR=$SCRATCH mariadb-install-db --no-defaults $(run_as) --datadir="$data" --auth-root-authentication-method=normal --skip-test-db \
        --skip-name-resolve >"$SCRATCH/mariadb.log" 2>&1 || { cat "$SCRATCH/mariadb.log" >&2 && return 1; }
    # shellcheck disable=SC2046
    start_server mariadb env TMPDIR="$SCRATCH" mariadbd --no-defaults $(run_as) --datadir="$data" --socket="$data/s" --port="$port" --bind-address=127.0.0.1 \
        --skip-name-resolve --max-connections=1000 --innodb-flush-log-at-trx-commit=0 --innodb-flush-method=nosync \
        --innodb-buffer-pool-size=256M --skip-log-bin
    wait_for mariadb mysql_answers "$port"
    export STARCHART_TEST_MYSQL_URL=mysql://root@127.0.0.1:$port
}

# Only Debian's unstable release has MySQL. It is unpacked in a folder and run with its own loader, without chroot.
install_mysql() {
    install_mariadb
    install_packages debootstrap
    local folder=$TOOLS/mysql-sid
    [ ! -e "$folder/usr/sbin/mysqld" ] || return 0
    can_be_root || die "Unpacking MySQL needs root and there is no sudo. As root, run: script/test mysql"
    as_root rm -rf "$folder.part"
    mkdir -p "$TOOLS"
    say "Unpacking MySQL into $folder (about a minute)"
    as_root debootstrap --variant=minbase --include=mysql-server sid "$folder.part" >"$SCRATCH/debootstrap.log" 2>&1 || {
        tail -n 20 "$SCRATCH/debootstrap.log" >&2
        die "debootstrap could not unpack MySQL; the end of its log is above."
    }
    as_root chown -R "$(id -u):$(id -g)" "$folder.part"
    rm -rf "$folder.part/var/cache/apt" "$folder.part/var/lib/apt"
    mv "$folder.part" "$folder"
}

start_mysql() {
    local root=$TOOLS/mysql-sid data=$SCRATCH/mysql port loader
    port=$(free_port)
    loader=$(find "$root"/lib*/ "$root/usr/lib64/" -name 'ld-linux*.so.*' -print -quit 2>/dev/null)
    local mysqld=("$loader" --library-path "$(dirname "$(find "$root/usr/lib" -name libssl.so.3 -print -quit)")" "$root/usr/sbin/mysqld"
        --no-defaults --basedir="$root/usr" --lc-messages-dir="$root/usr/share/mysql" --character-sets-dir="$root/usr/share/mysql/charsets"
        --plugin-dir="$root/usr/lib/mysql/plugin" --datadir="$data" --secure-file-priv=NULL)
    # shellcheck disable=SC2207
    mysqld+=($(run_as))
    "${mysqld[@]}" --initialize-insecure >"$SCRATCH/mysql.log" 2>&1 || { tail "$SCRATCH/mysql.log" >&2 && return 1; }
    # With a password the default plugin requires TLS, as in production.
    echo "ALTER USER root@localhost IDENTIFIED BY 'throw-away';" >"$SCRATCH/mysql.sql"
    start_server mysql "${mysqld[@]}" --port="$port" --bind-address=127.0.0.1 --socket="$data/s" --pid-file="$data/pid" --mysqlx=OFF \
        --max-connections=1000 --innodb-flush-log-at-trx-commit=0 --skip-log-bin --init-file="$SCRATCH/mysql.sql"
    wait_for mysql mysql_answers "$port" throw-away
    export STARCHART_TEST_MYSQL_URL=mysql://root:throw-away@127.0.0.1:$port
}

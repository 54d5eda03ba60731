#!/bin/sh
# starchart-fetch: fetches a certificate with its private key from Starchart whenever there is a new
# one, replaces the files and reloads the server. Run it from a timer, for example every hour.
#
# It needs curl. With openssl, it also checks that certificate and key fit before it replaces
# anything. It reads its settings from /etc/starchart-fetch.conf, or from the file that is its only
# argument. The file has lines NAME='value', and only its owner should be able to read it:
#
#   URL          the address of the service, such as https://names.example.edu
#   TOKEN        an API token with the right to read the certificate with its private key
#   CERT_FILE    where certificate and chain go (PEM)
#   KEY_FILE     where the private key goes (PEM)
#   BUNDLE_FILE  where all of it goes in one file, for HAProxy; with it, the two above may be absent
#   RELOAD       the command that makes the server read the files again
#   OWNER        who owns the files, as chown takes it; without it, whoever runs this
#   MACHINE      what this machine calls itself; without it, its host name
#   STATE        a folder of its own; without it, /var/lib/starchart-fetch
#
# It ends with
#   0  nothing is new, or the new certificate is in place and RELOAD succeeded
#   1  the service could not be reached or is busy; a later run tries again
#   2  a setting is wrong, or a file or folder cannot be written
#   3  the token is not accepted, or may not read the private key
#   4  there is no certificate yet
#   5  the answer is no certificate with its key, or they do not fit; nothing was replaced
#   6  the new certificate is in place, but RELOAD failed; the next run repeats it
#   7  another run is at work
#
# After failures it waits: a minute, then twice as long each time, up to six hours, or as long as
# the service says. A run during that time ends at once, with the same number as the run that
# failed. Changed settings are tried at once. Files are written beside their place and renamed, with
# mode 600. RELOAD runs once all of them are in place.

set -u
umask 077
PATH=${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}
export PATH

readonly FIRST_WAIT_S=60 LONGEST_WAIT_S=21600 LONGEST_TOLD_S=86400
# A run that takes longer than this was killed, and its process id belongs to another one.
readonly LOCK_MIN=60

say() { printf 'starchart-fetch: %s\n' "$*"; }
complain() { say "$@" >&2; }

# Ends with a number and a message.
fail() {
    status=$1
    shift
    complain "$@"
    exit "$status"
}

# --- Settings ---

read_settings() {
    URL='' TOKEN='' CERT_FILE='' KEY_FILE='' BUNDLE_FILE='' RELOAD='' OWNER='' MACHINE=''
    STATE=/var/lib/starchart-fetch
    [ -r "$1" ] || fail 2 "cannot read the settings in $1"
    [ -z "$(find "$1" -perm -004)" ] || complain "$1 has a token, and every user can read it"
    # shellcheck disable=SC1090
    . "$1" || fail 2 "cannot read the settings in $1"
    URL=${URL%/}
    [ -n "$URL" ] || fail 2 "URL is missing in $1"
    [ -n "$TOKEN" ] || fail 2 "TOKEN is missing in $1"
    case $URL in
    https://* | http://localhost:* | http://127.0.0.1:*) ;;
    *) fail 2 "URL in $1 has to begin with https://" ;;
    esac
    # They become lines of a file that curl reads.
    case $URL$TOKEN in
    *[!A-Za-z0-9_./:%-]*) fail 2 "URL or TOKEN in $1 has a character that does not belong there" ;;
    esac
    if [ -n "$CERT_FILE" ] && [ -z "$KEY_FILE" ]; then fail 2 "KEY_FILE is missing in $1"; fi
    if [ -z "$CERT_FILE" ] && [ -n "$KEY_FILE" ]; then fail 2 "CERT_FILE is missing in $1"; fi
    [ -n "$CERT_FILE$BUNDLE_FILE" ] || fail 2 "CERT_FILE and KEY_FILE are missing in $1"
    for file in "$CERT_FILE" "$KEY_FILE" "$BUNDLE_FILE"; do
        case $file in
        '' | /*) ;;
        *) fail 2 "$file is no absolute path" ;;
        esac
        [ -z "$file" ] || [ -d "${file%/*}/" ] || fail 2 "the folder of $file does not exist"
    done
    [ -n "$MACHINE" ] || MACHINE=$(uname -n)
    MACHINE=$(printf %s "$MACHINE" | tr -cd 'A-Za-z0-9_. -')
    command -v curl >/dev/null || fail 2 "curl is not installed"
    mkdir -p "$STATE" 2>/dev/null
    [ -w "$STATE" ] || fail 2 "cannot write to the folder $STATE"
}

# --- One run at a time ---

# Creates the lock, which has our process id, unless it exists.
take_lock() { (set -C && echo $$ >"$STATE/lock") 2>/dev/null; }

# Whether the process that took the lock is gone.
is_lock_stale() {
    holder=$(cat "$STATE/lock" 2>/dev/null)
    if [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; then return 0; fi
    [ -n "$(find "$STATE/lock" -mmin "+$LOCK_MIN" 2>/dev/null)" ]
}

lock() {
    take_lock && return
    if is_lock_stale && mv "$STATE/lock" "$STATE/lock.$$" 2>/dev/null; then
        # Another run may have been faster: then the lock is its own, and goes back.
        if [ "$(cat "$STATE/lock.$$")" != "$holder" ]; then
            ln "$STATE/lock.$$" "$STATE/lock" 2>/dev/null
            rm -f "$STATE/lock.$$"
            fail 7 "another run is at work"
        fi
        rm -f "$STATE/lock.$$"
        take_lock && return
    fi
    fail 7 "another run is at work"
}

clean_up() {
    rm -f "$STATE/answer" "$STATE/headers" "$STATE/key" "$STATE/chain" "$STATE/lock"
    for file in "$CERT_FILE" "$KEY_FILE" "$BUNDLE_FILE"; do
        [ -z "$file" ] || rm -f "$file.starchart-new"
    done
}

# --- Waiting after failures: a file with the time, the number of failures, the exit status ---

now() { date +%s; }

# Tells one set of settings from another, without storing the token.
fingerprint() { printf '%s %s' "$URL" "$TOKEN" | cksum | tr -d ' \n'; }

read_failures() {
    until=0 failures=0 last=0 of=''
    if [ -r "$STATE/failures" ]; then
        read -r until failures last of <"$STATE/failures"
    fi
    case $until$failures$last in
    '' | *[!0-9]*) of='' ;;
    esac
    # Other settings may be right.
    if [ "$of" != "$(fingerprint)" ]; then
        until=0 failures=0 last=0
    fi
}

wait_if_told() {
    read_failures
    left=$((until - $(now)))
    # A clock that was set back would make the wait endless.
    if [ "$left" -gt 0 ] && [ "$left" -le "$LONGEST_TOLD_S" ]; then
        say "the last run failed; the next attempt is in $left seconds at the earliest"
        exit "$last"
    fi
}

# Ends with a number and a message, and remembers when to try again. The third argument is for how
# many seconds the service wants to be left alone, if it said so.
fail_for_now() {
    status=$1 message=$2 told=${3:-}
    step=$FIRST_WAIT_S n=0
    while [ "$n" -lt "$failures" ] && [ "$step" -lt "$LONGEST_WAIT_S" ]; do
        step=$((step * 2)) n=$((n + 1))
    done
    [ "$step" -le "$LONGEST_WAIT_S" ] || step=$LONGEST_WAIT_S
    if [ -n "$told" ] && [ "$told" -gt "$step" ]; then step=$told; fi
    [ "$step" -le "$LONGEST_TOLD_S" ] || step=$LONGEST_TOLD_S
    # A token that is refused stays refused: its advice is printed once.
    if [ "$status" -eq 3 ] && [ "$last" -eq 3 ]; then
        message='the token is still not accepted'
    fi
    echo "$(($(now) + step)) $((failures + 1)) $status $(fingerprint)" >"$STATE/failures"
    fail "$status" "$message"
}

# --- The reload ---

# Runs RELOAD if files were replaced since it last succeeded.
reload() {
    [ -e "$STATE/reload" ] || return 0
    if [ -n "$RELOAD" ]; then
        sh -c "$RELOAD" </dev/null || return 6
        say "ran: $RELOAD"
    fi
    rm -f "$STATE/reload"
}

reload_failed() {
    fail 6 "the new certificate is in place, but this failed: $RELOAD (the next run repeats it)"
}

# --- The request ---

# Prints the ETag of what is in place; nothing when a file is missing.
etag_in_place() {
    for file in "$CERT_FILE" "$KEY_FILE" "$BUNDLE_FILE"; do
        [ -z "$file" ] || [ -s "$file" ] || return 0
    done
    [ "$(head -n 1 "$STATE/etag" 2>/dev/null)" = "$(fingerprint)" ] || return 0
    sed -n 2p "$STATE/etag"
}

# Prints a header of the answer.
header() { tr -d '\r' <"$STATE/headers" | sed -n "s/^$1: *//p" | head -n 1; }

# Asks for the bundle and prints the status; 000 when there is no answer. The token is in a file
# that curl reads from its input, where other users do not see it.
request() {
    known=$(etag_in_place | sed 's/[\\"]/\\&/g')
    {
        printf 'url = "%s/api/v1/certificate/bundle"\n' "$URL"
        printf 'header = "Authorization: Bearer %s"\n' "$TOKEN"
        printf 'header = "Machine-Name: %s"\n' "$MACHINE"
        [ -z "$known" ] || printf 'header = "If-None-Match: %s"\n' "$known"
    } | curl --config - --silent --show-error --connect-timeout 20 --max-time 120 \
        --user-agent starchart-fetch/1 --dump-header "$STATE/headers" \
        --output "$STATE/answer" --write-out '%{http_code}'
}

# Returns the header Retry-After in seconds; an hour when it is a date.
retry_after() {
    wanted=$(header '[Rr][Ee][Tt][Rr][Yy]-[Aa][Ff][Tt][Ee][Rr]')
    case $wanted in
    '') ;;
    *[!0-9]* | ???????*) echo 3600 ;;
    *) echo "$wanted" ;;
    esac
}

# --- The files ---

# Splits the answer into key and chain, and checks that it has both, whole.
split_answer() {
    block() {
        awk -v kind="$1" '
            /^-----BEGIN / { inside = ($0 ~ kind) }
            inside { print }
            /^-----END / { inside = 0 }
        ' "$STATE/answer"
    }
    count() { grep -c "$1" "$STATE/$2"; }
    block 'PRIVATE KEY-----$' >"$STATE/key"
    block 'BEGIN CERTIFICATE-----$' >"$STATE/chain"
    [ "$(count '^-----END .*PRIVATE KEY-----$' key)" = 1 ] &&
        [ "$(count '^-----BEGIN' key)" = 1 ] &&
        [ "$(count '^-----BEGIN' chain)" -ge 1 ] &&
        [ "$(count '^-----BEGIN' chain)" = "$(count '^-----END' chain)" ]
}

# Checks that the key is that of the first certificate; without openssl, that is not known.
do_they_fit() {
    command -v openssl >/dev/null || return 0
    of_key=$(openssl pkey -in "$STATE/key" -pubout 2>/dev/null) &&
        of_certificate=$(openssl x509 -in "$STATE/chain" -noout -pubkey 2>/dev/null) &&
        [ -n "$of_key" ] && [ "$of_key" = "$of_certificate" ]
}

# Writes a file beside its place: prepare PLACE SOURCE
prepare() {
    [ -n "$1" ] || return 0
    rm -f "$1.starchart-new"
    if ! cat "$2" >"$1.starchart-new" || ! chmod 600 "$1.starchart-new"; then
        fail_for_now 2 "cannot write beside $1"
    fi
    [ -z "$OWNER" ] || chown "$OWNER" "$1.starchart-new" ||
        fail_for_now 2 "cannot give $1 to $OWNER"
}

place() {
    [ -z "$1" ] || mv -f "$1.starchart-new" "$1" || fail_for_now 2 "cannot replace $1"
}

# Puts everything in place. What a kill leaves undone, the next run repeats: the ETag is stored
# last, and that a reload is due is stored first.
replace_files() {
    split_answer || fail_for_now 5 "the answer is no certificate with its private key"
    do_they_fit || fail_for_now 5 "the certificate and its private key do not fit"
    etag=$(header '[Ee][Tt][Aa][Gg]')
    prepare "$KEY_FILE" "$STATE/key"
    prepare "$CERT_FILE" "$STATE/chain"
    prepare "$BUNDLE_FILE" "$STATE/answer"
    rm -f "$STATE/etag"
    : >"$STATE/reload" || fail_for_now 2 "cannot write to the folder $STATE"
    place "$KEY_FILE"
    place "$CERT_FILE"
    place "$BUNDLE_FILE"
    printf '%s\n%s\n' "$(fingerprint)" "$etag" >"$STATE/etag.new" &&
        mv -f "$STATE/etag.new" "$STATE/etag"
    say "the new certificate is in place"
}

# --- The run ---

settings=${1:-/etc/starchart-fetch.conf}
case $settings in
*/*) ;;
*) settings=./$settings ;;
esac
read_settings "$settings"
lock
trap clean_up EXIT
trap 'exit 1' HUP INT TERM
repeat_failed=''
reload || repeat_failed=1
wait_if_told
answer=$(request) || answer=000
case $answer in
200)
    replace_files
    ;;
304) say "nothing is new" ;;
401)
    fail_for_now 3 "the service does not accept the token: it has ended or expired, or is not for \
this address. Create another one at $URL/tokens/new?preset=server and put it into the settings. \
The files stay as they are."
    ;;
403)
    fail_for_now 3 "the token may not read the private key. Create one that may at \
$URL/tokens/new?preset=server and put it into the settings. The files stay as they are."
    ;;
404) fail_for_now 4 "there is no certificate yet: request one at $URL/certificate" "$(retry_after)" ;;
429) fail_for_now 1 "the service has too many requests" "$(retry_after)" ;;
000) fail_for_now 1 "the service at $URL could not be reached" ;;
*) fail_for_now 1 "the service answered with the status $answer" "$(retry_after)" ;;
esac
rm -f "$STATE/failures"
if [ "$answer" = 200 ]; then
    reload || reload_failed
elif [ -n "$repeat_failed" ]; then
    reload_failed
fi

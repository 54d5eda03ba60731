# A private Docker engine, its base images and its registry, for script/prove. Sourced after servers.sh.
# shellcheck shell=bash disable=SC2034,SC2153

PROVE=$TARGET/prove
BASE=starchart-prove/base
BUILDER=starchart-prove/builder
ENGINE=
REGISTRY_PORT=5123
COMMIT=$(git rev-parse --short=12 HEAD 2>/dev/null || echo 000000000000)
# The classic builder: Debian 12's docker.io has no BuildKit.
export DOCKER_BUILDKIT=0 DOCKER_CLI_HINTS=false

install_engine() {
    need_apt
    [ "$(id -u)" -eq 0 ] || die "script/prove starts a Docker engine and makes base images, which needs root. As root, run: script/prove stack"
    install_servers
    install_packages docker.io docker-compose debootstrap docker-registry haproxy webhook iptables
    if pgrep -x dockerd >/dev/null; then
        die "A Docker engine is running. script/prove starts its own, and both would share bridges and firewall chains: use a machine without one."
    fi
}

# The engine keeps images and layers between runs. stop_engine removes its firewall rules.
start_engine() {
    mkdir -p "$PROVE/engine"
    iptables -S FORWARD | head -n1 >"$SCRATCH/forward"
    cat /proc/sys/net/ipv4/ip_forward >"$SCRATCH/ip_forward"
    ENGINE=$SCRATCH/docker.sock
    export DOCKER_HOST=unix://$ENGINE
    start_server dockerd dockerd --data-root "$PROVE/engine" --exec-root "$SCRATCH/exec" --pidfile "$SCRATCH/docker.pid" --host "$DOCKER_HOST" \
        --bip 10.213.0.1/24 --default-address-pool base=10.214.0.0/16,size=24
    wait_for dockerd docker version
    docker swarm leave --force >/dev/null 2>&1 || true
}

stop_engine() {
    [ -n "$ENGINE" ] || return 0
    docker stack ls --format '{{.Name}}' 2>/dev/null | xargs -r -n1 docker stack rm >/dev/null 2>&1 || true
    docker swarm leave --force >/dev/null 2>&1 || true
    local pid
    if pid=$(cat "$SCRATCH/docker.pid" 2>/dev/null); then
        kill "$pid" 2>/dev/null || true
        timeout 30 tail --pid="$pid" -f /dev/null || true
    fi
    local device forward
    for device in docker0 docker_gwbridge; do ip link delete "$device" 2>/dev/null || true; done
    local tool
    for tool in iptables ip6tables; do "$tool-save" 2>/dev/null | grep -vE 'DOCKER|docker|10\.21[34]\.' | "$tool-restore" 2>/dev/null || true; done
    if read -ra forward <"$SCRATCH/forward"; then iptables "${forward[@]}"; fi
    cat "$SCRATCH/ip_forward" >/proc/sys/net/ipv4/ip_forward || true
    umount -q "$SCRATCH"/exec/netns/* 2>/dev/null || true
    ENGINE=
}

# Makes replacements for the public base images, which need a public registry: Debian by debootstrap, with this machine's root
# certificates; the builder with this machine's Rust.
base_images() {
    local release
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    if ! docker image inspect "$BASE" >/dev/null 2>&1; then
        say "Making the base image from Debian $release"
        rm -rf "$PROVE/base"
        debian_root "$release" "$PROVE/base"
        rm -rf "$PROVE"/base/var/cache/apt/archives/*.deb "$PROVE"/base/var/lib/apt/lists/*
        tar -C "$PROVE/base" -c . | docker import --change 'CMD ["bash"]' - "$BASE" >/dev/null
        rm -rf "$PROVE/base"
    fi
    if ! docker image inspect "$BUILDER" >/dev/null 2>&1; then
        local rust
        rust=$(rustc --print sysroot)
        say "Making the builder's image with $(rustc --version)"
        tar -C "$rust" --exclude=./share --exclude='./lib/rustlib/*/bin/gdb*' -c . | docker import - starchart-prove/rust >/dev/null
        docker build -q -t "$BUILDER" - >/dev/null <<EOF
FROM $BASE
COPY --from=starchart-prove/rust / /usr/local/
RUN ldconfig
ENV CARGO_HOME=/usr/local/cargo
EOF
    fi
}

# debian_root RELEASE FOLDER: the smallest Debian, with this machine's package sources and root certificates.
debian_root() {
    mkdir -p "$(dirname "$2")"
    debootstrap --variant=minbase --include=ca-certificates "$1" "$2" >"$SCRATCH/debootstrap.log" 2>&1 || {
        tail -n 20 "$SCRATCH/debootstrap.log" >&2
        die "debootstrap could not unpack Debian $1; the end of its log is above."
    }
    # Only Debian's own sources: those of other vendors need keys that the new system does not have.
    if cp /etc/apt/sources.list.d/debian.sources "$2/etc/apt/sources.list.d/" 2>/dev/null; then : >"$2/etc/apt/sources.list"; fi
    cp /usr/local/share/ca-certificates/*.crt "$2/usr/local/share/ca-certificates/" 2>/dev/null || true
    chroot "$2" update-ca-certificates >/dev/null 2>&1
}

# build_image TAG [BUILD-ARG...]: builds the Dockerfile on our base images.
build_image() {
    local tag=$1 arg args=()
    shift
    for arg; do args+=(--build-arg "$arg"); done
    docker build --network host --build-arg BUILDER="$BUILDER" --build-arg RUNTIME="$BASE" "${args[@]}" -t "$tag" . >"$SCRATCH/build.log" 2>&1 || {
        tail -n 40 "$SCRATCH/build.log" >&2
        die "The image could not be built; the end of the builder's log is above."
    }
}

# Builds the release image of the checked-out commit.
build_release() {
    build_image "$IMAGE:production" STARCHART_COMMIT="$COMMIT" STARCHART_VERSION="$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n1)"
}

image_size() { docker image inspect -f '{{.Size}}' "$1"; }

# Starts a registry on loopback, so that tags have digests.
start_registry() {
    mkdir -p "$SCRATCH/registry"
    cat >"$SCRATCH/registry.yml" <<EOF
version: 0.1
log: { level: error }
storage: { filesystem: { rootdirectory: $SCRATCH/registry }, delete: { enabled: true } }
http: { addr: 127.0.0.1:$REGISTRY_PORT }
EOF
    start_server registry docker-registry serve "$SCRATCH/registry.yml"
    wait_for registry curl -fsS "http://127.0.0.1:$REGISTRY_PORT/v2/"
}

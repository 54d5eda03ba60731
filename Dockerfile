# The release image. One image for all environments: settings, secrets and configs differ. Build:
#   docker build --build-arg STARCHART_COMMIT="$(git rev-parse --short=12 HEAD)" --build-arg STARCHART_VERSION=1.2.3 -t starchart .
#
# The classic builder is enough. Dependencies have their own layer, rebuilt only when a manifest or Cargo.lock changes.
# Both bases must be of one Debian release: the binary links that release's libxml2, libxmlsec1 and OpenSSL.
ARG BUILDER=rust:1.95-bookworm
ARG RUNTIME=debian:bookworm-slim

# Manifests and empty sources. The next stage copies the result, and Docker caches it by content: a changed line of code
# gives the same files here, a new crate or dependency does not.
FROM ${RUNTIME} AS manifests
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY crates crates
COPY migration migration
# Besides the manifests it keeps the files that cargo expects as roots of a library, program, test, bench or build script.
RUN echo 'fn main() {}' >/main.rs \
    && find crates migration -type f ! -name Cargo.toml -regextype posix-extended \
        ! -regex '(crates/[^/]+|migration)/(build|src/lib|src/main|src/bin/.+|benches/.+|tests/.+/main)\.rs' -delete \
    && find crates migration -name '*.rs' -exec cp /main.rs {} \; \
    && find crates migration -type d -empty -delete

FROM ${BUILDER} AS builder
ARG BUILD_PACKAGES="gcc libc6-dev pkg-config libssl-dev libxml2-dev libxmlsec1-dev libclang-dev"
# No pinned versions: Debian removes a version with its next security update.
# hadolint ignore=DL3008,SC2086
RUN apt-get update \
    && apt-get install -y --no-install-recommends ${BUILD_PACKAGES} \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
# Further flags for cargo, for instance --offline if the base image contains the crates.
ARG CARGO_FLAGS=
COPY --from=manifests /build ./
# hadolint ignore=SC2086
RUN cargo build --release --locked -p starchart --no-default-features ${CARGO_FLAGS}
COPY config/words config/words
COPY crates crates
COPY migration migration
# The commit and, for a reproducible build, its time in Unix seconds, because .git is not copied. Not SOURCE_DATE_EPOCH: build scripts
# of dependencies read it too, so setting it would recompile them.
ARG STARCHART_COMMIT=
ARG STARCHART_BUILT_AT=
# Copied files keep their times; without touch cargo would take the empty sources, built later, for newer.
# hadolint ignore=SC2086
RUN find crates migration -type f -exec touch {} + \
    && STARCHART_COMMIT="${STARCHART_COMMIT}" STARCHART_BUILT_AT="${STARCHART_BUILT_AT}" \
        cargo build --release --locked -p starchart --no-default-features ${CARGO_FLAGS}

FROM ${RUNTIME}
# Libraries for XML signatures, root certificates, and an init that forwards signals and reaps.
ARG RUNTIME_PACKAGES="libxmlsec1 libxmlsec1-openssl libxml2 libssl3 ca-certificates tini"
# hadolint ignore=DL3008,SC2086
RUN apt-get update \
    && apt-get install -y --no-install-recommends ${RUNTIME_PACKAGES} \
    && apt-get clean \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin \
    && groupadd --system --gid 10001 starchart \
    && useradd --system --uid 10001 --gid starchart --no-create-home --shell /usr/sbin/nologin starchart
COPY --from=builder /build/target/release/starchart /usr/local/bin/starchart
# It writes no file, so it runs with --read-only.
WORKDIR /srv
USER 10001:10001
ENV STARCHART_ENV=production PORT=8080
EXPOSE 8080
# Ten minutes until it must be ready: a migration or a starting database may take that long. Afterwards the
# check asks only whether the process answers, so an outage of the database ends no container.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10m --retries=3 CMD ["starchart", "health"]
ENTRYPOINT ["tini", "--", "starchart"]
CMD ["run"]
ARG STARCHART_COMMIT=
ARG STARCHART_VERSION=
LABEL org.opencontainers.image.title="Starchart" \
    org.opencontainers.image.description="DNS names and TLS certificates for everyone at a school" \
    org.opencontainers.image.licenses="MIT" \
    org.opencontainers.image.version="${STARCHART_VERSION}" \
    org.opencontainers.image.revision="${STARCHART_COMMIT}"

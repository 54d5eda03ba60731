# The release image: one for all environments; what differs comes from settings, secrets and configs. Build:
#   docker build --build-arg STARCHART_COMMIT="$(git rev-parse --short=12 HEAD)" --build-arg STARCHART_VERSION=1.2.3 -t starchart .
#
# The classic builder suffices. The dependencies have a layer of their own, built anew only when a manifest or Cargo.lock changes.
# Both bases must be of one Debian release: the binary links that release's libxml2, libxmlsec1 and OpenSSL.
ARG BUILDER=rust:1.95-bookworm
ARG RUNTIME=debian:bookworm-slim

# Manifests and empty sources. The next stage copies the result, and its cache goes by what is in it: a changed line of code
# gives the same files here, a new crate or dependency others.
FROM ${RUNTIME} AS manifests
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY crates crates
COPY migration migration
# What is kept beside the manifests is what cargo looks for as the root of a library, program, test, bench or build script.
RUN echo 'fn main() {}' >/main.rs \
    && find crates migration -type f ! -name Cargo.toml -regextype posix-extended \
        ! -regex '(crates/[^/]+|migration)/(build|src/lib|src/main|src/bin/.+|benches/.+|tests/.+/main)\.rs' -delete \
    && find crates migration -name '*.rs' -exec cp /main.rs {} \; \
    && find crates migration -type d -empty -delete

FROM ${BUILDER} AS builder
ARG BUILD_PACKAGES="gcc libc6-dev pkg-config libssl-dev libxml2-dev libxmlsec1-dev libclang-dev"
# The base image's Debian release says which versions; a version written here would be gone with the next security update.
# hadolint ignore=DL3008,SC2086
RUN apt-get update \
    && apt-get install -y --no-install-recommends ${BUILD_PACKAGES} \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
# Further flags for cargo, for instance --offline where the base brings the crates.
ARG CARGO_FLAGS=
COPY --from=manifests /build ./
# hadolint ignore=SC2086
RUN cargo build --release --locked -p starchart --no-default-features ${CARGO_FLAGS}
COPY crates crates
COPY migration migration
# The commit and, for a build that can be repeated, its time in Unix seconds: .git is not copied. Not SOURCE_DATE_EPOCH, by which the
# build scripts of dependencies go too: its appearance would compile them all again.
ARG STARCHART_COMMIT=
ARG STARCHART_BUILT_AT=
# Copied files keep their times, and cargo would take the empty sources, built later, for newer.
# hadolint ignore=SC2086
RUN find crates migration -type f -exec touch {} + \
    && STARCHART_COMMIT="${STARCHART_COMMIT}" STARCHART_BUILT_AT="${STARCHART_BUILT_AT}" \
        cargo build --release --locked -p starchart --no-default-features ${CARGO_FLAGS}

FROM ${RUNTIME}
# What the sign-in's XML checks link, the roots that TLS trusts, and an init that passes signals on and reaps.
ARG RUNTIME_PACKAGES="libxmlsec1 libxmlsec1-openssl libxml2 libssl3 ca-certificates tini"
# hadolint ignore=DL3008,SC2086
RUN apt-get update \
    && apt-get install -y --no-install-recommends ${RUNTIME_PACKAGES} \
    && apt-get clean \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin \
    && groupadd --system --gid 10001 starchart \
    && useradd --system --uid 10001 --gid starchart --no-create-home --shell /usr/sbin/nologin starchart
COPY --from=builder /build/target/release/starchart /usr/local/bin/starchart
# Nothing is written: it runs with --read-only.
WORKDIR /srv
USER 10001:10001
ENV STARCHART_ENV=production PORT=8080
EXPOSE 8080
# Ten minutes to get ready for the first time: a migration and a database that is still coming may take that long. Afterwards the
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

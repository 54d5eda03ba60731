# The release image. Build:
#   docker build --build-arg STARCHART_COMMIT="$(git rev-parse --short=12 HEAD)" -t starchart .
# Builder and runtime must be the same Debian release: the binary links libxml2 and libxmlsec1 of that release.
ARG BUILDER=rust:1.95-bookworm
ARG RUNTIME=debian:bookworm-slim

FROM ${BUILDER} AS builder
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        gcc libc6-dev pkg-config libssl-dev libxml2-dev libxmlsec1-dev libclang-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY crates crates
COPY migration migration
# The commit and, for a build that can be repeated, its time in Unix seconds: .git is not copied.
ARG STARCHART_COMMIT=
ARG SOURCE_DATE_EPOCH=
RUN STARCHART_COMMIT="${STARCHART_COMMIT}" SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH}" \
    cargo build --release --locked -p starchart --no-default-features

FROM ${RUNTIME}
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        libxmlsec1 libxmlsec1-openssl libxml2 libssl3 ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 starchart \
    && useradd --system --uid 10001 --gid starchart --no-create-home --shell /usr/sbin/nologin starchart
COPY --from=builder /build/target/release/starchart /usr/local/bin/starchart
WORKDIR /srv
USER 10001:10001
ENV STARCHART_ENV=production PORT=8080
EXPOSE 8080
# Ten minutes to get ready, then five in which a database may be away, before a task is replaced: the check asks for readiness.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10m --retries=30 CMD ["starchart", "health"]
ENTRYPOINT ["starchart"]
CMD ["run"]

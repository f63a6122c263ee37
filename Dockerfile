# Built in two stages: Rust and a C compiler in the first; in the second nothing but the program and what it opens.
#
#   docker build --tag smartsheet-oauth-demo .
#   docker run --publish 127.0.0.1:8080:8080 smartsheet-oauth-demo

# One exact compiler, and Cargo.lock to the letter: the same sources give the same program.
FROM rust:1.95.0-bookworm AS build
WORKDIR /build

# The dependencies alone, in a layer that stays until a Cargo.toml or Cargo.lock changes: they take most of the time.
COPY Cargo.toml Cargo.lock ./
COPY crates/sealed-store/Cargo.toml crates/sealed-store/
COPY crates/smartsheet-oauth/Cargo.toml crates/smartsheet-oauth/
COPY crates/smartsheet-sandbox/Cargo.toml crates/smartsheet-sandbox/
COPY crates/test-support/Cargo.toml crates/test-support/
RUN for package in . crates/*; do \
        mkdir "$package/src" && echo '//! Stands in for the package.' > "$package/src/lib.rs"; \
    done \
    && echo 'fn main() {}' > src/main.rs \
    && cargo build --locked --release \
    && rm -r src crates/*/src

COPY migrations migrations
COPY static static
COPY templates templates
COPY askama.toml ./
COPY crates crates
COPY src src
# Copied files keep their old times; without this Cargo takes the stand-ins above for newer.
RUN touch src/main.rs src/lib.rs crates/*/src/lib.rs && cargo build --locked --release

# The root folder of the final image: the program, each shared library that it loads (the loader among them, by the path
# that the program names), root certificates, and the order in which names are looked up.
RUN set -eu; \
    program=target/release/smartsheet-oauth-demo; \
    mkdir -p /root-folder/app /root-folder/etc/ssl/certs; \
    cp "$program" /root-folder/app/; \
    ldd "$program" | grep -o '/[^ ]*' | while read -r library; do \
        mkdir -p "/root-folder${library%/*}"; \
        cp -L "$library" "/root-folder$library"; \
    done; \
    cp -L /etc/ssl/certs/ca-certificates.crt /root-folder/etc/ssl/certs/; \
    echo 'hosts: files dns' > /root-folder/etc/nsswitch.conf; \
    install -d -m 0700 -o 65532 -g 65532 /root-folder/app/data

FROM scratch
# Whoever publishes the image says where its sources are and which ones they were:
#   docker build --build-arg SOURCE=https://… --build-arg REVISION="$(git rev-parse HEAD)" …
ARG SOURCE=""
ARG REVISION=""
ARG VERSION="0.1.0"
LABEL org.opencontainers.image.title="smartsheet-oauth-demo" \
      org.opencontainers.image.description="How a web app signs people in through Smartsheet with OAuth 2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"

COPY --from=build /root-folder /

# No user database is needed for a number, and nothing in this image can become another user.
USER 65532:65532
WORKDIR /app
# Sessions, the key that seals them, and the sandbox's grants. It is all that is written to.
VOLUME /app/data
# Every address, on this port; platforms put another in its place.
ENV PORT=8080
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s --retries=3 CMD ["/app/smartsheet-oauth-demo", "health"]
ENTRYPOINT ["/app/smartsheet-oauth-demo"]

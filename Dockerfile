# The service without its development database. Build: docker build -t drawbridge .
# Both base images are pinned by digest, which no tag can move away from; dependabot proposes the next ones.

FROM rust:1.95.0-slim-trixie@sha256:e14e87345b4d5964ddcc3491d27ee046a0f23820f340c3c1e24da6880141f7c0 AS build
# The image brings the C compiler that the cryptography needs.
WORKDIR /build
COPY . .
# What was fetched and built stays with the builder, so that a change of one line does not build 300 crates anew.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/build/target,sharing=locked \
    cargo build --release --locked --no-default-features --features redis \
    && install -D target/release/drawbridge /out/drawbridge

FROM debian:trixie-20260918-slim@sha256:a99cfc517144bc59b1978475ec53b46ecabec7e43635402ee5b77cc54cd1b20a
COPY --from=build /out/drawbridge /usr/local/bin/drawbridge
RUN install --directory --owner=10001 --group=10001 --mode=700 /data
# Nobody in particular, by number, so that an orchestrator can see that it is not root.
USER 10001:10001
# It writes nothing but what the settings name: the root file system can be read-only. Relative paths are in here.
WORKDIR /data
ENV LISTEN_ADDR=0.0.0.0:3000
EXPOSE 3000
# Without curl in the image; bash speaks TCP. Over TLS or another port, say your own.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/3000 && printf 'GET /health/ready HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["drawbridge"]

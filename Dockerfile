# The service without its development database. Build: docker build -t drawbridge .
# Whoever deploys pins the two base images by digest; dependabot then keeps them fresh.

FROM rust:1.95-slim-trixie AS build
# The image brings the C compiler that the cryptography needs.
WORKDIR /build
COPY . .
RUN cargo build --release --locked --no-default-features --features redis

FROM debian:trixie-slim
COPY --from=build /build/target/release/drawbridge /usr/local/bin/drawbridge
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

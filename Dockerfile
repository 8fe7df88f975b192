# hunt in a small image, which compose, Kubernetes and the workflow of examples/gitops use:
#   docker build -t hunt .
#   docker build --target symbols --output symbols .      hunt.debug, for names and lines of profiles
FROM debian:12 AS build
WORKDIR /hunt
COPY . .
RUN script/deps build && script/build release hunt \
    && objcopy --only-keep-debug build/hunt hunt.debug \
    && objcopy --strip-debug --add-gnu-debuglink=hunt.debug build/hunt hunt

FROM scratch AS symbols
COPY --from=build /hunt/hunt.debug /

# Names of functions stay in the program, so `hunt flame` in a pod says them without the other file.
FROM debian:12-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates \
       libboost-json1.81.0 libcctz2 libdw1 libelf1 libfmt9 libhiredis0.14 libjemalloc2 libnats3.4 \
       libpq5 libsimdjson14 libsqlite3-0 libssl3 libyaml-cpp0.7 tzdata zlib1g curl \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o 10001 -g 10001 /var/lib/hunt
COPY --from=build /hunt/hunt /usr/local/bin/hunt
# By number: Kubernetes asks whether that is root. It writes nowhere but to a SQLite store, if any.
USER 10001:10001
WORKDIR /var/lib/hunt
# `hunt serve`, `hunt relay` and `hunt data-api` without --listen; Kubernetes has probes of its own.
HEALTHCHECK --interval=5s --timeout=2s --start-period=60s \
  CMD curl -fsS http://127.0.0.1:8080/livez || curl -fsS http://127.0.0.1:8090/livez \
   || curl -fsS http://127.0.0.1:8099/livez
STOPSIGNAL SIGTERM
ENTRYPOINT ["hunt"]
CMD ["--help"]

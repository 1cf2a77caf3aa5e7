# syntax=docker/dockerfile:1
# orchmetrics alone in an empty image. `make image` builds it and says which
# version it is; `docker build .` gives one that calls itself devel.

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY . .
ARG VERSION=devel COMMIT= DATE=
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    make static VERSION="$VERSION" COMMIT="$COMMIT" DATE="$DATE"

FROM scratch
COPY --from=build /src/bin/api /api
# Somebody without a name. For another owner's database, on a read-only mount,
# that is enough; on a writable one take the orchestrator's: docker run --user.
USER 65532:65532
# The container has its own loopback, so that what listens there is heard by
# nobody. Publish the port on the host's: docker run --publish 127.0.0.1:9099:9099.
ENV ORCH_LISTEN=:9099 \
    ORCH_DB=/data/orchestrator.db
EXPOSE 9099
# It finds a service well whatever its web config asks of others, if that is named in
# the environment (ORCH_WEB_CONFIG_FILE): a flag of serve it does not see.
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s --retries=3 CMD ["/api", "healthcheck"]
ENTRYPOINT ["/api"]
CMD ["serve"]

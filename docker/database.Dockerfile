# PostgreSQL for the hub, the REST API and the worker, of Debian's own packages (docker/compose.yaml). Build it with
# docker/build.sh.
ARG BASE_IMAGE=python:3.13-slim-trixie
FROM ${BASE_IMAGE}
RUN useradd --uid 1000 --user-group --home-dir /srv/database postgres \
    && apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends tini postgresql >/dev/null \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/lib/postgresql/*/main \
    && ln -s /usr/lib/postgresql/*/bin/pg_isready /usr/local/bin/ \
    && install -d -o postgres -g postgres -m 700 /srv/database
COPY docker/database.sh /usr/local/bin/database
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="AlphaPulse database" \
      org.opencontainers.image.description="PostgreSQL of Debian, with a database for each part" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
USER 1000:1000
WORKDIR /srv/database
EXPOSE 5432
# Often, for the parts that need it start once it is well, and asking takes next to nothing.
HEALTHCHECK --interval=2s --timeout=5s --retries=15 --start-period=60s \
    CMD ["pg_isready", "--quiet", "--host=127.0.0.1", "--dbname=hub"]
ENTRYPOINT ["tini", "--"]
CMD ["database"]

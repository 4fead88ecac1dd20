# HAProxy, which speaks TLS in front of the hub's proxy (docker/compose.yaml). Build it with docker/build.sh.
ARG BASE_IMAGE=python:3.13-slim-trixie
FROM ${BASE_IMAGE}
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends tini haproxy openssl >/dev/null \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
    && useradd --uid 1000 --user-group --home-dir /srv/tls tls \
    && install -d -o tls -g tls -m 700 /srv/tls
COPY docker/tls.sh /usr/local/bin/tls
COPY docker/tls.cfg /etc/alphapulse/tls.cfg
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="AlphaPulse TLS" \
      org.opencontainers.image.description="HAProxy of Debian in front of the hub's proxy" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
USER 1000:1000
WORKDIR /srv/tls
EXPOSE 8443 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python3", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8404/health', timeout=4)"]
ENTRYPOINT ["tini", "--"]
CMD ["tls"]

# What the hub, its proxy and the REST API run in: no NautilusTrader, no Panel, no JupyterLab. Build it with
# docker/build.sh; the worker and the dashboards run in the workspace image.

# Any image with Python 3.13 as python3 and Debian's apt: where none can be pulled, docker/base.sh makes one.
ARG BASE_IMAGE=python:3.13-slim-trixie
FROM ${BASE_IMAGE}
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends tini >/dev/null \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
    && useradd --uid 1000 --user-group --create-home --home-dir /srv/alphapulse alphapulse \
    && install -d -o alphapulse -g alphapulse /srv/alphapulse/api
WORKDIR /opt/alphapulse
COPY pyproject.toml uv.lock README.md LICENSE ./
COPY hub/proxy/package.json hub/proxy/package-lock.json .venv/share/alphapulse/proxy/
# Mirrors of PyPI and of npm, where their own cannot be reached.
ARG UV_DEFAULT_INDEX
ARG NPM_CONFIG_REGISTRY
# The project itself is a link to its folder, so that its code can come later.
RUN export UV_SYSTEM_CERTS=1 UV_NO_CACHE=1 UV_COMPILE_BYTECODE=1 NODE_USE_SYSTEM_CA=1 \
    && python3 -m venv /tmp/uv \
    && /tmp/uv/bin/pip install --quiet --no-cache-dir --disable-pip-version-check 'uv>=0.9,<1' \
    && for package in alphapulse_lib hub extensions/server/alphapulse_jobs; do \
        mkdir -p "$package" && touch "$package/__init__.py" || exit 1; done \
    && /tmp/uv/bin/uv venv --quiet --allow-existing --python python3 .venv \
    && /tmp/uv/bin/uv sync --quiet --frozen --only-group hub --python python3 \
    && /tmp/uv/bin/uv pip install --quiet --python .venv --no-deps --editable . \
    && cd .venv/share/alphapulse/proxy \
    && PATH=/opt/alphapulse/.venv/bin:$PATH npm ci --silent --omit=dev --ignore-scripts --no-audit --no-fund \
    && rm -rf /tmp/uv /root/.npm /opt/alphapulse/.venv/.lock
# Whatever is written lies in ALPHAPULSE_HOME, which is a volume: the image itself is read-only.
ENV PATH=/opt/alphapulse/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    ALPHAPULSE_HOME=/srv/alphapulse
COPY . .
RUN python -m compileall -q alphapulse_lib hub
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="AlphaPulse hub" \
      org.opencontainers.image.description="JupyterHub, its proxy and the REST API" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
USER 1000:1000
WORKDIR /srv/alphapulse
EXPOSE 8000
# Of what it runs unless told otherwise. Who runs another part in this image gives that its own check.
HEALTHCHECK --interval=30s --timeout=30s --start-period=90s CMD ["python", "-m", "hub.healthy", "hub"]
ENTRYPOINT ["tini", "-g", "--"]
CMD ["jupyterhub", "--config", "/opt/alphapulse/jupyterhub_config.py"]

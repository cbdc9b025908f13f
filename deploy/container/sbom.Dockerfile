# Lists what an image contains, in CycloneDX: `make sbom` writes it to dist/image.
ARG BASE=debian:trixie-slim
ARG IMAGE=ocr-server

FROM ${BASE} AS tool
# hadolint ignore=DL3008
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends ca-certificates python3-pip \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY requirements/sbom.txt ./
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca.crt \
    python3 -m venv --without-pip /opt/sbom \
    && python3 -m pip --python /opt/sbom/bin/python install --no-cache-dir --require-hashes \
        --requirement sbom.txt

# hadolint ignore=DL3006
FROM ${IMAGE} AS image
COPY --from=tool /opt/sbom /opt/sbom
COPY tools/image_sbom.py /opt/sbom/
ARG VERSION=""
WORKDIR /tmp
RUN /opt/sbom/bin/cyclonedx-py environment --output-file python.json /opt/ocr/bin/python \
    && dpkg-query --show --showformat '${Package}\t${Version}\t${Architecture}\n' > debian.tsv \
    && /opt/sbom/bin/python /opt/sbom/image_sbom.py python.json debian.tsv "${VERSION}" > sbom.cdx.json

FROM scratch
COPY --from=image /tmp/sbom.cdx.json /

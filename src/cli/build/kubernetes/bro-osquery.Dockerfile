# osquery's own image with the extension, for amd64 and arm64: put both .deb of the release beside this file, then
#   docker buildx build --platform linux/amd64,linux/arm64 --push --tag REGISTRY/bro-osquery:VERSION --file bro-osquery.Dockerfile .
# and name that tag in bro-osquery-daemonset.yaml.
FROM osquery/osquery:5.23.1-ubuntu24.04
ARG TARGETARCH
COPY bro-osquery_VERSION-1_${TARGETARCH}.deb /tmp/bro-osquery.deb
RUN apt-get update \
 && apt-get install --yes --no-install-recommends /tmp/bro-osquery.deb \
 && rm -rf /tmp/bro-osquery.deb /var/lib/apt/lists/*

# The image of a release: goreleaser puts the binaries beside this file, in a folder for each
# platform. The Dockerfile in the root makes the same image from the source.
FROM --platform=$BUILDPLATFORM alpine:3 AS files
RUN mkdir -p /files/etc/ssl/certs \
 && cp /etc/ssl/certs/ca-certificates.crt /files/etc/ssl/certs/ \
 && mkdir -m 1777 /files/tmp

FROM scratch
ARG TARGETPLATFORM
COPY --from=files /files/ /
COPY $TARGETPLATFORM/qpt /usr/local/bin/qpt
LABEL org.opencontainers.image.title="qpt" \
      org.opencontainers.image.description="Patches for Adobe Commerce and Magento shops" \
      org.opencontainers.image.licenses="Apache-2.0"
# Fetched catalogues go there; mount a folder to keep them.
ENV XDG_CACHE_HOME=/tmp
WORKDIR /shop
ENTRYPOINT ["/usr/local/bin/qpt"]
CMD ["status"]

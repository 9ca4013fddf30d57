# The image of a release: goreleaser puts the binaries beside this file, one folder for each
# platform. The Dockerfile in the root makes the same image from the source.
FROM alpine:3 AS certificates

FROM scratch
ARG TARGETPLATFORM
COPY --from=certificates /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY $TARGETPLATFORM/qpt /usr/local/bin/qpt
LABEL org.opencontainers.image.title="qpt" \
      org.opencontainers.image.description="Patches for Adobe Commerce and Magento shops" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV XDG_CACHE_HOME=/tmp
WORKDIR /tmp
WORKDIR /shop
ENTRYPOINT ["/usr/local/bin/qpt"]
CMD ["status"]

# qpt as an image: the static binary, certificates and a folder for temporary files. docs/docker.md
# shows how to use it.
#
#	docker build -t qpt .
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
RUN mkdir -p /files/etc/ssl/certs \
 && cp /etc/ssl/certs/ca-certificates.crt /files/etc/ssl/certs/ \
 && mkdir -m 1777 /files/tmp
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags='-s -w' -o /files/usr/local/bin/qpt ./cmd/qpt

FROM scratch
COPY --from=build /files/ /
LABEL org.opencontainers.image.title="qpt" \
      org.opencontainers.image.description="Patches for Adobe Commerce and Magento shops" \
      org.opencontainers.image.licenses="Apache-2.0"
# Fetched catalogues go there; mount a folder to keep them.
ENV XDG_CACHE_HOME=/tmp
WORKDIR /shop
ENTRYPOINT ["/usr/local/bin/qpt"]
CMD ["status"]

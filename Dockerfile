# gatekeeper's image: an interpreter, what the gate can reach of its library, and the gate, on an empty root. No shell,
# no pip, no package manager.
FROM python:3.15-slim-trixie AS build
# PIP_NO_COMPILE is the value of `compile`: 0 is what switches it off. The bytecode is image/root.py's.
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=0 PIP_ROOT_USER_ACTION=ignore

# PyYAML has no wheel for 3.15. Without isolation its sdist is built by this setuptools, not by whatever is newest today.
RUN echo 'setuptools==84.2.1 --hash=sha256:ca140b45d5325a9478f880e351484f62fef15f336462e449ca0c03c873d589c2' \
    | pip install --require-hashes -r /dev/stdin
WORKDIR /src
COPY requirements.txt .
RUN pip install --require-hashes --no-build-isolation -r requirements.txt
COPY . .
RUN pip install --no-deps --no-build-isolation .

# The same source gives the same bytes: see image/root.py. Bytecode keeps lines, for tracebacks, but not their columns.
ARG SOURCE_DATE_EPOCH=0
RUN PYTHONHASHSEED=0 PYTHONNODEBUGRANGES=1 python3 -m image.root /root.d

FROM scratch
COPY --from=build /root.d /
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="gatekeeper" \
      org.opencontainers.image.description="An init container that holds a pod until its database migration has finished" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION"
# OpenSSL looks for certificates where Debian links them, time zones are those of the package tzdata, and a second heap
# for the threads, which mostly sleep, is memory for nothing.
ENV PATH=/usr/local/bin \
    MALLOC_ARENA_MAX=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONNOUSERSITE=1 \
    PYTHONUNBUFFERED=1 \
    PYTHON_LAZY_IMPORTS=all \
    PYTHONTZPATH= \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
ENTRYPOINT ["gatekeeper"]

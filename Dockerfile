# gatekeeper's image: an interpreter, its library and the gate on an empty root. No shell, no pip, no package manager.
FROM python:3.15-slim-trixie AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1 PIP_ROOT_USER_ACTION=ignore

# PyYAML has no wheel for 3.15. Without isolation its sdist is built by this setuptools, not by whatever is newest today.
RUN echo 'setuptools==84.2.1 --hash=sha256:ca140b45d5325a9478f880e351484f62fef15f336462e449ca0c03c873d589c2' \
    | pip install --require-hashes -r /dev/stdin
WORKDIR /src
COPY requirements.txt .
RUN pip install --require-hashes --no-build-isolation -r requirements.txt
COPY . .
RUN pip install --no-deps --no-build-isolation .

# What no gate imports: kubernetes.aio and its HTTP stack, typer's optional rich, what builds and installs, tests.
# Bytecode is never checked against its source again, since nobody edits an image.
RUN pip uninstall --yes \
        aiohappyeyeballs aiohttp aiohttp-retry aiosignal attrs frozenlist multidict propcache yarl \
        markdown-it-py mdurl pygments rich \
        setuptools pip \
    && cd /usr/local/lib/python3.15 \
    && rm -rf config-* ensurepip idlelib test tkinter turtledemo lib-dynload/*_test* lib-dynload/*xx* site-packages/kubernetes/aio \
    && find . -depth \( -name __pycache__ -o -name tests \) -exec rm -rf {} + \
    && python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash "$PWD"

# The root: shared libraries are those that ldd names, and one that it cannot find fails the build. The loader's cache
# is for a libpython in /usr/local/lib. Name resolution is in glibc itself since 2.34.
RUN mkdir -p /root.d/etc/ssl/certs \
    && cp -a --parents /usr/local/bin/python3.15 /usr/local/bin/gatekeeper /usr/local/lib/python3.15 /root.d \
    && find /root.d \( -name '*.so' -o -name '*.so.*' -o -name python3.15 \) -type f -exec ldd {} + > /tmp/ldd \
    && ! grep 'not found' /tmp/ldd \
    && grep -o '/[^ ]* (' /tmp/ldd | tr -d ' (' | grep -v '^/root.d/' | sort -u | xargs cp -L --parents -t /root.d \
    && ldconfig -r /root.d /usr/local/lib \
    && echo 'gatekeeper:x:65532:65532::/nonexistent:/nonexistent' > /root.d/etc/passwd \
    && echo 'gatekeeper:x:65532:' > /root.d/etc/group \
    && echo 'hosts: files dns' > /root.d/etc/nsswitch.conf

ARG VERSION=0.1.0
RUN chroot /root.d gatekeeper --version | grep -F "$VERSION" \
    && chroot /root.d gatekeeper tools | grep -F golang-migrate \
    && chroot /root.d python3.15 -c \
        'import kubernetes.client.api_client, kubernetes.config.kube_config, psycopg, pymysql, ssl, tenacity, typer, yaml'

FROM scratch
COPY --from=build /root.d /
# From the base, not in a RUN above: builders mount a bundle of their own there.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="gatekeeper" \
      org.opencontainers.image.description="An init container that holds a pod until its database migration has finished" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION"
# SSL_CERT_FILE is for psycopg's own OpenSSL, which was built for another system's paths.
ENV PATH=/usr/local/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PYTHON_LAZY_IMPORTS=all \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
ENTRYPOINT ["gatekeeper"]

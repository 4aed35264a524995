# A cluster made by kind, for a script that sources this and has set $root, the project's folder, and $temporary, a
# folder that it removes when it ends. The image is built, and has the name that the manifests give it. The node's image
# is kind's own choice, or that of GATEKEEPER_KIND_IMAGE, where a registry cannot be reached.
kind_version=v0.32.0

fail() {
    echo "$1" >&2
    exit 2
}

say() {
    printf '\n== %s\n' "$1"
}

# Find what is needed, and set $engine and $image.
kind_prepare() {
    engine=
    told=
    for candidate in docker podman; do
        if said=$("$candidate" ps 2>&1); then # whose error is one line; that of info ends in another with Docker 20.10
            engine=$candidate
            break
        fi
        told="$told
$candidate ps: $(printf '%s\n' "$said" | tail -n 1)"
    done
    [ -n "$engine" ] || fail "This needs a running container engine (docker or podman), and none answers.$told"
    command -v kind >/dev/null || command -v go >/dev/null || fail "This needs kind, or go to install it, and neither is on PATH."
    image=$(sed -n 's/^.*image: *\([^ ]*gatekeeper[:@][^ ]*\).*$/\1/p' "$root"/manifests/job/*.yaml | head -n 1)
    [ -n "$image" ] || fail "No manifest in manifests/job names an image of gatekeeper."
}

# Make the cluster of this name, which has the image, and set KUBECONFIG; the user's own stays as it is.
kind_up() {
    export KUBECONFIG="$temporary/kubeconfig"
    unset KIND_EXPERIMENTAL_PROVIDER # kind takes docker by itself, and remarks on being told to
    [ "$engine" = docker ] || export KIND_EXPERIMENTAL_PROVIDER="$engine"
    if ! command -v kind >/dev/null; then
        say "installing kind $kind_version"
        GOBIN="$temporary" go install "sigs.k8s.io/kind@$kind_version"
        PATH="$temporary:$PATH"
    fi
    if kind get clusters 2>/dev/null | grep -qx "$1"; then
        fail "A kind cluster named $1 exists already: kind delete cluster --name $1"
    fi
    say "building $image"
    "$engine" build -t "$image" "$root"
    "$engine" save -o "$temporary/image.tar" "$image"
    say "creating the cluster $1"
    cluster=$1
    kind create cluster --name "$cluster" ${GATEKEEPER_KIND_IMAGE:+--image "$GATEKEEPER_KIND_IMAGE"}
    kind load image-archive "$temporary/image.tar" --name "$cluster"
    # Until its rules are written, the API server's address leads pods out of the node, to whoever answers there.
    "$engine" exec "$cluster-control-plane" kubectl --kubeconfig /etc/kubernetes/admin.conf --namespace kube-system \
        rollout status daemonset/kube-proxy --timeout 2m
}

# Delete the cluster, if it was made.
kind_down() {
    [ -z "${cluster-}" ] || kind delete cluster --name "$cluster"
}

#!/bin/sh
# Show the job mode in a real cluster: a pod stays in Init:0/1 until the migration Job is Complete.
set -eu

cluster=gatekeeper-demo
kind_version=v0.30.0
root=$(cd "$(dirname "$0")/../.." && pwd)

fail() {
    echo "$1" >&2
    exit 2
}

say() {
    printf '\n== %s\n' "$1"
}

engine=
for candidate in docker podman; do
    if "$candidate" info >/dev/null 2>&1; then
        engine=$candidate
        break
    fi
done
[ -n "$engine" ] || fail "The demo needs a running container engine (docker or podman), and none answers."
command -v kubectl >/dev/null || fail "The demo needs kubectl, and it is not on PATH."
command -v kind >/dev/null || command -v go >/dev/null || fail "The demo needs kind, or go to install it, and neither is on PATH."

# The image has the name that the manifests give it.
image=$(sed -n 's/^.*image: *\([^ ]*gatekeeper[:@][^ ]*\).*$/\1/p' "$root"/manifests/job/*.yaml | head -n 1)
[ -n "$image" ] || fail "No manifest in manifests/job names an image of gatekeeper."

temporary=$(mktemp -d)
created=
watch=
clean_up() {
    [ -z "$watch" ] || kill "$watch" 2>/dev/null || :
    [ -z "$created" ] || kind delete cluster --name "$cluster"
    rm -rf "$temporary"
}
export KUBECONFIG="$temporary/kubeconfig" # the user's own stays as it is
export KIND_EXPERIMENTAL_PROVIDER="$engine"
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if ! command -v kind >/dev/null; then
    say "installing kind $kind_version"
    GOBIN="$temporary" go install "sigs.k8s.io/kind@$kind_version"
    PATH="$temporary:$PATH"
fi
if kind get clusters 2>/dev/null | grep -qx "$cluster"; then
    fail "A kind cluster named $cluster exists already: kind delete cluster --name $cluster"
fi

say "building gatekeeper:demo, as $image"
"$engine" build -t gatekeeper:demo -t "$image" "$root"
"$engine" save -o "$temporary/image.tar" "$image"

say "creating the cluster $cluster"
created=yes
kind create cluster --name "$cluster"
kind load image-archive "$temporary/image.tar" --name "$cluster"

say "applying manifests/job: the app's pod stays in Init:0/1 until the migration Job is Complete"
kubectl apply -f "$root/manifests/job"
kubectl get pods --watch &
watch=$!
kubectl wait --for=condition=Available deployment/web --timeout=5m
sleep 1 # for the watch to print the last change

say "what the gate said"
kubectl logs deployment/web --container gate

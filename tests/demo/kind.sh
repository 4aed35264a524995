#!/bin/sh
# Show the job mode in a real cluster: a pod stays in Init:0/1 until the migration Job is Complete.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/servers/kind.sh"
command -v kubectl >/dev/null || fail "The demo needs kubectl, and it is not on PATH."
kind_prepare

temporary=$(mktemp -d)
watch=
clean_up() {
    [ -z "$watch" ] || kill "$watch" 2>/dev/null || :
    kind_down
    rm -rf "$temporary"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

kind_up gatekeeper-demo

say "applying manifests/job: the app's pod stays in Init:0/1 until the migration Job is Complete"
kubectl apply -f "$root/manifests/job"
kubectl get pods --watch &
watch=$!
kubectl wait --for=condition=Available deployment/web --timeout=5m || {
    kubectl describe pods
    kubectl logs deployment/web --container gate || :
    fail "The pod did not start within 5 minutes."
}
sleep 1 # for the watch to print the last change

say "what the gate said"
kubectl logs deployment/web --container gate

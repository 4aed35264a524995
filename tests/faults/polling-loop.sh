# A loop in the manner of k8s-wait-for's job-wr, to compare: polling-loop.sh JOB NAMESPACE
#
# Every two seconds it asks kubectl for the Job's counters, one by one. The Job counts as done unless pods are active,
# or have failed and none succeeded; whatever goes wrong ends it.
while :; do
  active=$(kubectl get job "$1" -n "$2" -o 'jsonpath={.status.active}') || exit 1
  succeeded=$(kubectl get job "$1" -n "$2" -o 'jsonpath={.status.succeeded}') || exit 1
  failed=$(kubectl get job "$1" -n "$2" -o 'jsonpath={.status.failed}') || exit 1
  case "${active:-0}:${succeeded:-0}:${failed:-0}" in
    [1-9]*) ;;
    0:0:[1-9]*) ;;
    *) exit 0 ;;
  esac
  sleep 2
done

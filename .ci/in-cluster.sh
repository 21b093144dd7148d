# Sourced by the checks that install the operator on a cluster with a real node (KT_TEST_NODE_KUBECONFIG, from .ci/node). $example is the
# namespace that they work in; $work, a folder that is removed at the end by whoever sources this, keeps the log and the metrics of all
# operators that were looked at.
export KUBECONFIG=$KT_TEST_NODE_KUBECONFIG
helm=${HELM:-$HOME/.cache/kube-trigger/helm}
work=$(mktemp -d)

fail() {
  echo "FAILED: $*" >&2
  kubectl -n kube-trigger get pods,leases -o wide >&2 || true
  kubectl -n kube-trigger logs -l app.kubernetes.io/name=kube-trigger --tail=40 >&2 || true
  kubectl get triggerrules -A -o yaml >&2 || true
  exit 1
}
eventually() { # eventually WHAT COMMAND...: within 90 s
  local what=$1 deadline=$((SECONDS + 90))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || fail "$what"
    sleep 0.5
  done
  echo "ok: $what"
}

import_image() { ctr -a "$(dirname "$KUBECONFIG")/node/containerd.sock" -n k8s.io images import "$1" >/dev/null; }
with_known_budget() { # Kubernetes before 1.21 knows the budget by its older version only.
  local budget=policy/v1
  kubectl get --raw /apis/policy/v1 >/dev/null 2>&1 || budget=policy/v1beta1
  sed "s#^apiVersion: policy/v1\$#apiVersion: $budget#"
}

metrics() { # of every replica, through the API server
  local pod
  for pod in $(kubectl -n kube-trigger get pods -l app.kubernetes.io/name=kube-trigger -o name); do
    kubectl get --raw "/api/v1/namespaces/kube-trigger/pods/${pod#pod/}:8080/proxy/metrics"
  done
}
logs() { kubectl -n kube-trigger logs -l app.kubernetes.io/name=kube-trigger --tail=-1; }
# The operator was never refused a request: it has the generated Roles only.
nothing_forbidden() {
  kubectl -n kube-trigger rollout status deployment/kube-trigger --timeout=90s
  logs >>"$work/log"
  metrics >>"$work/metrics"
  [ -s "$work/log" ] || fail 'no log'
  ! grep -iE 'forbidden' "$work/log" || fail 'the generated Role does not allow what the operator asked for'
  ! grep -E 'FORBIDDEN.* [1-9]' "$work/metrics" || fail 'a request was forbidden'
}

left() {
  kubectl get crd,clusterrole,clusterrolebinding,validatingwebhookconfiguration,mutatingwebhookconfiguration -o name |
    grep -E 'app\.example\.com|kube-trigger'
  kubectl get role,rolebinding,lease,serviceaccount,secret,pdb,networkpolicy -A -o name | grep kube-trigger
}
nothing_left() {
  eventually 'the namespace is gone' bash -c '! kubectl get namespace kube-trigger'
  [ -z "$(left || true)" ] || fail "left behind: $(left)"
  [ -z "$(kubectl -n "$example" get statefulset,deployment,configmap,pod -o jsonpath='{.items[*].metadata.finalizers}')" ] ||
    fail 'finalizers were left behind'
  echo 'ok: uninstalled, nothing left'
}

// One sync of Argo CD's: apply the manifests on standard input by its sync engine, as its controller does, and prune
// what an earlier one applied. Prints a line for each object and one for the end; exits 0 where the sync succeeded.
// SIGTERM terminates the sync, as `argocd app terminate-op` does.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/cache"
	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/sync"
	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/sync/common"
	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/utils/kube"
	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/utils/tracing"
)

// By which Argo CD knows the objects of an application.
const tracking = "argocd.argoproj.io/tracking-id"

func main() {
	kubeconfig, namespace := os.Args[1], os.Args[2]
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	check(err)
	// Argo CD's own limits; client-go's would make each pass take seconds.
	config.QPS, config.Burst = 50, 100
	config.WarningHandler = rest.NoWarnings{}
	manifests, err := io.ReadAll(os.Stdin)
	check(err)

	terminated, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()

	state := operation{phase: common.OperationRunning, started: metav1.Now()}
	for !state.phase.Completed() {
		state = pass(terminated, config, namespace, targets(manifests, namespace), state)
		time.Sleep(time.Second)
	}
	for _, result := range state.results {
		fmt.Printf("%s: %s: %s\n", result.ResourceKey.Kind+"/"+result.ResourceKey.Name, result.Status, result.Message)
	}
	fmt.Printf("%s: %s\n", state.phase, state.message)
	if !state.phase.Successful() {
		os.Exit(1)
	}
}

type operation struct {
	phase   common.OperationPhase
	message string
	results []common.ResourceSyncResult
	started metav1.Time
}

// The controller makes a context of each pass, from what the one before has left in the Application's status.
func pass(terminated context.Context, config *rest.Config, namespace string, wanted []*unstructured.Unstructured, state operation) operation {
	live := cache.NewClusterCache(config,
		cache.SetNamespaces([]string{namespace}),
		cache.SetLogr(logr.Discard()),
		cache.SetPopulateResourceInfoHandler(func(object *unstructured.Unstructured, _ bool) (any, bool) {
			tracked := object.GetAnnotations()[tracking] != ""
			return tracked, tracked
		}),
	)
	check(live.EnsureSynced())
	defer live.Invalidate()
	managed, err := live.GetManagedLiveObjs(wanted, func(found *cache.Resource) bool { return found.Info == true })
	check(err)
	kubectl := &kube.KubectlCmd{Log: logr.Discard(), Tracer: tracing.NopTracer{}}
	syncing, clean, err := sync.NewSyncContext("", sync.Reconcile(wanted, managed, namespace, live), config, config,
		kubectl, namespace,
		sync.WithLogr(logr.Discard()),
		sync.WithOperationSettings(false, true, false, false),
		sync.WithInitialState(state.phase, state.message, state.results, state.started),
	)
	check(err)
	defer clean()
	if terminated.Err() == nil {
		syncing.Sync(context.Background())
	} else {
		syncing.Terminate(context.Background())
	}
	state.phase, state.message, state.results = syncing.GetState()
	return state
}

func targets(manifests []byte, namespace string) []*unstructured.Unstructured {
	objects, err := kube.SplitYAML(manifests)
	check(err)
	for _, object := range objects {
		object.SetNamespace(namespace)
		annotations := object.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		key := kube.GetResourceKey(object)
		annotations[tracking] = fmt.Sprintf("web:%s/%s:%s/%s", key.Group, key.Kind, key.Namespace, key.Name)
		object.SetAnnotations(annotations)
	}
	return objects
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

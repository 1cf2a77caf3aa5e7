package deploy

import (
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"
)

const manifest = "../../deploy/kubernetes/sidecar.yaml"

// sidecar returns the pod of the manifest and its container orchmetrics. A field
// that Kubernetes' own types do not have is an error.
func sidecar(t *testing.T) (corev1.PodSpec, corev1.Container) {
	t.Helper()
	text, err := os.ReadFile(manifest)
	require.NoError(t, err)
	var deployment appsv1.Deployment
	require.NoError(t, yaml.UnmarshalStrict(text, &deployment))
	assert.Equal(t, "apps/v1", deployment.APIVersion)
	assert.Equal(t, "Deployment", deployment.Kind)
	assert.Equal(t, deployment.Spec.Selector.MatchLabels, deployment.Spec.Template.Labels)
	assert.Equal(t, int32(1), *deployment.Spec.Replicas, "SQLite has one writer")
	assert.Equal(t, appsv1.RecreateDeploymentStrategyType, deployment.Spec.Strategy.Type, "not two pods for a moment either")
	pod := deployment.Spec.Template.Spec
	at := slices.IndexFunc(pod.Containers, func(c corev1.Container) bool { return c.Name == "orchmetrics" })
	require.NotEqual(t, -1, at)
	return pod, pod.Containers[at]
}

func TestKubernetes_CannotWrite(t *testing.T) {
	pod, container := sidecar(t)
	assert.True(t, *pod.SecurityContext.RunAsNonRoot)
	assert.NotZero(t, *pod.SecurityContext.RunAsUser)
	for _, c := range pod.Containers {
		assert.True(t, c.SecurityContext == nil || c.SecurityContext.RunAsUser == nil, "%s is of the pod's user, as the others", c.Name)
	}
	assert.False(t, *container.SecurityContext.AllowPrivilegeEscalation)
	assert.True(t, *container.SecurityContext.ReadOnlyRootFilesystem)
	assert.Equal(t, []corev1.Capability{"ALL"}, container.SecurityContext.Capabilities.Drop)
	assert.NotEmpty(t, container.VolumeMounts)
	for _, mount := range container.VolumeMounts {
		assert.True(t, mount.ReadOnly, mount.Name)
		assert.Empty(t, mount.SubPath, "a directory, not a file")
		assert.True(t, slices.ContainsFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == mount.Name }), mount.Name)
	}
}

func TestKubernetes_SeesAgentsAndDatabase(t *testing.T) {
	pod, container := sidecar(t)
	assert.True(t, *pod.ShareProcessNamespace)
	env := map[string]string{}
	for _, variable := range container.Env {
		env[variable.Name] = variable.Value
	}
	for _, file := range []string{env["ORCH_DB"], env["ORCH_WORKER_STATE_FILE"]} {
		assert.True(t, slices.ContainsFunc(container.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == path.Dir(file) }), file)
	}
	ports := map[string]int32{}
	for _, port := range container.Ports {
		ports[port.Name] = port.ContainerPort
	}
	assert.Equal(t, map[string]int32{"metrics": 9099, "health": 9098}, ports)
	assert.Equal(t, ":9099", env["ORCH_LISTEN"])
	assert.Equal(t, ":9098", env["ORCH_HEALTH_LISTEN"])
	for _, probe := range []*corev1.Probe{container.LivenessProbe, container.ReadinessProbe} {
		assert.Equal(t, &corev1.HTTPGetAction{Path: "/livez", Port: intstr.FromString("health")}, probe.HTTPGet)
	}
	assert.False(t, container.Resources.Limits.Memory().IsZero())
	assert.False(t, container.Resources.Requests.Cpu().IsZero())
}

// TestKubernetes_Explained: what the sidecar adds to a pod has a comment above it
// or above the block that it is in.
func TestKubernetes_Explained(t *testing.T) {
	text, err := os.ReadFile(manifest)
	require.NoError(t, err)
	lines := strings.Split(string(text), "\n")
	for _, field := range []string{
		"replicas", "shareProcessNamespace", "automountServiceAccountToken", "securityContext", "fsGroup", "fsGroupChangePolicy",
		"seccompProfile", "image: registry.example.com/orchmetrics", "- name: ORCH_DB", "- name: ORCH_WORKER_STATE_FILE", "- name: ORCH_LISTEN",
		"- name: ORCH_HEALTH_LISTEN", "readinessProbe", "livenessProbe", "resources", "allowPrivilegeEscalation", "terminationGracePeriodSeconds",
	} {
		at := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(strings.TrimLeft(line, " "), field) })
		require.NotEqual(t, -1, at, field)
		assert.Regexp(t, `^ +# \S`, lines[at-1], field)
	}
}

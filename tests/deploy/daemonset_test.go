package deploy

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// TestDaemonSet: one instance a node that shows agents alone, with the node's processes,
// and one that shows everything. Neither can write, nor has the password in its
// environment. A field that Kubernetes' own types do not have is an error.
func TestDaemonSet(t *testing.T) {
	text, err := os.ReadFile("../../deploy/kubernetes/daemonset.yaml")
	require.NoError(t, err)
	first, second, found := strings.Cut(string(text), "\n---\n")
	require.True(t, found)
	var daemons appsv1.DaemonSet
	require.NoError(t, yaml.UnmarshalStrict([]byte(first), &daemons))
	var whole appsv1.Deployment
	require.NoError(t, yaml.UnmarshalStrict([]byte(second), &whole))
	assert.Equal(t, []string{"apps/v1", "DaemonSet", "apps/v1", "Deployment"}, []string{daemons.APIVersion, daemons.Kind, whole.APIVersion, whole.Kind})
	assert.Equal(t, daemons.Spec.Selector.MatchLabels, daemons.Spec.Template.Labels)
	assert.Equal(t, whole.Spec.Selector.MatchLabels, whole.Spec.Template.Labels)
	assert.Equal(t, int32(1), *whole.Spec.Replicas)

	of := func(pod corev1.PodSpec) map[string]corev1.EnvVar {
		require.Len(t, pod.Containers, 1)
		container := pod.Containers[0]
		assert.True(t, *pod.SecurityContext.RunAsNonRoot)
		assert.NotZero(t, *pod.SecurityContext.RunAsUser)
		assert.False(t, *container.SecurityContext.AllowPrivilegeEscalation)
		assert.True(t, *container.SecurityContext.ReadOnlyRootFilesystem)
		assert.Equal(t, []corev1.Capability{"ALL"}, container.SecurityContext.Capabilities.Drop)
		require.Len(t, container.VolumeMounts, 1)
		assert.True(t, container.VolumeMounts[0].ReadOnly)
		assert.Equal(t, pod.Volumes[0].Name, container.VolumeMounts[0].Name)
		assert.Equal(t, int32(0o440), *pod.Volumes[0].Secret.DefaultMode)
		assert.Equal(t, pod.SecurityContext.RunAsGroup, pod.SecurityContext.FSGroup, "who may read the password")
		for _, probe := range []*corev1.Probe{container.LivenessProbe, container.ReadinessProbe} {
			assert.Equal(t, "/livez", probe.HTTPGet.Path)
		}
		env := map[string]corev1.EnvVar{}
		for _, variable := range container.Env {
			env[variable.Name] = variable
		}
		assert.Equal(t, container.VolumeMounts[0].MountPath+"/password", env["ORCH_DB_PASSWORD_FILE"].Value)
		assert.NotContains(t, env["ORCH_DB"].Value, ":@")
		assert.Regexp(t, `^postgres://\w+@`, env["ORCH_DB"].Value)
		return env
	}
	daemon, all := of(daemons.Spec.Template.Spec), of(whole.Spec.Template.Spec)
	assert.True(t, daemons.Spec.Template.Spec.HostPID, "the pids are the node's")
	assert.False(t, whole.Spec.Template.Spec.HostPID)
	assert.Equal(t, "spec.nodeName", daemon["ORCH_HOST"].ValueFrom.FieldRef.FieldPath)
	assert.Equal(t, "stages,queue,cost", daemon["ORCH_SECTIONS_DISABLED"].Value, "nobody counts a queue twice")
	assert.NotContains(t, all, "ORCH_SECTIONS_DISABLED")
	assert.NotEmpty(t, all["ORCH_HOST"].Value)
	assert.Equal(t, daemon["ORCH_DB"].Value, all["ORCH_DB"].Value)

	lines := strings.Split(first, "\n")
	for _, field := range []string{
		"hostPID", "automountServiceAccountToken", "securityContext", "fsGroup", "seccompProfile", "nodeSelector", "image:", "- name: ORCH_DB",
		"- name: ORCH_DB_PASSWORD_FILE", "- name: ORCH_HOST", "- name: ORCH_SECTIONS_DISABLED", "- name: ORCH_LISTEN", "- name: ORCH_HEALTH_LISTEN",
		"readinessProbe", "livenessProbe", "resources", "allowPrivilegeEscalation", "defaultMode",
	} {
		at := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(strings.TrimLeft(line, " "), field) })
		require.NotEqual(t, -1, at, field)
		assert.Regexp(t, `^ +# \S`, lines[at-1], "%s has its reason above it", field)
	}
}

// Package deploy holds the tests of what installs the service: make static,
// Dockerfile, deploy/systemd and deploy/kubernetes. They build the static binary
// and run it as an image and as a unit would. It is a module of its own, so that
// Docker's parser and Kubernetes' types are no dependency of the service.
package deploy

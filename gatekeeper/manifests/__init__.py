"""Kubernetes manifests: read and edit them, know the gates in them, their rights and their faults."""

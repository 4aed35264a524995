"""Jobs: read them from the Kubernetes API, and judge them."""

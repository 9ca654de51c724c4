"""The Kubernetes objects of the deployment as data. Pure."""

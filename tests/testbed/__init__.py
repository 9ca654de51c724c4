"""A real one-node Kubernetes with Tekton for the tests, made from Debian packages and Go modules alone.

    python -m tests.testbed up      # builds what is missing, starts the cluster, prints how to reach it
    python -m tests.testbed down    # stops and cleans up

Nothing here is a fake: the API server, the kubelet, containerd, Tekton, the registry and the Git server
are the programs a real cluster runs, so a test that passes here has met their real refusals.
"""

"""The deployment pipeline on one machine, without a cluster: what it would mirror and what it would apply.

    preview-deployment --values-git-url=DIR_OR_URL --values-file-path=P[,P] --output=DIR

Without a revision a local path is read as it lies on disk, Git or not. Every parameter of
oc-mirror-deployment-pipeline is an argument here. Written are DIR/imageset.yaml and DIR/manifests/*.yaml,
just what the pipeline would apply; printed is a plan that a person can read.
"""

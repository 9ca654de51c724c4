"""From AutoShift values in Git to mirrored registries: the steps of the oc-mirror pipelines.

Entrypoints lie at the top (one a Task), domains in the folders, seams to the outside world
(cluster, repository, registry, process) beside them. Imports go downward only.
"""

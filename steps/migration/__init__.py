"""Decide what of an old installation of AutoShift's oc-mirror folder to keep, carry over and remove.

The old installation is auto-shift/autoshiftv2 at f4d4fbb2 (2025-10-01), folder oc-mirror/pipeline: the
pipeline oc-mirror-build-deploy, and a first form of the two pipelines whose names ours have as well.
"""

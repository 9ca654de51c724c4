"""The mirror: what the workload does. `operation.run` does what a `Request` asks for.

ocmirror/   the program: its arguments, its output, its outcome, where it puts images
store/      the data directory as one object, with its records
session.py  what a workflow works with, made once for a run
checks/     what is checked before a run, and after it in the target
publish/    what a run leaves for a cluster
workflows/  to disk, from disk, direct, deletion, cleaning up
"""

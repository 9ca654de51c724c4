"""The inputs of a deployment, values and ImageSet, which every entrypoint obtains in the same way.

The Tasks of a run pass a commit and a digest to each other, never a path that could change: with a workspace
the files are found there, without one they are fetched and generated again, and both ways give the same
bytes.
"""

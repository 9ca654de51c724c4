"""What a deployment is made from, obtained alike by every entrypoint.

The Tasks of one run hand each other a commit and a digest, never a mutable path: with a workspace bound the
files are found there, without one they are fetched and generated again, and both ways give the same bytes.
"""

"""Puts what is mirrored back into the Git repository that the clusters follow.

place      which values file, and where in it
block      what AutoShift's block `config.disconnected` says
splice     the block put into the file, every other byte as it was
change     all files of the change
describe   the text of the request
sources    what runs have published: ConfigMaps of a cluster, or a data directory
"""

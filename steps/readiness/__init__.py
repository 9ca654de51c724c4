"""Is every cluster's next step really in the mirror? Values, what runs, and registries become verdicts.

needs      what each cluster needs (pure)
known      what was mirrored to a target and published for it, as the data directory or an export says
coverage   where clusters are led to (pure)
graph      which updates the update service of the mirror would offer (pure)
olm        which versions OLM would install, and on which way (pure)
required   what OLM installs because operators require it (pure)
operators  what OLM would install for a need, and whether that goes with its OpenShift (pure)
wanted     an image that clusters pull, and where they look for it (pure)
content    what releases, the graph image and tags in a registry say
presence   which images a registry has
facts      all that is asked of a target, once for the whole fleet
found      what a target answered, as data (pure)
kept       what is kept of the answers for an hour
demands    what a need asks of a target, and what is wrong before any image is looked for (pure)
reasons    why a cluster is not ready, and what to do about it (pure)
verdict    the verdict for a cluster and a target (pure)
report     verdicts for people and for programs (pure)
gate       verdicts as a ConfigMap, with keys for a gate before a wave (pure)
wave       the clusters that a question is about (pure)
"""

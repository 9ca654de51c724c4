"""Is every cluster's next step really in the mirror? Values, what runs, and registries become verdicts.

needs      what each cluster needs (pure)
known      what was mirrored to a target and published for it, as the data directory or an export says
coverage   where clusters are led to (pure)
graph      which updates the update service of the mirror would offer (pure)
olm        which versions OLM would install, and on which way (pure)
required   what OLM installs because operators require it (pure)
content    what releases, the graph image and tags in a registry say
presence   which images and signatures a registry has
facts      all that is asked of a target, once for the whole fleet, and what is kept of it for an hour
demands    what a need asks of a target, and what is wrong before any image is looked for (pure)
verdict    the verdict for a cluster and a target (pure)
report     verdicts for people and for programs (pure)
"""

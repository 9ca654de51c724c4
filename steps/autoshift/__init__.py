"""AutoShift values files → what every cluster really gets → a plan of what to mirror, without I/O.

values              which paths are values files, and how several become one tree, as Helm merges them
fleet               the cluster sets and clusters with their effective labels
releases            the version requests of a cluster, and the range that covers several
subscriptions       the operator requests of a cluster
additional_images   the images that the features of a cluster run
operators, policies, catalog_sources   the defaults: built in, from the checkout, and the names of catalogs
requirements        the channel and versions of a request, and what it requires
union               the requests of all clusters as a list of operators
planning            from values files to plan
plan, listing       the plan, its text for a person, and the names in it
"""

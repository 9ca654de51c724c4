"""AutoShift values files → what every cluster really gets → a plan of what to mirror, without I/O.

source     the files as data, and which of a checkout matter
yamltext   YAML as text, strictly          merging     as Helm merges
fleet      cluster sets and clusters       policies, operators   AutoShift's defaults
demand, subscription, wishes, images   what one member asks for   requirements, union   what all need together
planning   the way through all of it       plan, describe        its outcome, for programs and for people
"""

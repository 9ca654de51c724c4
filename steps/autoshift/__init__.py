"""AutoShift values files → what every cluster really gets → a plan of what to mirror, without I/O.

source     which files of a checkout matter
merging    values files merged as Helm merges them
fleet      cluster sets and clusters       policies, operators   AutoShift's defaults
demand, subscription, wishes, images   what one member asks for   requirements, union   what all need together
planning   the way through all of it       plan, describe        its outcome, for programs and for people
"""

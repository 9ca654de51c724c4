"""The mirror: what the workload does. The workflows stand here, what they are made of below.

ocmirror/  the program: its arguments, its output, its outcome, where it puts images
data/      the data directory: layout, lock, journal, archives and their generations, records of runs
checks/    what is looked at before a run, and after it in the target
delivery/  what a run leaves for a cluster and for people
deleting/  the plan of what to delete, its execution, cleaning up
"""

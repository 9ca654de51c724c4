"""All parameters of pipelines, Tasks and commands, in one table.

`table` has an entry for each parameter, `value_kinds` the check of each kind of value, `contradictions` what
parameters require of each other. `arguments` makes command lines of them, `shared_settings` reads the
ConfigMap oc-mirror-settings. The Tekton files and the tables of the reference come from the table, too
(`make docs`).
"""

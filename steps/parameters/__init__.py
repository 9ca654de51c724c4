"""All parameters of pipelines, Tasks and commands, in one table.

`table` has an entry for each parameter, `kinds` the check of each kind of value, `rules` what parameters
demand of each other. `arguments` makes command lines of them, `settings` reads ConfigMap oc-mirror-settings.
The Tekton files and the tables of the reference are generated from the table (`make docs`).
"""

"""Plans → ImageSetConfiguration, and what there is to say about one: valid, described, compared. Pure.

model      its fields, as types            reading    YAML → model, with findings
imageset   an ImageSet that was read       rules      what it must satisfy besides
generate   a plan → model → text           overlay    a user's additions     writing   model → text
convert    from oc-mirror v1               diff, describe    for people
"""

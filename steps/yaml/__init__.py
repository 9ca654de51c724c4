"""Text that is YAML (or JSON) becomes maps, lists and texts, within limits; the only reader of events.

source      a file as data: its path, for messages, and its bytes
text        YAML where a scalar stays the text that was written
values      YAML with the types that YAML gives, for files of Kubernetes
nodes       YAML whose values know their line and type
documents   the documents of a large file, JSON or YAML, one after the other
"""

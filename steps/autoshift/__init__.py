"""AutoShift values files → effective labels of every cluster → operators and versions. Pure."""

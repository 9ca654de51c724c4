"""Signatures: keys, DSSE envelopes, in-toto statements, cosign's simple signing and bundles.

Pure, but for `folder`, which reads keys from files. Callers hand in bytes, and get typed values or an error
in words.
"""

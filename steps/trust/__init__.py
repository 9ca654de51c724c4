"""Signatures: keys, the formats that are signed, and verdicts about releases.

keys, folder     keys of ECDSA, Ed25519 and RSA; keys in files, or in the data of a ConfigMap
gpg              signatures by GPG, as the cluster-version operator verifies them
dsse, bundle     envelopes, and sigstore bundles around them
statement        in-toto statements, the payload of envelopes
provenance       SLSA provenance, a kind of statement
simple_signing   claims about an image, as cosign writes them
claims           the same, as strictly as clusters read them
sigstore         whether a node takes an image by its sigstore signature
releases         whether clusters accept an update to a release
verdicts         what is said of releases, why, and what to do
refusals         what can be wrong with a key or a signature

Pure, but for `folder`, which reads files. Callers hand in bytes, and get typed values or an error in words.
"""

"""What can be wrong with a key or a signature. The texts say why, and never repeat a key."""

from __future__ import annotations


class KeyFormatError(ValueError):
    """The bytes are no key that can be used."""


class PassphraseError(KeyFormatError):
    """The passphrase of a private key is missing, too much, or another one."""


class UntrustedSignatureError(ValueError):
    """No trusted key has made a signature, or one that has ended."""


class KeyEndedError(UntrustedSignatureError):
    """A trusted key has made a signature, and has ended."""

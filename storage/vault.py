"""Tokens at rest: encrypted, with keys that can be changed."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Sealed(Exception):
    """A stored token was encrypted with a key that is not among those given."""


class Vault:
    """Encrypts with the newest key and reads with all (Fernet: AES-128-CBC and HMAC-SHA256).

    Args:
        keys: newest first. What is no Fernet key is made into one by HKDF (RFC 5869), so that
            any long random text will do.

    Raises:
        ValueError: there is no key.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("no key")
        self._fernet = MultiFernet([_fernet(key) for key in keys])

    def __repr__(self) -> str:
        return "Vault()"

    def seal(self, secret: str) -> str:
        """Return ``secret`` encrypted with the newest key."""
        return self._fernet.encrypt(secret.encode()).decode()

    def open(self, sealed: str) -> str:
        """Return what was encrypted.

        Raises:
            Sealed: none of the keys fits.
        """
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            # "from None": nothing of the stored text may get into a traceback.
            raise Sealed("a stored token was encrypted with another ENCRYPTION_KEY") from None

    def reseal(self, sealed: str) -> str:
        """Return the same secret encrypted with the newest key.

        Raises:
            Sealed: none of the keys fits.
        """
        return self.seal(self.open(sealed))


def _fernet(key: str) -> Fernet:
    try:
        return Fernet(key)
    except ValueError:
        derived = HKDF(hashes.SHA256(), length=32, salt=None, info=b"beambot tokens")
        return Fernet(base64.urlsafe_b64encode(derived.derive(key.encode())))


def new_key() -> str:
    """Return a fresh key."""
    return Fernet.generate_key().decode()

"""A Google service account of the sandbox's own: its key file, and the check of what is signed with it."""

import json
import os
from functools import cached_property
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

KEY_BITS = 2048
GOOGLE_TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
"""google-auth names this as the audience whatever the token_uri of the key file says."""

_CLOCK_SKEW_S = 60


class ServiceAccount:
    """Who may ask the stand-in's token endpoint for a token.

    The key is made once per data folder; the file is written anew at each start, as the port may have changed.
    """

    def __init__(self, file: Path, *, project_id: str, token_uri: str) -> None:
        self.file, self._token_uri = file, token_uri
        self.email = f"alertd@{project_id}.iam.gserviceaccount.com"
        self._pem = _pem_in(file) or _made_pem()
        _write_private(file, self._document(project_id))

    @cached_property
    def _public_key(self) -> rsa.RSAPublicKey:
        """Read when the first assertion comes.

        The check of its primes is left out: it is our own key, from our own file, and takes longer to check than
        all the rest takes to start.
        """
        key = serialization.load_pem_private_key(
            self._pem.encode("ascii"), password=None, unsafe_skip_rsa_key_validation=True
        )
        assert isinstance(key, rsa.RSAPrivateKey)
        return key.public_key()

    def verify(self, assertion: str) -> dict[str, Any]:
        """The claims of an assertion signed with our key, for us, still valid; else jwt.InvalidTokenError."""
        claims: dict[str, Any] = jwt.decode(
            assertion,
            self._public_key,
            algorithms=["RS256"],
            audience=[self._token_uri, GOOGLE_TOKEN_URI],
            issuer=self.email,
            leeway=_CLOCK_SKEW_S,
            options={"require": ["iss", "aud", "iat", "exp"]},
        )
        return claims

    def _document(self, project_id: str) -> dict[str, str]:
        return {
            "type": "service_account",
            "project_id": project_id,
            "private_key_id": "alertd-sandbox",
            "private_key": self._pem,
            "client_email": self.email,
            "client_id": "100000000000000000000",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": self._token_uri,
            "universe_domain": "googleapis.com",
        }


def _made_pem() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem.decode("ascii")


def _pem_in(file: Path) -> str | None:
    """The key of an earlier run. Raises ValueError where the file holds something else."""
    if not file.exists():
        return None
    try:
        pem = json.loads(file.read_text("utf-8"))["private_key"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file.name}: no service account in it; remove it, a new one is made") from error
    if not isinstance(pem, str) or "-----BEGIN PRIVATE KEY-----" not in pem:
        raise ValueError(f"{file.name}: no private key in it; remove it, a new one is made")
    return pem


def _write_private(file: Path, document: dict[str, str]) -> None:
    """Replace the file in one step; only its owner may read it."""
    fresh = file.with_suffix(".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        json.dump(document, out, indent=2)
    fresh.replace(file)

"""Signed checkpoints: how long the audit chain was at a moment, and its digest there.

A chain alone cannot show that its end was cut off, or that someone with the database rewrote all of it. A checkpoint that was
signed by the desk and is kept elsewhere can: the chain must still be as long, and come to the same digest there. Each is
one JSON line, so that a file, a log shipper or a URL can keep it.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, ValidationError

from knowledge.errors import BadInput, MalformedSettings
from knowledge.vocabulary import Noun, canonical_json

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_PURPOSE = b"opsdesk audit checkpoint 1\n"
_KEY_PREFIX = "ed25519:"
_OTHERS_MAY_READ = 0o007


class Checkpoint(Noun):
    """``key`` is the signer's public key, ``ed25519:`` and base64; ``signature`` is base64 and covers everything else."""

    sequence: int = Field(ge=1)
    digest: str
    at: datetime
    key: str
    signature: str = ""

    @property
    def line(self) -> str:
        """The checkpoint as it is kept elsewhere, without the line's end."""
        return json.dumps(self.model_dump(mode="json"), separators=(",", ":"))

    def is_signed(self) -> bool:
        """Whether the signature is that of its own ``key``; whose key that is the reader must know."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            raw = base64.b64decode(self.key.removeprefix(_KEY_PREFIX), validate=True)
            signature = base64.b64decode(self.signature, validate=True)
            Ed25519PublicKey.from_public_bytes(raw).verify(signature, _told(self))
        except (InvalidSignature, ValueError, binascii.Error):
            return False
        return True


class AuditKey:
    """The desk's Ed25519 key for checkpoints. ``public`` is what people note down elsewhere."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        raw = private.public_key().public_bytes_raw()
        self.public = _KEY_PREFIX + base64.b64encode(raw).decode()

    def sign(self, sequence: int, digest: str, at: datetime) -> Checkpoint:
        unsigned = Checkpoint(sequence=sequence, digest=digest, at=at.astimezone(UTC), key=self.public)
        signature = base64.b64encode(self._private.sign(_told(unsigned))).decode()
        return unsigned.model_copy(update={"signature": signature})


def open_audit_key(path: Path, *, make: bool) -> AuditKey:
    """The key in a PEM file; with ``make`` a missing one is written first, for its owner alone.

    Raises MalformedSettings for a file that cannot be read, that everyone may read, or that holds no Ed25519 key.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if make:
        _make(path)
    try:
        if path.stat().st_mode & _OTHERS_MAY_READ:
            raise MalformedSettings(f"everyone may read the audit key {path}", next_step=f"chmod 600 {path}")
        loaded = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise MalformedSettings(
            f"the audit key {path} cannot be read: {error.strerror}", next_step="check audit.key_file in the settings"
        ) from error
    except (ValueError, TypeError) as error:
        raise MalformedSettings(f"{path} holds no private key in PEM form", next_step=_MADE_BY) from error
    if not isinstance(loaded, Ed25519PrivateKey):
        raise MalformedSettings(f"the key in {path} is not an Ed25519 key", next_step=_MADE_BY)
    return AuditKey(loaded)


_MADE_BY = "openssl genpkey -algorithm ed25519 makes one; without the setting the desk makes its own"


def _make(path: Path) -> None:
    """Written whole under another name and linked into place: of two processes that make it at once, one file stays."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    if path.exists():
        return
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
        try:
            os.link(draft, path)
        except FileExistsError:
            return
        finally:
            draft.unlink()
    except OSError as error:
        raise MalformedSettings(
            f"the audit key {path} cannot be written: {error.strerror}",
            next_step="check audit.key_file in the settings",
        ) from error


def read_checkpoints(lines: Iterable[str], source: str) -> list[Checkpoint]:
    """Checkpoints from JSON lines, in any order. BadInput naming the line that is none."""
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            found.append(Checkpoint.model_validate_json(line))
        except ValidationError:
            raise BadInput(
                "this line is no checkpoint",
                source=source,
                line=number,
                next_step="keep the lines as `opsdesk audit checkpoint` prints them",
            ) from None
    return found


def _told(checkpoint: Checkpoint) -> bytes:
    told = {
        "sequence": checkpoint.sequence,
        "digest": checkpoint.digest,
        "at": checkpoint.at.astimezone(UTC).isoformat(),
        "key": checkpoint.key,
    }
    return _PURPOSE + canonical_json(told).encode()

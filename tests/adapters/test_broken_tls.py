"""TLS that breaks: before the handshake is done nothing was sent, after it nobody knows."""

from __future__ import annotations

import ssl

import pytest
from urllib3.exceptions import SSLError

from knowledge.errors import ClusterUnreachable, WriteUnanswered
from tools.adapters.kubernetes_connection import KubernetesConnection


def error_of(cause: ssl.SSLError, method: str = "PATCH") -> Exception:
    return KubernetesConnection("east", None)._lost(method, "https://east", SSLError(cause))


def broken(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, f"[SSL: {reason}] {reason.lower()} (_ssl.c:1006)")
    error.reason = reason
    return error


@pytest.mark.parametrize("reason", ["WRONG_VERSION_NUMBER", "SSLV3_ALERT_HANDSHAKE_FAILURE", "UNSUPPORTED_PROTOCOL"])
def test_write_was_not_sent_when_the_handshake_failed(reason: str) -> None:
    assert isinstance(error_of(broken(reason)), ClusterUnreachable)


def test_write_was_not_sent_when_the_certificate_is_not_trusted() -> None:
    error = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate")
    assert isinstance(error_of(error), ClusterUnreachable)


@pytest.mark.parametrize(
    "reason", ["DECRYPTION_FAILED_OR_BAD_RECORD_MAC", "APPLICATION_DATA_AFTER_CLOSE_NOTIFY", "EOF occurred"]
)
def test_write_may_have_been_made_when_the_connection_broke_later(reason: str) -> None:
    assert isinstance(error_of(broken(reason)), WriteUnanswered)
    assert isinstance(error_of(broken(reason), "GET"), ClusterUnreachable)

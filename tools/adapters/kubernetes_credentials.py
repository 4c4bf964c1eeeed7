"""Opens the official client from a kubeconfig or from the pod, and says clearly why it cannot."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from knowledge.errors import MalformedSettings


def load_client(cluster: str, kubeconfig: Path | None, context: str, *, connections: int) -> Any:
    """A ``kubernetes.client.ApiClient``. The kubeconfig is never written back. MalformedSettings tells what is wrong."""
    from kubernetes import client, config
    from kubernetes.config.config_exception import ConfigException

    configuration = client.Configuration()
    configuration.connection_pool_maxsize = connections
    configuration.retries = False
    if kubeconfig is None:
        try:
            config.load_incluster_config(client_configuration=configuration)
        except ConfigException as error:
            raise MalformedSettings(
                f"cluster {cluster}: no kubeconfig is set and opsdesk does not run in a cluster ({error})",
                next_step="set the cluster's kubeconfig, or run opsdesk in a pod with a service account",
            ) from error
        return client.ApiClient(configuration)
    path = kubeconfig.expanduser()
    token_file = _token_file(_checked(cluster, path, context), path, context)
    try:
        config.load_kube_config(
            config_file=str(path), context=context or None, client_configuration=configuration, persist_config=False
        )
    except (ConfigException, ValueError, TypeError, KeyError, OSError) as error:
        raise MalformedSettings(
            f"cluster {cluster}: the kubeconfig {path} cannot be used: {error}",
            source=str(path),
            next_step="check it with: kubectl --kubeconfig <file> config view; credentials may have to be issued anew",
        ) from error
    if token_file is not None:
        configuration.refresh_api_key_hook = RotatingToken(token_file)
    return client.ApiClient(configuration)


class RotatingToken:
    """Puts in the token that the file holds now: a projected one is written anew before it ends. The official client reads the
    ``tokenFile`` of a kubeconfig once; that of a pod's service account it reads again by itself."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._changed_at = -1

    def __call__(self, configuration: Any) -> None:
        try:
            changed_at = self._path.stat().st_mtime_ns
            if changed_at != self._changed_at:
                token = self._path.read_text("utf-8").strip()
                if token:
                    configuration.api_key["BearerToken"] = f"Bearer {token}"
                    self._changed_at = changed_at
        except (OSError, UnicodeDecodeError):
            return  # between two tokens: the server judges the one that we have


def _token_file(content: dict[str, Any], path: Path, context: str) -> Path | None:
    """The ``tokenFile`` of the context's user, None when it has none."""
    wanted = context or content.get("current-context")
    user = next((one.get("context", {}).get("user") for one in content["contexts"] if one.get("name") == wanted), None)
    known = content.get("users") or []
    named = next((one.get("user") or {} for one in known if isinstance(one, dict) and one.get("name") == user), {})
    return path.parent / str(named["tokenFile"]) if named.get("tokenFile") else None


def _checked(cluster: str, path: Path, context: str) -> dict[str, Any]:
    """The kubeconfig's content, when it has the wanted context."""
    import yaml

    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise MalformedSettings(
            f"cluster {cluster}: the kubeconfig {path} cannot be read: {error.strerror}",
            source=str(path),
            next_step="check the path and its permissions",
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise MalformedSettings(
            f"cluster {cluster}: the kubeconfig {path} is not YAML: {error}",
            source=str(path),
            next_step="issue it anew",
        ) from error
    if not isinstance(content, dict) or not isinstance(content.get("contexts"), list):
        raise MalformedSettings(
            f"cluster {cluster}: {path} is no kubeconfig: it has no contexts",
            source=str(path),
            next_step="issue it anew",
        )
    names = [str(each.get("name")) for each in content["contexts"] if isinstance(each, dict)]
    wanted = context or str(content.get("current-context") or "")
    if wanted not in names:
        asked = f"no context {wanted!r}" if wanted else "no current context"
        raise MalformedSettings(
            f"cluster {cluster}: {path} has {asked} (it has: {', '.join(names) or 'none'})",
            source=str(path),
            next_step="set the cluster's context to one of these",
        )
    return content


def expired_since(authorization: str) -> datetime | None:
    """When a bearer token that tells its end (a JWT) has ended; None when it has not or does not tell."""
    try:
        ends = datetime.fromtimestamp(float(_claims(authorization)["exp"]), UTC)
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
    return ends if ends < datetime.now(UTC) else None


_FROM_SECRET = "kubernetes.io/serviceaccount/secret.name"  # noqa: S105 - the name of a claim


def is_legacy_token(authorization: str) -> bool:
    """Whether a bearer token is a service account's long-lived one out of a Secret: it names the Secret, or it has neither
    an end nor an audience. A projected one has both; a token that tells nothing of itself is not judged."""
    claims = _claims(authorization)
    is_account = str(claims.get("sub", "")).startswith("system:serviceaccount:")
    return _FROM_SECRET in claims or (is_account and not ("exp" in claims and "aud" in claims))


def _claims(authorization: str) -> dict[str, Any]:
    """What a JWT says, unverified: the server verifies. Empty for a token that is none."""
    token = authorization.removeprefix("Bearer ").strip()
    if token.count(".") != 2:
        return {}
    payload = token.split(".")[1]
    try:
        found = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (binascii.Error, ValueError):
        return {}
    return found if isinstance(found, dict) else {}

"""One way to call Slack's Web API: its answers become the desk's errors, its limits are kept, and no token is ever told.

Slack limits each method for itself: after a 429 nothing of that method is sent until the time it named is over, so that a
storm of updates does not hold up an answer to a person.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from api.messengers.contract import (
    MessageGone,
    MessengerBusy,
    MessengerUnreachable,
    PlaceUnknown,
    PostUnanswered,
    TooLate,
)
from knowledge.errors import AccessDenied, BadInput, OpsdeskError

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

CALL_SECONDS = 10
DEFAULT_RETRY_SECONDS = 30.0
_ITS_TROUBLE = frozenset(
    {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}
)
_ACCESS = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "ekm_access_denied",
        "access_denied",
        "org_login_required",
        "two_factor_setup_required",
        "team_access_not_granted",
    }
)
_NO_PLACE = frozenset(
    {
        "channel_not_found",
        "not_in_channel",
        "is_archived",
        "thread_not_found",
        "restricted_action",
        "restricted_action_read_only_channel",
        "user_not_in_channel",
        "user_not_found",
        "user_not_visible",
        "cannot_dm_bot",
        "messages_tab_disabled",
    }
)
_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
_TOO_LATE = frozenset({"expired_trigger_id", "invalid_trigger_id", "trigger_exchanged", "exchanged_trigger_id"})
_POSTS = frozenset({"chat.postMessage", "files.completeUploadExternal"})
_INVITE = "invite the app into the channel (/invite), or name another in the settings"
_REINSTALL = "look at the app's token and scopes, then run: opsdesk doctor"


class SlackCalls:
    """``now``: monotonic seconds."""

    def __init__(self, client: AsyncWebClient, now: Callable[[], float] = time.monotonic) -> None:
        self._client, self._now = client, now
        self._shut_until: dict[str, float] = {}

    async def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Slack's answer. Raises the errors that the messenger's contract names."""
        from aiohttp import ClientConnectorError, ClientError
        from slack_sdk.errors import SlackApiError, SlackClientError

        self._check_shut(method)
        try:
            response = (
                await self._client.api_call(method, json=arguments)
                if _takes_json(method)
                else (await self._client.api_call(method, params=arguments))
            )
        except SlackApiError as error:
            raise self._told(method, error.response) from None
        except ClientConnectorError:
            raise MessengerUnreachable("Slack does not answer", next_step=_WAIT) from None
        except (TimeoutError, ClientError, OSError, SlackClientError) as error:
            kind = PostUnanswered if method in _POSTS else MessengerUnreachable
            raise kind(f"Slack gave no answer to {method} ({type(error).__name__})", next_step=_WAIT) from None
        data = response.data
        return data if isinstance(data, dict) else {}

    def _check_shut(self, method: str) -> None:
        left = self._shut_until.get(method, 0.0) - self._now()
        if left > 0:
            raise MessengerBusy(f"Slack takes no {method} for {left:.0f} s more", retry_after_seconds=left)

    def _told(self, method: str, response: Any) -> OpsdeskError:
        """The error that a refusal stands for. What was sent is never repeated in it."""
        status = int(getattr(response, "status_code", 0) or 0)
        data = response.data if isinstance(getattr(response, "data", None), dict) else {}
        code = str(data.get("error", "")) if isinstance(data, dict) else ""
        if status == 429 or code in {"ratelimited", "rate_limited"}:
            seconds = _seconds(response.headers)
            self._shut_until[method] = self._now() + seconds
            return MessengerBusy(f"Slack limits {method}", retry_after_seconds=seconds)
        if status >= 500 or code in _ITS_TROUBLE or not code:
            kind = PostUnanswered if method in _POSTS and code in {"", "fatal_error"} else MessengerUnreachable
            return kind(f"Slack is in trouble ({code or f'HTTP {status}'})", next_step=_WAIT)
        if code in _ACCESS:
            needed = f", needs the scope {data['needed']}" if data.get("needed") else ""
            return AccessDenied(f"Slack refuses {method}: {code}{needed}", next_step=_REINSTALL)
        if code in _GONE:
            return MessageGone(f"the message is gone from Slack ({code})")
        if code in _NO_PLACE:
            return PlaceUnknown(f"Slack refuses the place: {code}", next_step=_INVITE)
        if code in _TOO_LATE:
            return TooLate("too much time has passed since the button was pressed", next_step="press it again")
        detail = "; ".join(str(one) for one in (data.get("response_metadata") or {}).get("messages", ())[:3])
        return BadInput(f"Slack refuses {method}: {code} {detail[:300]}".strip())


_WAIT = "nothing is lost: it is tried again"


def _takes_json(method: str) -> bool:
    """Reading methods and the file ones take form arguments only."""
    return method.startswith(("chat.", "views.", "conversations.open")) or method == "files.completeUploadExternal"


def _seconds(headers: Any) -> float:
    """``Retry-After``, within reason."""
    for name in ("Retry-After", "retry-after"):
        value = headers.get(name) if headers else None
        if isinstance(value, list):
            value = value[0] if value else None
        if value is not None and str(value).isdigit():
            return min(max(float(value), 1.0), 3_600.0)
    return DEFAULT_RETRY_SECONDS

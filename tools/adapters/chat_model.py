"""A chat model behind any OpenAI-compatible URL: OpenAI, vLLM, SGLang, Ollama, a gateway. It is given texts, never tools."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from knowledge.errors import ModelAnswerInvalid, ModelUnavailable
from knowledge.vocabulary import Json
from tools.adapters.model_answer import UnfitAnswer, added, parse_json, usage_of, without_thoughts
from tools.ports import ModelAnswer, ModelUsage
from tools.redaction import redact_text

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage
    from langchain_openai import ChatOpenAI

METHODS = ("json_schema", "json_mode", "prompt")
MOST_UNFIT = 2
"""Answers that do not fit their schema, before the model is given up for this question."""
LONGEST_WAIT_SECONDS = 5.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ModelProfile:
    """A named model. ``timeout_seconds`` is for one try; ``max_retries`` counts further tries when the server is busy or
    away; ``structured`` is how it is asked for JSON (json_schema, json_mode, prompt): a server that refuses one way is asked
    the next. Prices are for a million tokens, in the site's own currency."""

    name: str
    base_url: str
    model: str
    api_key: str = "none"
    timeout_seconds: float = 30.0
    max_retries: int = 1
    input_price_per_million: float = 0.0
    output_price_per_million: float = 0.0
    structured: str = "json_schema"
    temperature: float | None = 0.0


class _Refused(Exception):
    """The server does not take this way of asking (400, 404 of a parameter, 422)."""


class OpenAICompatibleModel:
    """Fills the ChatModel port through LangChain's ChatOpenAI. No network before the first question."""

    def __init__(self, profile: ModelProfile) -> None:
        self._profile = profile
        self._methods = METHODS[METHODS.index(profile.structured) :] if profile.structured in METHODS else METHODS

    @property
    def profile(self) -> str:
        return self._profile.name

    async def answer(
        self, system: str, user: str, *, schema: Json | None = None, max_tokens: int = 2_000
    ) -> ModelAnswer:
        began = time.monotonic()
        if schema is None:
            message, usage = await self._ask([("system", system), ("human", user)], None, max_tokens)
            text, parsed = without_thoughts(_text(message)), None
        else:
            text, parsed, usage = await self._structured(system, user, schema, max_tokens)
        return ModelAnswer(text, parsed, usage, self._profile.model, time.monotonic() - began)

    async def stream(self, system: str, user: str, *, max_tokens: int = 2_000) -> AsyncIterator[str]:
        """Pieces of text as they come; the whole stream may take three times the timeout, one piece no more than it."""
        until = time.monotonic() + 3 * self._profile.timeout_seconds
        async with self._opened(max_tokens) as client:
            pieces = client.astream([("system", system), ("human", user)])
            while True:
                try:
                    async with asyncio.timeout(min(self._profile.timeout_seconds, max(0.0, until - time.monotonic()))):
                        piece = await anext(pieces)
                except StopAsyncIteration:
                    return
                except Exception as error:
                    raise self._failure(error) from error
                if text := _text(piece):
                    yield text

    async def _structured(self, system: str, user: str, schema: Json, max_tokens: int) -> tuple[str, Json, ModelUsage]:
        spent = ModelUsage()
        complaint = ""
        for _ in range(MOST_UNFIT + 1):
            try:
                message, usage = await self._ask_for_json(system, user, schema, complaint, max_tokens)
            except ModelUnavailable as error:
                error.tokens, error.cost = spent.input_tokens + spent.output_tokens, spent.cost
                raise
            spent = added(spent, usage)
            text = _text(message)
            try:
                return without_thoughts(text), parse_json(text, schema), spent
            except UnfitAnswer as error:
                is_cut = message.response_metadata.get("finish_reason") == "length"
                complaint = f"{error}" + (f" (it was cut at {max_tokens} tokens: be brief)" if is_cut else "")
                _log.info("model_answer_unfit", profile=self.profile, complaint=complaint)
        useless = ModelAnswerInvalid(
            f"the model {self._profile.model} gave {MOST_UNFIT + 1} answers that do not fit: {complaint}",
            next_step="use a model that follows instructions better, or set the profile's structured to another way",
        )
        useless.tokens, useless.cost = spent.input_tokens + spent.output_tokens, spent.cost
        raise useless

    async def _ask_for_json(
        self, system: str, user: str, schema: Json, complaint: str, max_tokens: int
    ) -> tuple[AIMessage, ModelUsage]:
        """Asks in the best way that the server has not refused yet."""
        while True:
            method = self._methods[0]
            told = system if method == "json_schema" and not complaint else f"{system}\n\n{_instruction(schema)}"
            asked = (
                f"{user}\n\nYour last answer did not fit: {complaint}. Answer with the JSON object only."
                if complaint
                else user
            )
            try:
                return await self._ask(
                    [("system", told), ("human", asked)], _response_format(method, schema), max_tokens
                )
            except _Refused as error:
                if len(self._methods) == 1:
                    raise ModelUnavailable(str(error), next_step=f"check the model profile {self.profile}") from error
                _log.info("model_refuses_format", profile=self.profile, method=method, reason=str(error))
                self._methods = self._methods[1:]

    async def _ask(
        self, messages: list[tuple[str, str]], response_format: Json | None, max_tokens: int
    ) -> tuple[AIMessage, ModelUsage]:
        async with self._opened(max_tokens) as client:
            bound = client.bind(response_format=response_format) if response_format else client
            message = await self._tried(bound, messages, is_bound=response_format is not None)
        profile = self._profile
        sent = "\n".join(text for _, text in messages)
        return message, usage_of(
            message.usage_metadata,
            sent,
            _text(message),
            profile.input_price_per_million,
            profile.output_price_per_million,
        )

    async def _tried(self, client: Any, messages: list[tuple[str, str]], *, is_bound: bool) -> AIMessage:
        tried = 0
        while True:
            try:
                async with asyncio.timeout(self._profile.timeout_seconds):
                    message: AIMessage = await client.ainvoke(messages)
                    return message
            except Exception as error:
                if is_bound and _status(error) in {400, 404, 415, 422, 501}:
                    raise _Refused(_told(error)) from error
                if tried >= self._profile.max_retries or not _is_worth_retrying(error):
                    raise self._failure(error) from error
                await asyncio.sleep(min(LONGEST_WAIT_SECONDS, _retry_after(error) or 0.2 * 2**tried))
                tried += 1

    @asynccontextmanager
    async def _opened(self, max_tokens: int) -> AsyncIterator[ChatOpenAI]:
        """A client for one question, closed after it: questions come from event loops of their own."""
        import httpx
        from langchain_openai import ChatOpenAI
        from pydantic import SecretStr

        profile = self._profile
        async with httpx.AsyncClient(
            verify=profile.base_url.startswith("https"), timeout=profile.timeout_seconds
        ) as http:
            yield ChatOpenAI(
                base_url=profile.base_url,
                model=profile.model,
                api_key=SecretStr(profile.api_key or "none"),
                timeout=profile.timeout_seconds,
                max_retries=0,
                temperature=profile.temperature,
                # The older name of the bound: servers other than OpenAI's know no other.
                extra_body={"max_tokens": max_tokens},
                stream_usage=True,
                use_responses_api=False,
                http_async_client=http,
            )

    def _failure(self, error: Exception) -> ModelUnavailable:
        profile, status = self._profile, _status(error)
        url = redact_text(profile.base_url)
        if isinstance(error, TimeoutError) or "Timeout" in type(error).__name__:
            return ModelUnavailable(
                f"the model {profile.model} at {url} did not answer within {profile.timeout_seconds:g} seconds",
                next_step="check the server's load, or raise the profile's timeout_seconds",
            )
        if status in {401, 403}:
            return ModelUnavailable(
                f"the model server {url} does not accept our key ({status})",
                next_step=f"set the api_key of the model profile {profile.name}",
            )
        if status == 404:
            return ModelUnavailable(
                f"{url} does not serve the model {profile.model}: {_told(error)}",
                next_step="check the profile's model and base_url (it ends in /v1 on most servers)",
            )
        return ModelUnavailable(
            f"the model server {url} failed: {_told(error)}",
            next_step="check that it runs and can be reached from here",
            retry_after_seconds=_retry_after(error),
        )


def _response_format(method: str, schema: Json) -> Json | None:
    if method == "json_schema":
        name = str(schema.get("title") or "answer").replace(" ", "_")[:64]
        return {"type": "json_schema", "json_schema": {"name": name, "schema": schema}}
    return {"type": "json_object"} if method == "json_mode" else None


def _instruction(schema: Json) -> str:
    return "Answer with one JSON object and nothing else. It has to fit this JSON Schema:\n" + json.dumps(
        schema, ensure_ascii=False
    )


def _text(message: Any) -> str:
    content = message.content
    if isinstance(content, str):
        return content
    return "".join(part if isinstance(part, str) else str(part.get("text", "")) for part in content or ())


def _status(error: Exception) -> int | None:
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def _told(error: Exception) -> str:
    """Servers quote the key that they refuse."""
    return redact_text(f"{type(error).__name__}: {error}"[:500])


def _is_worth_retrying(error: Exception) -> bool:
    """A busy or absent server may come back; a slow one took its whole time already."""
    if isinstance(error, TimeoutError) or "Timeout" in type(error).__name__:
        return False
    status = _status(error)
    return status is None or status in {408, 409, 429} or status >= 500


def _retry_after(error: Exception) -> float | None:
    response = getattr(error, "response", None)
    try:
        return max(0.0, float(response.headers.get("retry-after", ""))) if response is not None else None
    except ValueError:
        return None

"""The chat over HTTP: one message in; its answer as a stream of parts, or whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import AfterValidator, BaseModel, Field, StrictBool

from agent.chat.reply import Answered, Block, Ended, Part
from api.chat import Chat
from api.chat_text import Attachment
from api.web import acts
from api.web.access import Reader, Responder, principal_of_async
from api.web.routes.incidents import Id, Limit
from api.web.routes.strict import api_router
from knowledge.errors import Temporary
from knowledge.ledger.conversations import Conversation, Message
from knowledge.vocabulary import Incident, Language, Principal, TimelineEntry

router = api_router("chat")

BEAT_SECONDS = 15.0


class File(acts.Order):
    name: acts.Name = ""
    text: str = Field(max_length=1_900_000)


class ChatOrder(acts.Order):
    text: Annotated[str, Field(max_length=1_900_000), AfterValidator(acts._said)] = Field(
        description="A question, an order, a hint, or pasted output; Chinese or English.",
        examples=["why is qwen2-7b slow", "把 bge-m3 扩到 4 个副本"],
    )
    conversation_id: acts.Name = Field("", description="Empty: a new conversation.")
    incident_id: acts.Name = Field("", description="Makes a new conversation one about this incident.")
    cluster: acts.Name = Field("", description="Where to look when the words name no cluster.")
    language: Language | None = Field(None, description="Of the answer; default: the question's.")
    zone: Annotated[str, Field(max_length=64)] = Field("", description="The asker's time zone, as Asia/Shanghai; UTC.")
    attachments: Annotated[list[File], Field(max_length=10)] = Field(default_factory=list)
    channel: Literal["web", "cli", "slack", "api"] = "api"
    stream: StrictBool = Field(True, description="false: one JSON answer at the end.")


class ChatAnswer(BaseModel):
    """A whole reply. ``understood_as`` is ``unclear`` where nothing was understood."""

    conversation_id: str
    message_id: str
    understood_as: str
    blocks: list[Block]


class IncidentOrder(acts.Order):
    message_id: acts.Name = Field(description="The desk's message that becomes an incident.")


class SteerOrder(acts.Order):
    text: acts.Said = Field(description="A hypothesis, or something that was seen, in plain words.")


def chat_of(request: Request) -> Chat:
    found: Chat = request.app.state.chat
    return found


ChatOf = Annotated[Chat, Depends(chat_of)]
Asker = Annotated[Principal, Depends(principal_of_async)]


@router.post(
    "/chat",
    summary="Say something to the desk",
    response_model=ChatAnswer,
    responses={
        200: {"content": {"text/event-stream": {}}, "description": "Parts as server-sent events, or one answer"}
    },
)
async def say(order: ChatOrder, chat: ChatOf, principal: Asker) -> ChatAnswer | StreamingResponse:
    """Each event is one part: `begun`, `progress`, `delta`, `answered` (a finished block), `ended`. Nothing is ever executed: a
    change is answered with a reviewed script, which opens as an incident when somebody says so."""
    parts = chat.say(
        principal,
        order.text,
        conversation_id=order.conversation_id,
        incident_id=order.incident_id,
        language=order.language,
        attachments=[Attachment(file.name, file.text) for file in order.attachments],
        zone=order.zone,
        channel=order.channel,
        cluster=order.cluster,
    )
    first = await anext(parts)  # what is wrong with the order is an answer of its own, not a stream
    if order.stream:
        return StreamingResponse(
            _events(first, parts), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
        )
    return await _whole(parts)


async def _events(first: Part, parts: AsyncIterator[Part]) -> AsyncIterator[str]:
    """A proxy that hears nothing for long would end the stream: a look may take half a minute."""
    yield f"data: {first.model_dump_json()}\n\n"
    following = asyncio.ensure_future(anext(parts, None))
    while True:
        done, _ = await asyncio.wait({following}, timeout=BEAT_SECONDS)
        if not done:
            yield ": still here\n\n"
            continue
        part = following.result()
        if part is None:
            return
        yield f"data: {part.model_dump_json()}\n\n"
        following = asyncio.ensure_future(anext(parts, None))


async def _whole(parts: AsyncIterator[Part]) -> ChatAnswer:
    blocks: list[Block] = []
    async for part in parts:
        if isinstance(part, Answered):
            blocks.append(part.answer)
        elif isinstance(part, Ended):
            return ChatAnswer(
                conversation_id=part.conversation_id, message_id=part.message_id, understood_as=part.understood_as,
                blocks=blocks,
            )  # fmt: skip
    raise Temporary("the reply broke off", next_step="ask again; what was answered stands in the conversation")


@router.get("/chat/conversations", summary="My conversations, or those about an incident")
def conversations(
    chat: ChatOf,
    principal: Reader,
    incident_id: Annotated[str, Query(max_length=128)] = "",
    limit: Limit = 50,
    before: Annotated[str, Query(max_length=128)] = "",
) -> list[Conversation]:
    return chat.about(principal, incident_id) if incident_id else chat.conversations(principal, limit, before)


@router.get("/chat/conversations/{conversation_id}/messages", summary="What was said")
def messages(
    conversation_id: Id,
    chat: ChatOf,
    principal: Reader,
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
    before: Annotated[int, Query(ge=0, le=2**31, description="Only messages before this sequence.")] = 0,
) -> list[Message]:
    """Oldest first. What tells of places outside the reader's scope is left out, and says so."""
    return chat.history(principal, conversation_id, limit, before)


@router.post(
    "/chat/conversations/{conversation_id}/incident", status_code=201, summary="Turn an answer into an incident"
)
async def open_incident(conversation_id: Id, order: IncidentOrder, chat: ChatOf, principal: Responder) -> Incident:
    """In the asker's name; a change with exactly the script that was shown. The same answer again: the same incident."""
    return await chat.open_incident(principal, conversation_id, order.message_id)


@router.post("/incidents/{incident_id}/steer", status_code=201, summary="Add a hint to a diagnosis")
async def steer(incident_id: Id, order: SteerOrder, chat: ChatOf, principal: Responder) -> TimelineEntry:
    """Hearsay: it widens where the next look goes and stands among the evidence in its author's name."""
    return await chat.steer(principal, incident_id, order.text)

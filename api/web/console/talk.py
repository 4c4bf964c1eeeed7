"""Talking with the desk in the console: the same engine as in Slack and on the command line, drawn in blocks.

A reply is kept by the engine even when the browser has gone; coming back shows it whole.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

from nicegui import events, ui
from nicegui.element import Element
from pydantic import TypeAdapter, ValidationError
from starlette.concurrency import run_in_threadpool

from agent.chat.reply import Answered, Begun, Block, Chart, Delta, Ended, Offer, Progress
from api.chat_text import MOST_CHARACTERS, Attachment
from api.web.console.charts import chart, is_dark
from api.web.console.frame import Page
from api.web.console.parts import button, confirm, drawn, say, tag
from api.web.console.rendering import visible
from api.web.console.together import once
from api.web.console.visit import sign_in_address, told
from knowledge.errors import NotAuthenticated, OpsdeskError
from knowledge.ledger.conversations import Message
from knowledge.vocabulary import Role

BLOCKS: TypeAdapter[list[Block]] = TypeAdapter(list[Block])
ASK_SECONDS = 2.0
MOST_FILES = 10
MOST_FILE_BYTES = 1_500_000


class Talk:
    """One conversation on a page: what was said, and the field to say more. ``began`` is called when a new one has begun."""

    def __init__(
        self,
        frame: Page,
        *,
        conversation_id: str = "",
        incident_id: str = "",
        examples: Sequence[str] = (),
        began: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self._frame = frame
        self._conversation = conversation_id
        self._incident = incident_id
        self._examples = examples
        self._began = began
        self._files: list[Attachment] = []
        self._zone: str | None = None
        self._dark = False
        self._knows_light = bool(frame.visit.theme)
        self._waiting: list[tuple[Element, Chart]] = []
        """Charts of what was said before: drawn when the browser has said whether the page is dark."""
        self._is_busy = False

    async def build(self) -> None:
        """Draws it where the page is being built. NotFound for a conversation that the reader may not see."""
        word = self._frame.word
        chat, who = self._frame.visit.face.chat, self._frame.visit.principal
        messages: list[Message] = []
        if self._conversation:
            messages = await run_in_threadpool(chat.history, who, self._conversation)
        self._log = tag("div", "talk", role="log", aria_live="polite", aria_label=word("chat.title"))
        with self._log:
            self._empty = tag("div", "talk-empty")
            with self._empty:
                self._teach()
            for message in messages:
                self._show(message)
        self._empty.set_visibility(not messages)
        self._compose()
        ui.timer(0.05, self._learn, once=True)

    async def _learn(self) -> None:
        """What only the browser knows: its light and its zone."""
        self._dark, self._knows_light = await is_dark(self._frame.visit), True
        for place, block in self._waiting:
            with place:
                self._chart(block)
        self._waiting.clear()
        try:
            zone = await ui.run_javascript("Intl.DateTimeFormat().resolvedOptions().timeZone", timeout=ASK_SECONDS)
        except TimeoutError:
            zone = ""
        self._zone = str(zone or "")[:64]
        self._scroll()

    def _teach(self) -> None:
        word = self._frame.word
        tag("p", "dim", text=word("chat.empty"))
        with tag("div", "offers"):
            for example in self._examples:
                button(example, lambda example=example: self.send(example), kind="small offer")

    def _compose(self) -> None:
        word = self._frame.word
        with tag("form", "composer") as form:
            form.on("submit", js_handler="(event) => event.preventDefault()")
            self._field = ui.textarea(word("chat.say")).classes("grow").props("outlined autogrow rows=1")
            self._field.props["maxlength"] = MOST_CHARACTERS
            self._field.on(
                "keydown.enter",
                lambda: self.send(self._field.value or ""),
                js_handler="(event) => { if (event.shiftKey || event.isComposing) return; event.preventDefault(); emit(); }",
            )
            self._upload = ui.upload(on_upload=self._received, auto_upload=True, multiple=True, max_files=MOST_FILES)
            self._upload.props(f"max-file-size={MOST_FILE_BYTES}").classes("hidden-upload")
            self._upload.on("rejected", lambda: say(word("chat.file_refused"), good=False))
            attach = tag("button", "button", type="button", aria_label=word("chat.attach"), title=word("chat.attach"))
            with attach:
                tag("span", "material-icons", text="attach_file", aria_hidden="true")
            attach.on("click", lambda _: self._upload.run_method("pickFiles"))
            self._go = button(word("chat.send"), lambda: self.send(self._field.value or ""), kind="primary")
        self._attached = tag("p", "dim small", aria_live="polite")

    async def _received(self, event: events.UploadEventArguments) -> None:
        """What the browser was told to keep to is asked again: whoever speaks for it may not."""
        raw = await event.file.read()
        if len(self._files) >= MOST_FILES or len(raw) > MOST_FILE_BYTES:
            say(self._frame.word("chat.file_refused"), good=False)
            return
        self._files.append(Attachment.of_bytes(event.file.name[:200], raw))
        self._show_files()

    def _show_files(self) -> None:
        self._attached.clear()
        if self._files:
            with self._attached:
                ui.label(visible(", ".join(one.name for one in self._files)))

    # --- a turn -----------------------------------------------------------------------------------------------------

    async def send(self, text: str) -> None:
        """Says it, and draws the reply as it comes."""
        if self._is_busy or not (text.strip() or self._files):
            return
        visit = self._frame.visit
        self._is_busy = True
        self._go.props["disabled"] = True
        files, self._files = self._files, []
        try:
            principal = await run_in_threadpool(visit.still_signed_in)
            self._empty.set_visibility(False)
            with self._log:
                drawn(visit, "chat_person.html", text=text, files=[one.name for one in files], name=principal.name)
                reply = tag("div", "reply")
            self._field.set_value("")
            self._show_files()
            self._scroll()
            parts = visit.face.chat.say(
                principal,
                text,
                conversation_id=self._conversation,
                incident_id=self._incident,
                attachments=files,
                zone=self._zone or "",
                channel="web",
            )
            await self._stream(parts, reply)
        except NotAuthenticated:
            ui.navigate.to(sign_in_address(visit.request))
        except OpsdeskError as error:
            self._field.set_value(text)
            self._files = files
            self._show_files()
            say(told(error), good=False)
        finally:
            self._is_busy = False
            del self._go.props["disabled"]

    async def _stream(self, parts: Any, reply: Element) -> None:
        with reply:
            looking = ui.label(self._frame.word("chat.looking")).classes("looking")
            writing = ui.label("").classes("pre")
        written = ""
        async for part in parts:
            with reply:
                match part:
                    case Begun():
                        await self._begin(part.conversation_id)
                    case Progress():
                        looking.set_text(visible(part.text))
                    case Delta():
                        written += part.text
                        writing.set_text(visible(written))
                    case Answered():
                        written = ""
                        writing.set_text("")
                        self._block(part.answer, {})
                    case Ended():
                        pass
            self._scroll()
        looking.delete()
        writing.delete()
        await self._settle(reply)

    async def _settle(self, reply: Element) -> None:
        """Draws the reply once more, as it is kept: with the facts that it cites."""
        chat, who = self._frame.visit.face.chat, self._frame.visit.principal
        try:
            messages = await run_in_threadpool(chat.history, who, self._conversation)
        except OpsdeskError:
            return
        if messages and messages[-1].said_by == "desk":
            reply.clear()
            with reply:
                self._blocks(messages[-1])
            self._scroll()

    async def _begin(self, conversation_id: str) -> None:
        if self._conversation:
            return
        self._conversation = conversation_id
        if not self._incident:
            ui.navigate.history.replace(f"/chat?c={quote(conversation_id)}")
        if self._began is not None:
            await self._began()

    def _scroll(self) -> None:
        self._log.run_method("scrollTo", {"top": 10**7})

    # --- drawing ----------------------------------------------------------------------------------------------------

    def _show(self, message: Message) -> None:
        if message.said_by == "person":
            drawn(self._frame.visit, "chat_person.html", text=message.text, files=[], name=message.principal)
            return
        with tag("div", "reply"):
            self._blocks(message)

    def _blocks(self, message: Message) -> None:
        try:
            blocks = BLOCKS.validate_python(message.payload.get("blocks") or [])
        except ValidationError:  # kept by an older version: its words are still there
            blocks = []
        if not blocks:
            drawn(self._frame.visit, "chat_words.html", text=message.text)
        facts = {str(fact.get("id", "")): fact for fact in message.payload.get("evidence") or []}
        for block in blocks:
            self._block(block, facts, message.id)

    def _block(self, block: Block, facts: Mapping[str, Any], message_id: str = "") -> None:
        if block.block == "chart":
            with tag("div", "chat-chart") as place:
                if self._knows_light:
                    self._chart(block)
                else:
                    self._waiting.append((place, block))
        elif block.block == "offers":
            if not message_id:
                return  # they come when the reply is kept: what is taken up is named by it
            with tag("div", "offers"):
                for offer in block.offers:
                    button(offer.label, once(partial(self._take, offer, message_id)), kind="small offer")
        else:
            drawn(self._frame.visit, "chat_block.html", block=block, facts=facts)

    def _chart(self, block: Chart) -> None:
        chart(self._frame.visit, block, dark=self._dark or self._frame.visit.theme == "dark")

    async def _take(self, offer: Offer, message_id: str) -> None:
        if offer.does == "say":
            await self.send(offer.text)
            return
        visit, word = self._frame.visit, self._frame.word
        if not visit.principal.may(Role.RESPONDER):
            say(word("chat.open_needs"), good=False)
            return
        if await confirm(visit, word("chat.open"), offer.text[:400], word("chat.open")) is None:
            return
        try:
            who = await run_in_threadpool(visit.still_signed_in)
            incident = await visit.face.chat.open_incident(who, self._conversation, message_id, channel="web")
        except NotAuthenticated:
            ui.navigate.to(sign_in_address(visit.request))
        except OpsdeskError as error:
            say(told(error), good=False)
        else:
            ui.navigate.to(f"/incidents/{quote(incident.id, safe='')}")

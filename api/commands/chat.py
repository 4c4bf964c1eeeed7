"""`opsdesk ask` and `opsdesk chat`: the chat from a terminal, over the HTTP API with the person's own token."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from api.commands.incidents import AsJson, Cluster, Lang, Namespace, Service, open_client

if TYPE_CHECKING:
    from agent.chat.reply import Block, Offer, Part
    from api.commands.client import DeskClient
    from knowledge.vocabulary import Language

MOST_FILE_BYTES = 1_500_000
HISTORY_LINES = 1_000
ZONES = "zoneinfo/"
_HELP = (
    "/open  turn the last answer into an incident    /new  a new conversation    /incident ID  talk about an incident\n"
    '/help  this    /quit  leave (or Ctrl-D)    a number takes an offer    """ begins and ends a paste of several lines'
)


def register(app: typer.Typer) -> None:
    app.command()(ask)
    app.command()(chat)


def ask(
    question: Annotated[str, typer.Argument(help="Anything, in Chinese or English. `-` reads stdin.")],
    file: Annotated[list[Path] | None, typer.Option(help="A log or transcript to read with it; repeatable.")] = None,
    conversation: Annotated[str, typer.Option(help="Go on with this conversation.")] = "",
    incident: Annotated[str, typer.Option(help="Ask about this incident.")] = "",
    cluster: Cluster = "",
    namespace: Namespace = "",
    service: Service = "",
    lang: Lang = None,
    as_json: AsJson = False,
) -> None:
    """Ask, and read the answer with its citations. Nothing is executed; a change comes back as a reviewed script."""
    from api.commands.files import decoded, read_bounded
    from api.commands.output import console, print_json

    words = decoded(read_bounded("-"), "-") if question == "-" else question
    body = _body(words + _placed(namespace, service), file or [], conversation, incident, cluster, lang)
    with open_client() as client:
        if as_json:
            print_json(client.post("/chat", {**body, "stream": False}))
            return
        talk = _Talk(client, _language(words, lang))
        talk.tell(body)
    if talk.offers:
        console(to_stderr=True).print(
            f"go on: opsdesk ask --conversation {talk.conversation} ...", style="dim", markup=False
        )


def _placed(namespace: str, service: str) -> str:
    """Options as words, for the same reading as words."""
    parts = [f"namespace {namespace}" if namespace else "", f"service {service}" if service else ""]
    told = ", ".join(part for part in parts if part)
    return f" ({told})" if told else ""


def _body(
    words: str, files: list[Path], conversation: str, incident: str, cluster: str, lang: str | None
) -> dict[str, Any]:
    from api.chat_text import Attachment
    from api.commands.files import read_bounded

    attached = [Attachment.of_bytes(one.name, read_bounded(str(one), MOST_FILE_BYTES)) for one in files]
    return {
        "text": words,
        "conversation_id": conversation,
        "incident_id": incident,
        "cluster": cluster,
        "language": lang,
        "zone": local_zone(),
        "channel": "cli",
        "attachments": [{"name": one.name, "text": one.text} for one in attached],
    }


def local_zone() -> str:
    """The machine's time zone by its IANA name; by its whole hours where it has none."""
    from datetime import datetime

    with suppress(OSError):
        target = str(Path("/etc/localtime").resolve())
        if ZONES in target:
            return target.rpartition(ZONES)[2]
    offset = datetime.now().astimezone().utcoffset()
    hours = round(offset.total_seconds() / 3600) if offset else 0
    return f"Etc/GMT{-hours:+d}" if hours else "UTC"


def _language(words: str, lang: str | None) -> Language:
    from agent.reasoning.triage import language_of
    from knowledge.vocabulary import Language

    return Language(lang) if lang else language_of(words)


@dataclass
class _Talk:
    """What the terminal remembers between two messages."""

    client: DeskClient
    language: Language
    conversation: str = ""
    message: str = ""
    offers: list[Offer] = field(default_factory=list)

    def tell(self, body: dict[str, Any]) -> None:
        """Sends one message and prints the answer as it comes."""
        from pydantic import TypeAdapter

        from agent.chat.reply import Part

        read: TypeAdapter[Part] = TypeAdapter(Part)
        self.offers = []
        for data in self.client.parts("/chat", body):
            self._take(read.validate_python(data))

    def _take(self, part: Part) -> None:
        from api.commands.output import clean, console

        match part.part:
            case "begun":
                self.conversation = part.conversation_id
            case "progress":
                console(to_stderr=True).print(clean(part.text), style="dim", markup=False)
            case "delta":
                sys.stderr.write(clean(part.text))
                sys.stderr.flush()
            case "answered":
                self._print(part.answer)
            case "ended":
                self.message = part.message_id

    def _print(self, block: Block) -> None:
        from api.commands.render_chat import print_block, print_offers

        if block.block == "offers":
            self.offers += block.offers
            print_offers(self.offers, self.language)
        else:
            print_block(block, self.language)


def chat(
    conversation: Annotated[str, typer.Option(help="Go on with this conversation.")] = "",
    incident: Annotated[str, typer.Option(help="Talk about this incident.")] = "",
    cluster: Cluster = "",
    lang: Annotated[Literal["zh", "en"] | None, typer.Option(help="Of the answers; default: the question's.")] = None,
) -> None:
    """Talk with the desk: a prompt with history, follow-ups, numbered offers. Ctrl-D ends it."""
    from api.commands.output import clean, console
    from knowledge.errors import OpsdeskError

    _remember_lines()
    with open_client() as client:
        talk = _Talk(client, _language("", lang), conversation)
        console(to_stderr=True).print(_HELP, style="dim", markup=False)
        while True:
            try:
                line = _read()
            except EOFError:
                break
            except KeyboardInterrupt:
                sys.stderr.write("\n")
                continue
            if line.strip() in {"/quit", "/exit", "/q"}:
                break
            try:
                incident = _obey(talk, line.strip(), incident, cluster, lang)
            except KeyboardInterrupt:
                console(to_stderr=True).print("not waited for; the answer is kept in the conversation", style="dim")
            except OpsdeskError as error:
                console(to_stderr=True).print(
                    clean(f"{error.title}: {error.message} {error.next_step}"), style="red", markup=False
                )
    if talk.conversation:
        console(to_stderr=True).print(
            f"go on later: opsdesk chat --conversation {talk.conversation}", style="dim", markup=False
        )


def _obey(talk: _Talk, line: str, incident: str, cluster: str, lang: str | None) -> str:
    """One line: a command, the number of an offer, or a message. Returns the incident that is talked about."""
    from api.commands.output import console

    if not line:
        return incident
    command, _, rest = line.partition(" ")
    match command:
        case "/help":
            console(to_stderr=True).print(_HELP, style="dim", markup=False)
            return incident
        case "/new":
            talk.conversation, talk.message, talk.offers = "", "", []
            return ""
        case "/incident":
            talk.conversation, talk.message, talk.offers = "", "", []
            return rest.strip()
        case "/open":
            _open(talk)
            return incident
    if line.isascii() and line.isdigit() and 1 <= int(line) <= len(talk.offers):
        offer = talk.offers[int(line) - 1]
        if offer.does == "open":
            _open(talk)
            return incident
        line = offer.text
    talk.language = _language(line, lang)
    talk.tell(_body(line, [], talk.conversation, "" if talk.conversation else incident, cluster, lang))
    return incident


def _open(talk: _Talk) -> None:
    from api.commands.output import clean, console
    from knowledge.errors import BadInput

    if not talk.message:
        raise BadInput("there is no answer yet that could become an incident", next_step="ask something first")
    opened = talk.client.post(f"/chat/conversations/{talk.conversation}/incident", {"message_id": talk.message})
    console().print(clean(f"incident {opened['id']} opened: {opened['title']}"), markup=False, style="green")
    console().print(f"next: opsdesk incident show {opened['id']} --follow", markup=False)


def _read() -> str:
    """One message: a line, or the lines between two lines of three quotes."""
    line = input("> " if sys.stdin.isatty() else "")
    if line.strip() != '"""':
        return line
    lines = []
    while (more := input("… " if sys.stdin.isatty() else "")).strip() != '"""':
        lines.append(more)
    return "\n".join(lines)


def _remember_lines() -> None:
    """Arrow keys and the lines of last time, where the terminal has readline. The file is its owner's alone."""
    if not sys.stdin.isatty():
        return
    import atexit

    with suppress(ImportError, OSError):
        import readline

        from api.bootstrap import prepare_home
        from api.settings import Settings

        path = prepare_home(Settings.load()) / "chat_history"
        path.touch(mode=0o600)
        path.chmod(0o600)
        readline.set_history_length(HISTORY_LINES)
        readline.read_history_file(path)
        atexit.register(readline.write_history_file, path)

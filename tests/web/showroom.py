"""A desk that has seen everything once: a story that waits, one that ended, a conversation with every kind of block, a lesson,
a freeze, people of every role. For what looks at all of it: browsers, screenshots, the API's fuzz."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from agent.chat.reply import (
    Block,
    Chart,
    Citation,
    Line,
    Offer,
    Offers,
    ProposedScript,
    Reference,
    Rows,
    Said,
)
from agent.deps import Deps, Options
from api.bootstrap import Desk, open_collectors, utc_now
from api.settings import ClusterSettings, Settings, WebSettings
from api.web.app import create_app
from knowledge.ledger.ledger import Ledger
from knowledge.library import Library
from knowledge.vocabulary import Execution, Lesson, Mode, Role, Ruling, Scope
from tests.agent.small_desk import RunningClock
from tests.chat.rig import ScriptedMetrics
from tests.chat.serving import serving
from tests.library.stand_ins import WordEmbedder
from tests.shared_library import shared_library
from tests.web.conftest import Nudges, Rig
from tests.web.story import HOSTILE, SCRIPT, Story, finish, incident_of, whole_story
from tests.web.test_lessons import CASE
from tools.ports import Cluster, Series
from tools.redaction import redact_text
from tools.safety.policy import Policy

RISING = Series({"namespace": "prod", "pod": "qwen2-7b-0"}, [(at * 30.0 - 1_800.0, 0.4 + at / 20) for at in range(60)])
"""Half an hour of numbers that rise."""


@dataclass
class Showroom:
    """The desk and the names of what is in it."""

    rig: Rig
    waiting: Story
    ended: Story
    execution: Execution
    lesson: str
    conversation: str
    case: str
    document: str
    welcome: str
    """The secret of the first admin's link, and below of an invitation."""
    invitation: str


@contextmanager
def showroom(folder: Path) -> Iterator[Showroom]:
    """Opens one in ``folder``. max may do everything, mia has the roles of an engineer and sees no other place than serving."""
    store = f"sqlite:///{folder / 'ledger.db'}"
    Ledger.upgrade(store)
    web = WebSettings(maximum_body_bytes=300_000)
    clusters = (ClusterSettings(name="prod"), ClusterSettings(name="staging"))
    settings = Settings(home=folder / "home", web=web, clusters=clusters)
    with Ledger.open(store, utc_now, redact=redact_text) as ledger:
        library = Library.open(ledger.library_store, folder / "index", WordEmbedder())
        _shelve(library, folder)
        world = Cluster("prod", serving("prod"), ScriptedMetrics([RISING]), Mode.EXECUTE)
        deps = Deps(
            ledger=ledger,
            library=library,
            clusters={"prod": world},
            collectors=open_collectors(),
            detectors=shared_library(),
            policy=Policy.load(None),
            clock=RunningClock(),
            options=Options(),
            model=None,
        )
        desk = Desk(settings, ledger, deps, Nudges())
        ledger.sources.add("alertmanager", "alertmanager", "bearer", "a-secret-of-the-alertmanager")
        rig = Rig(desk, create_app(desk), Nudges())
        welcome = ledger.credentials.make_welcome(timedelta(hours=1))
        assert welcome
        rig.person("max", *Role)
        rig.person("vera", Role.VIEWER)
        rig.person("rui", Role.VIEWER, Role.RESPONDER)
        rig.person("ana", Role.VIEWER, Role.APPROVER)
        rig.person("ada", Role.ADMIN)
        rig.person("mia", Role.VIEWER, Role.RESPONDER, scope=Scope(clusters=("prod",), namespaces=("serving",)))
        yield _furnished(rig, welcome)
        library.close()


def _shelve(library: Library, folder: Path) -> None:
    """Some of the cases and documents that come with the desk; the search is opened, which takes its seconds once."""
    bundled = Path(__file__).parents[2] / "knowledge"
    for kind, most in (("cases", 14), ("documents", 4)):
        (folder / kind).mkdir()
        for source in sorted((bundled / kind).rglob("*.md"), key=lambda path: path.name)[:most]:
            shutil.copy(source, folder / kind / source.name)
    library.load_bundled(folder / "cases", folder / "documents")
    library.find("gpu memory", limit=1, reach=Scope())


def _furnished(rig: Rig, welcome: str) -> Showroom:
    ledger = rig.ledger
    waiting = whole_story(ledger)
    ended = whole_story(ledger, key="ended", service="bge-m3", summary="bge-m3 has no ready replica for 3 minutes")
    execution = finish(ledger, ended, outcome="same")
    incident_of(ledger, "other", namespace="training", service="finetune", summary="finetune has stopped logging steps")
    ledger.lessons.propose(
        Lesson(id="les-shown", proposed_by="rui", case_id="nginx-reload", markdown=CASE, created_at=utc_now())
    )
    library = rig.desk.library
    return Showroom(
        rig=rig,
        waiting=waiting,
        ended=ended,
        execution=execution,
        lesson="les-shown",
        conversation=_conversation(rig, waiting),
        case=next(row.key[1] for row in library.entries("cases")),
        document=next((row.key[1] for row in library.entries("documents")), ""),
        welcome=welcome,
        invitation=ledger.credentials.invite("vera", timedelta(hours=1), actor="max"),
    )


def _conversation(rig: Rig, story: Story) -> str:
    conversations = rig.ledger.conversations
    opened = conversations.open("max", "why is qwen2-7b slow", "web")
    conversations.say(opened.id, "person", "max", "why is qwen2-7b slow")
    blocks = [block.model_dump(mode="json") for block in _blocks(story)]
    conversations.say(opened.id, "desk", "max", "The queue is long.", {"blocks": blocks})
    conversations.say(opened.id, "person", "max", f"And this?\n{HOSTILE}")
    said = Said(text="I did not understand all of it.", tone="warning").model_dump(mode="json")
    conversations.say(opened.id, "desk", "max", "I did not understand all of it.", {"blocks": [said]})
    return str(opened.id)


def _blocks(story: Story) -> tuple[Block, ...]:
    onset = utc_now().replace(microsecond=0) - timedelta(minutes=20)
    times = [onset + timedelta(minutes=minute) for minute in range(-20, 20)]
    points = tuple((at, 4.0 + at.minute % 3 if at > onset else 0.4) for at in times)
    cited = Citation(kind="evidence", id=story.evidence[0].id, title="Failed to pull image")
    return (
        Said(text="The queue is long because one replica of two is gone [1].", citations=(cited,)),
        Rows(
            title="Pods",
            columns=("Pod", "Status", "Node"),
            rows=(
                ("qwen2-7b-6c9d8f-x2x7k", "ImagePullBackOff", "gpu-07"),
                ("qwen2-7b-6c9d8f-b4k2p", "Running", "gpu-08"),
            ),
            left_out=3,
        ),
        Chart(
            title="Requests that wait",
            query='sum(vllm:num_requests_waiting{namespace="serving"})',
            unit="",
            lines=(Line(label="qwen2-7b", points=points),),
            onset=onset,
        ),
        ProposedScript(script=SCRIPT, ruling=Ruling.ONE, reasons=("a change of a workload needs an approver",)),
        Reference(incident_id=story.incident.id, title=story.incident.title, status="awaiting_approval"),
        Offers(
            offers=(
                Offer(label="What changed?", does="say", text="what changed in the last hour"),
                Offer(label="Open an incident", does="open", text=SCRIPT),
            )
        ),
    )

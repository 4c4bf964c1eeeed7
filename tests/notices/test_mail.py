"""E-mail against a real SMTP server: TLS, sign-in, refusals, threads, and whatever telemetry may hold."""

from __future__ import annotations

import asyncio
import email
import email.policy
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from api.notices.contract import Address, AddressUnknown, Fact, Notice, NoticeKind
from api.notices.mail import EmailChannel, MailRefused, MailUndeliverable
from api.notices.options import EmailSettings, PersonSettings
from knowledge.errors import Permanent, Temporary
from knowledge.vocabulary import Language, Severity, Text

AT = datetime(2026, 3, 2, 4, 5, tzinfo=UTC)
TO = Address(to="oncall@example.com", zone="Asia/Shanghai")


class Mailbox:
    """Keeps what comes in, or answers what the test says."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.tls: list[bool] = []
        self.signed_in: list[bool] = []
        self.answers: dict[str, str] = {}

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if "RCPT" in self.answers:
            return self.answers["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if "DATA" in self.answers:
            return self.answers["DATA"]
        content = envelope.content
        assert isinstance(content, bytes)
        mail = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.tls.append(session.ssl is not None)
        self.signed_in.append(bool(session.authenticated))
        return "250 kept"


def authenticator(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"opsdesk", b"right-password")
    return AuthResult(success=good, handled=False)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Self-signed, for localhost; key and certificate in one file."""
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    key = path.with_suffix(".key")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(path)],
        check=True, capture_output=True,
    )  # fmt: skip
    path.write_text(path.read_text() + key.read_text())
    return path


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@contextmanager
def serving(mailbox: Mailbox, certificate: Path | None = None, *, must_sign_in: bool = False) -> Iterator[int]:
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(
        mailbox, hostname="127.0.0.1", port=port, tls_context=context, require_starttls=certificate is not None,
        authenticator=authenticator if must_sign_in else None, auth_required=must_sign_in, auth_require_tls=True,
    )  # fmt: skip
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def channel(port: int, *people: PersonSettings, language: Language = Language.EN, **given: Any) -> EmailChannel:
    settings = EmailSettings.model_validate(
        {
            "host": "localhost",
            "port": port,
            "security": "none",
            "sender": "opsdesk <opsdesk@desk.example>",
            "timeout_seconds": 5,
        }
        | given
    )
    return EmailChannel(settings, people, language=language, now=lambda: AT)


def notice(
    id: str = "hap-1", *, title: str = "vllm is slow", body: str = "waits for 1 approver", **more: Any
) -> Notice:
    given = {
        "id": id,
        "kind": NoticeKind.WAITING_FOR_APPROVAL,
        "incident": "inc-1",
        "severity": Severity.HIGH,
        "title": Text(en=title, zh=f"{title} 中"),
        "body": Text(en=body, zh=f"{body} 中"),
        "facts": (Fact(name=Text(en="Runs out", zh="截止时间"), value=Text(en="", zh=""), at=AT),),
        "link": "https://desk.example/incidents/inc-1",
        "at": AT,
    }
    return Notice.model_validate(given | more)


def parts(mail: EmailMessage) -> tuple[str, str]:
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    return plain.get_content().replace("\r\n", "\n"), html.get_content()


async def test_mail_arrives_in_both_languages_with_times_in_the_reader_s_zone(mailbox: Mailbox) -> None:
    with serving(mailbox) as port:
        await channel(port, language=Language.ZH).send(notice(), TO)
    (mail,) = mailbox.mails
    plain, html = parts(mail)
    assert mail["To"] == "oncall@example.com"
    assert mail["Subject"] == "vllm is slow 中"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert plain.index("waits for 1 approver 中") < plain.index("waits for 1 approver\n")
    assert "2026-03-02 12:05 UTC+08:00" in plain
    assert '<a href="https://desk.example/incidents/inc-1">' in html


async def test_mails_of_one_incident_are_one_thread_and_a_repeated_one_keeps_its_id(mailbox: Mailbox) -> None:
    with serving(mailbox) as port:
        sender = channel(port)
        await sender.send(notice("hap-1"), TO)
        await sender.send(notice("hap-2"), TO)
        await sender.send(notice("hap-2"), TO)
        await sender.send(notice("hap-3", incident="inc-2"), TO)
    first, second, again, other = mailbox.mails
    assert first["References"] == second["References"] != other["References"]
    assert second["Message-ID"] == again["Message-ID"] != first["Message-ID"]


@pytest.mark.parametrize(
    "trick",
    [
        "<script>alert(1)</script>",
        '"><img src=http://evil.example/x onerror=1>',
        "a\r\nBcc: evil@example.com\r\n\r\nhello",
        "\x1b[31mred\x1b[0m \x00 \u202egnp.exe",
        "</pre></td></table><a href='javascript:1'>x</a>",
        "=?utf-8?q?encoded?=",
        "\ud800 lone",
        "." * 3 + "\n.\nQUIT\n",
    ],
)
async def test_mail_shows_telemetry_as_text_whatever_it_holds(mailbox: Mailbox, trick: str) -> None:
    shown = notice(
        title=trick,
        body=trick,
        incident_title=trick,
        facts=(Fact(name=Text(en="Script", zh="脚本"), value=Text(en=f"x\n{trick}", zh=trick)),),
    )
    with serving(mailbox) as port:
        await channel(port).send(shown, TO)
    (mail,) = mailbox.mails
    plain, html = parts(mail)
    assert mail["Bcc"] is None
    assert mail["To"] == "oncall@example.com"
    assert not set("\x1b\x00\u202e") & set(plain + html + mail["Subject"])
    found = Tags()
    found.feed(html)
    assert found.names <= {
        "html",
        "head",
        "meta",
        "body",
        "div",
        "h2",
        "p",
        "table",
        "tr",
        "th",
        "td",
        "pre",
        "a",
        "br",
        "hr",
        "small",
    }
    assert found.links == {"https://desk.example/incidents/inc-1"}


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        given = dict(attrs)
        assert not {"src", "onerror", "onclick"} & given.keys()
        if given.get("href"):
            self.links.add(str(given["href"]))


async def test_link_is_no_link_when_it_is_not_of_the_web(mailbox: Mailbox) -> None:
    with serving(mailbox) as port:
        await channel(port).send(notice(link="javascript:alert(1)"), TO)
    assert "href" not in parts(mailbox.mails[0])[1]


async def test_page_says_so_in_subject_and_priority(mailbox: Mailbox) -> None:
    with serving(mailbox) as port:
        await channel(port).send(notice(is_page=True), TO.model_copy(update={"language": Language.EN}))
    assert mailbox.mails[0]["Subject"] == "LOOK NOW vllm is slow"
    assert mailbox.mails[0]["X-Priority"] == "1"
    assert "中" not in parts(mailbox.mails[0])[0]


async def test_mail_goes_encrypted_and_signed_in_when_starttls_is_asked_for(
    mailbox: Mailbox, certificate: Path
) -> None:
    with serving(mailbox, certificate, must_sign_in=True) as port:
        sender = channel(port, security="starttls", user="opsdesk", password="right-password", ca_file=certificate)
        await sender.send(notice(), TO)
        assert "signed in as opsdesk" in await sender.greet()
    assert (mailbox.tls, mailbox.signed_in) == ([True], [True])


async def test_mail_waits_and_says_why_when_the_sign_in_is_refused(mailbox: Mailbox, certificate: Path) -> None:
    with serving(mailbox, certificate, must_sign_in=True) as port:
        sender = channel(port, security="starttls", user="opsdesk", password="wrong-password", ca_file=certificate)
        with pytest.raises(MailUndeliverable, match="does not accept our sign-in") as refused:
            await sender.send(notice(), TO)
    assert "wrong-password" not in f"{refused.value} {refused.value.next_step}"
    assert mailbox.mails == []


async def test_mail_is_never_sent_in_the_clear_when_the_server_offers_no_starttls(mailbox: Mailbox) -> None:
    with serving(mailbox) as port, pytest.raises(MailUndeliverable, match="STARTTLS") as refused:
        await channel(port, security="starttls").send(notice(), TO)
    assert "does not fall back" in refused.value.next_step
    assert mailbox.mails == []


async def test_mail_is_not_sent_when_nobody_vouches_for_the_certificate(mailbox: Mailbox, certificate: Path) -> None:
    with (
        serving(mailbox, certificate) as port,
        pytest.raises(MailUndeliverable, match="no certificate that is trusted"),
    ):
        await channel(port, security="starttls").send(notice(), TO)
    assert mailbox.mails == []


@pytest.mark.parametrize(
    ("where", "answer", "kind"),
    [
        ("RCPT", "550 no such user", Permanent),
        ("RCPT", "450 mailbox busy", Temporary),
        ("DATA", "554 looks like spam", Permanent),
        ("DATA", "451 try later", Temporary),
    ],
)
async def test_refusal_is_for_good_or_for_now_as_the_server_says(
    mailbox: Mailbox, where: str, answer: str, kind: type[Exception]
) -> None:
    mailbox.answers[where] = answer
    with serving(mailbox) as port, pytest.raises(kind, match=answer[:3]):
        await channel(port).send(notice(), TO)


async def test_mail_waits_when_nobody_answers_or_nothing_sensible() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(MailUndeliverable, match="no answer"):
            await channel(unused.getsockname()[1]).send(notice(), TO)

    async def rude(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(rude, "127.0.0.1", 0)
    async with server:
        with pytest.raises(MailUndeliverable):
            await channel(server.sockets[0].getsockname()[1]).send(notice(), TO)


async def test_person_is_reached_at_the_mailbox_of_the_settings(mailbox: Mailbox) -> None:
    wei = PersonSettings(principal="Wei", email="wei@example.com")
    person: Callable[[str], Address] = lambda name: Address(kind="person", to=name)  # noqa: E731
    with serving(mailbox) as port:
        sender = channel(port, wei)
        assert await sender.knows(person("wei"))
        assert not await sender.knows(person("mei"))
        assert not await sender.knows(Address(kind="origin", to="inc-1"))
        await sender.send(notice(), person("wei"))
        with pytest.raises(AddressUnknown):
            await sender.send(notice(), person("mei"))
    assert [mail["To"] for mail in mailbox.mails] == ["wei@example.com"]


def test_refused_is_permanent_and_undeliverable_is_not() -> None:
    assert issubclass(MailRefused, Permanent)
    assert issubclass(MailUndeliverable, Temporary)

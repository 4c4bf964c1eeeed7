"""Notices by e-mail. One message a notice, text and HTML, in one thread for each incident; TLS unless the site says otherwise."""

from __future__ import annotations

import asyncio
import hashlib
import html
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from email.headerregistry import Address as Mailbox
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

from api.notices.contract import Address, AddressUnknown, Notice
from api.notices.options import EmailSettings, PersonSettings
from api.notices.texts import Written, subject_of, written
from api.web.console.rendering import visible
from api.web.words import word
from knowledge.errors import OpsdeskError, Permanent, Temporary
from knowledge.vocabulary import Language

LONGEST_SUBJECT = 200
GREETING = "opsdesk"


class MailRefused(Permanent):
    """The server says that it will never take this message."""

    title = "mail refused"


class MailUndeliverable(Temporary):
    """No answer, not now, or not with our sign-in: which a person may put right before the message is given up."""

    title = "mail server does not take it"


class EmailChannel:
    """Speaks SMTP with one server; every message has a connection of its own, so that a broken one spoils nothing."""

    name = "email"

    def __init__(
        self,
        settings: EmailSettings,
        people: Sequence[PersonSettings],
        *,
        language: Language,
        now: Callable[[], datetime],
    ) -> None:
        self._settings, self._language, self._now = settings, language, now
        self._mailboxes = {one.principal.casefold(): one.email for one in people if one.email}

    async def knows(self, address: Address) -> bool:
        if address.kind == "named":
            return True
        return address.kind == "person" and address.to.casefold() in self._mailboxes

    async def send(self, notice: Notice, address: Address) -> None:
        message = self.message(notice, address)
        await asyncio.to_thread(self._deliver, message)

    async def greet(self) -> str:
        return await asyncio.to_thread(self._greeted)

    def message(self, notice: Notice, address: Address) -> EmailMessage:
        """The mail as it goes out. AddressUnknown for a person without a mailbox."""
        to = self._mailbox_of(address)
        message = EmailMessage()
        message["From"] = _sender(self._settings.sender)
        message["To"] = to
        message["Subject"] = visible(subject_of(notice, address, self._language)).replace("\n", " ")[:LONGEST_SUBJECT]
        message["Date"] = format_datetime(self._now())
        domain = parseaddr(self._settings.sender)[1].partition("@")[2]
        place = hashlib.sha256(address.key.encode()).hexdigest()[:12]
        message["Message-ID"] = f"<{_word(notice.id)}.{place}@{domain}>"
        if notice.incident:
            thread = f"<{_word(notice.incident)}.{place}@{domain}>"  # no message has this id: it is the thread's name
            message["In-Reply-To"] = thread
            message["References"] = thread
            message["X-Opsdesk-Incident"] = _word(notice.incident)
        message["X-Opsdesk-Kind"] = notice.kind.value
        message["Auto-Submitted"] = "auto-generated"  # nobody's absence notice answers it (RFC 3834)
        if notice.is_page:
            message["Importance"] = "high"
            message["X-Priority"] = "1"
        parts = written(notice, address, self._language)
        message.set_content(_plain(parts, notice.link))
        message.add_alternative(_html(parts, notice.link), subtype="html")
        return message

    def _mailbox_of(self, address: Address) -> str:
        if address.kind == "named":
            return address.to
        mailbox = self._mailboxes.get(address.to.casefold()) if address.kind == "person" else None
        if mailbox is None:
            raise AddressUnknown(f"no mail address of {address.to} is known", next_step="add it under notices.people")
        return mailbox

    def _deliver(self, message: EmailMessage) -> None:
        with self._told(), self._connected() as server:
            refused = server.send_message(message)
            if refused:  # of several: here there is one
                raise _refusal(*next(iter(refused.values())))

    def _greeted(self) -> str:
        with self._told(), self._connected() as server:
            server.noop()
            signed_in = f", signed in as {self._settings.user}" if self._settings.user else ""
            return f"{self._settings.host}:{self._settings.port} ({self._settings.security}{signed_in})"

    def _connected(self) -> smtplib.SMTP:
        """Greeted, encrypted as the settings say, and signed in. A server without STARTTLS is not spoken to in the clear."""
        settings = self._settings
        context = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
        timeout = settings.timeout_seconds
        if settings.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(settings.host, settings.port, timeout=timeout, context=context)
        else:
            server = smtplib.SMTP(settings.host, settings.port, timeout=timeout)
        try:
            server.ehlo(GREETING)
            if settings.security == "starttls":
                server.starttls(context=context)
                server.ehlo(GREETING)
            if settings.user:
                server.login(settings.user, settings.password.get_secret_value())
        except BaseException:
            server.close()
            raise
        return server

    def _told(self) -> _Troubles:
        return _Troubles(f"{self._settings.host}:{self._settings.port}")


class _Troubles:
    """Turns what smtplib raises into the desk's errors. A password is in none of them: servers do not repeat it, and what they
    say is cut."""

    def __init__(self, server: str) -> None:
        self._server = server

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OpsdeskError) or error is None:
            return
        if isinstance(error, smtplib.SMTPException | OSError):
            raise self._meant(error) from error

    def _meant(self, error: smtplib.SMTPException | OSError) -> OpsdeskError:
        if isinstance(error, smtplib.SMTPAuthenticationError):
            step = "check notices.email.user and password"
            return MailUndeliverable(f"{self._server} does not accept our sign-in ({error.smtp_code})", next_step=step)
        if isinstance(error, smtplib.SMTPRecipientsRefused):
            return _refusal(*next(iter(error.recipients.values())))
        if isinstance(error, smtplib.SMTPResponseException):
            return _refusal(error.smtp_code, error.smtp_error)
        if isinstance(error, smtplib.SMTPNotSupportedError):
            step = "set notices.email.security to what the server offers; opsdesk does not fall back by itself"
            return MailUndeliverable(f"{self._server}: {error}", next_step=step)
        if isinstance(error, ssl.SSLCertVerificationError):
            step = "give the site's authority as notices.email.ca_file"
            return MailUndeliverable(f"{self._server} shows no certificate that is trusted", next_step=step)
        if isinstance(error, socket.gaierror):
            return MailUndeliverable(f"no host {self._server} is known", next_step="check notices.email.host")
        return MailUndeliverable(f"no answer from {self._server}: {str(error)[:200] or type(error).__name__}")


def _refusal(code: int, said: bytes | str) -> OpsdeskError:
    words = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    told = f"the mail server answered {code}: {visible(' '.join(words.split()))[:200]}"
    if 500 <= code < 600:
        return MailRefused(told, next_step="check the address, and whether the server relays for the desk")
    return MailUndeliverable(told)


def _sender(told: str) -> Mailbox:
    name, address = parseaddr(told)
    user, _, domain = address.rpartition("@")
    return Mailbox(display_name=name, username=user, domain=domain)


def _word(text: str) -> str:
    """Ids are ours, but headers take no chances."""
    return "".join(one if one.isascii() and (one.isalnum() or one in "-._") else "-" for one in text)[:120]


def _plain(parts: Sequence[Written], link: str) -> str:
    return "\n\n".join(_plain_part(part, link) for part in parts) + "\n"


def _plain_part(part: Written, link: str) -> str:
    colon = "：" if part.language is Language.ZH else ": "
    lines = [visible(part.title), ""]
    if part.body:
        lines += [visible(part.body), ""]
    for name, value in part.facts:
        shown = visible(value)
        told = "\n" + _indented(shown) if "\n" in shown.strip() else shown.strip()
        lines.append(f"{name}{colon}{told}")
    if link:
        lines += ["", link]
    lines += ["", "-- ", word("notices.footer", part.language)]
    return "\n".join(lines)


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.strip().split("\n"))


def _html(parts: Iterable[Written], link: str) -> str:
    """No style sheet, no picture, nothing that is loaded from anywhere; colours are the reader's own, light or dark."""
    inner = "<hr>".join(_html_part(part, link) for part in parts)
    return (
        '<!doctype html><html><head><meta charset="utf-8"><meta name="color-scheme" content="light dark"></head>'
        f'<body style="font-family: system-ui, sans-serif; max-width: 44rem; line-height: 1.5">{inner}</body></html>'
    )


def _html_part(part: Written, link: str) -> str:
    rows = "".join(
        f'<tr><th scope="row" align="left" valign="top" style="padding: 2px 12px 2px 0">{_shown(name)}</th>'
        f"<td>{_html_value(value)}</td></tr>"
        for name, value in part.facts
    )
    body = f"<p>{_shown(part.body)}</p>" if part.body else ""
    open_it = word("notices.open_link", part.language)
    button = f'<p><a href="{html.escape(link, quote=True)}">{_shown(open_it)}</a></p>' if _is_web(link) else ""
    footer = f"<p><small>{_shown(word('notices.footer', part.language))}</small></p>"
    return (
        f'<div lang="{part.language.value}"><h2 style="font-size: 1.1rem">{_shown(part.title)}</h2>'
        f"{body}<table>{rows}</table>{button}{footer}</div>"
    )


def _html_value(value: str) -> str:
    text = value.strip()
    if "\n" in text:
        return f'<pre style="white-space: pre-wrap; margin: 0">{html.escape(visible(text))}</pre>'
    return _shown(text)


def _shown(text: str) -> str:
    return html.escape(visible(text)).replace("\n", "<br>")


def _is_web(link: str) -> bool:
    return link.startswith(("https://", "http://"))

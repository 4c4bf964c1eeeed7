"""Approving and rejecting from a chat platform: a press opens the review once more, the form's answer is the vote.

Every check is the desk's own, at the moment of the vote (``api.web.acts``): role, scope, requester, person, digest, expiry. What
the platform sends back with the press says only which request and which digest the person had before their eyes.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from pydantic import ValidationError

from api.bootstrap import Desk, utc_now
from api.messengers.contract import Account, Messenger, Place, PlaceUnknown, TooLate
from api.messengers.linking import Linking, said
from api.messengers.links import Links
from api.messengers.message import Entry, Form, Message, Paragraph
from api.messengers.review_message import APPROVE, button_value, confirmation_pieces, read_button
from api.review_view import ReviewView
from api.web.words import word
from knowledge.errors import BadInput, OpsdeskError, WrongState
from knowledge.vocabulary import ApprovalStatus, Decision, Language

REASON = "reason"
LANGUAGE_SECONDS = 0.6
"""A form has to be open three seconds after the press: whoever's language is not known by then reads the desk's."""

log = structlog.get_logger("opsdesk.messengers")


@dataclass(frozen=True)
class Outcome:
    """What to show to who voted. ``is_about_reason``: only what they typed was wrong, they may mend it."""

    form: Form
    is_recorded: bool
    is_about_reason: bool = False


@dataclass
class Deciding:
    desk: Desk
    messenger: Messenger
    linking: Linking
    links: Links
    nudge: Callable[[], None] = lambda: None

    async def open(self, account: Account, place: Place, trigger: str, does: str, value: str) -> None:
        """A button was pressed: the form, or a word to this person alone on why not."""
        language = await self._language(account)
        try:
            form = await asyncio.to_thread(self._form, account, does, value, language)
        except OpsdeskError as error:
            why = " ".join(part for part in (error.message, error.next_step) if part)
            stale = word("messenger_review.stale", language, why=why)
            await self._whisper(account, place, said(stale) if isinstance(error, WrongState) else said(why))
            self.nudge()  # a stale button is on a message that is out of date
            return
        if isinstance(form, Message):
            await self._whisper(account, place, form)
            return
        try:
            await self.messenger.open_form(trigger, form)
        except TooLate as error:
            await self._whisper(account, place, said(error.message, error.next_step))

    async def vote(self, account: Account, does: str, value: str, reason: str) -> Outcome:
        language = await self._language(account)
        try:
            told = await asyncio.to_thread(self._vote, account, does, value, reason, language)
        except BadInput as error:
            if does != APPROVE and not reason.strip():
                missing = word("messenger_review.reason_missing", language)
                return Outcome(self._said("not_recorded", missing, language), False, is_about_reason=True)
            return Outcome(self._failed(error, language), is_recorded=False)
        except OpsdeskError as error:
            self.nudge()
            return Outcome(self._failed(error, language), is_recorded=False)
        self.nudge()
        return Outcome(self._said("recorded", told, language), is_recorded=True)

    def slow(self, language: Language) -> Form:
        return self._said("recorded", word("messenger_review.slow", language), language)

    async def _language(self, account: Account) -> Language:
        known = None
        with contextlib.suppress(OpsdeskError, TimeoutError):
            known = (await asyncio.wait_for(self.messenger.person(account), LANGUAGE_SECONDS)).language
        return known or self.desk.settings.desk.language

    def _form(self, account: Account, does: str, value: str, language: Language) -> Form | Message:
        """Blocking. Raises whatever the vote itself would be refused with, as far as it can be known before."""
        from api.web import acts
        from api.web.access import incident_within
        from api.web.deciding import may_decide
        from knowledge.ledger.voting import state_error

        principal = self.linking.principal_of(account)
        if principal is None:
            return self.linking.how_to_link(language)
        approval_id, digest = read_button(value)
        request = acts.approval_within(self.desk, principal, approval_id)
        if request.status is not ApprovalStatus.WAITING:
            error = state_error(request)
            raise WrongState(error.message, next_step=error.next_step)
        incident = incident_within(self.desk, principal, request.incident_id)
        may = may_decide(self.desk, principal, request, incident)
        if not may.may and may.why_not is not None:
            return said(may.why_not.within(language))
        view = self._view(principal.id, approval_id)
        if not digest == request.digest == view.digest:
            raise WrongState(word("messenger_review.changed", language))
        return self._confirmation(view, does, approval_id, language)

    def _view(self, principal_id: str, approval_id: str) -> ReviewView:
        """The review of this very request, as this person may see it."""
        from api.web.reviewed import Proposal, view_of

        ledger = self.desk.ledger
        principal = ledger.principals.by_id(principal_id)
        approval = ledger.approvals.get(approval_id)
        plan, review = ledger.plans.get(approval.plan_id), ledger.reviews.get(approval.review_id)
        diagnosis = ledger.diagnoses.latest(approval.incident_id)
        return view_of(Proposal(plan, review, approval, diagnosis), principal.scope, utc_now())

    def _confirmation(self, view: ReviewView, does: str, approval_id: str, language: Language) -> Form:
        is_yes = does == APPROVE
        needed = word("messenger_review.reason_needed", language)
        entry = Entry(
            key=REASON,
            label=word("messenger_review.reason", language) if is_yes else needed,
            is_required=not is_yes,
            maximum=2_000,
        )
        return Form(
            title=word("messenger_review.approve_title" if is_yes else "messenger_review.reject_title", language),
            pieces=confirmation_pieces(view, language),
            entries=(entry,),
            does=does,
            value=button_value(approval_id, view.digest),
            submit=word("messenger_review.say_yes" if is_yes else "messenger_review.say_no", language),
            close=word("messenger_review.cancel", language),
            link=self.links.incident(view.incident_id),
            more=word("messengers.more", language),
        )

    def _vote(self, account: Account, does: str, value: str, reason: str, language: Language) -> str:
        """Blocking; what was recorded, in words."""
        from api.web import acts

        principal = self.linking.principal_of(account)
        if principal is None:
            raise WrongState(self.linking.how_to_link(language).plain)
        approval_id, digest = read_button(value)
        decision = Decision.APPROVE if does == APPROVE else Decision.REJECT
        # Validated like the API's body: bounds on what is typed, characters that can be kept.
        try:
            order = acts.DecisionOrder(decision=decision, reason=reason, digest=digest)
        except ValidationError as error:
            raise BadInput(error.errors()[0]["msg"].removeprefix("Value error, ")) from None
        decided = acts.decide(self.desk, principal, approval_id, order)
        log.info("messenger_vote", approval=approval_id, principal=principal.id, decision=decision.value)
        state = word(f"approval_status.{decided.status.value}", language)
        key = "approved" if decision is Decision.APPROVE else "rejected"
        return word(f"messenger_review.{key}", language, state=f"({state})")

    def _failed(self, error: OpsdeskError, language: Language) -> Form:
        why = "\n".join(part for part in (error.message, error.next_step) if part)
        return self._said("not_recorded", why, language)

    def _said(self, title: str, text: str, language: Language) -> Form:
        return Form(
            title=word(f"messenger_review.{title}", language),
            pieces=(Paragraph(text=text),),
            close=word("messenger_review.close", language),
        )

    async def _whisper(self, account: Account, place: Place, message: Message) -> None:
        try:
            await self.messenger.whisper(place, account, message)
        except PlaceUnknown:  # they are not in the channel, or the desk is not
            await self.messenger.post(await self.messenger.direct(account), message, f"whisper:{uuid.uuid4().hex}")

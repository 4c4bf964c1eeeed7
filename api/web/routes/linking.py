"""Linking accounts elsewhere to oneself: the one-time code that is then said over there."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.bootstrap import Desk
from api.web.access import DeskOf, Reader
from api.web.routes.strict import api_router
from knowledge.errors import NotAuthorised
from knowledge.ledger.linked_identities import CODE_LIFE, LinkedIdentity
from knowledge.vocabulary import Principal

router: APIRouter = api_router("desk")


class LinkCode(BaseModel):
    code: str = Field(description="Shown this once. Say `link CODE` to the desk's app in Slack, in a direct message.")
    minutes: int


def make_code(desk: Desk, principal: Principal) -> LinkCode:
    """A code for the asker's own account: the console's page comes here too. It replaces an earlier one."""
    if principal.kind != "person":
        raise NotAuthorised("only persons have accounts elsewhere", next_step="use a person's token")
    code = desk.ledger.linked_identities.make_code(principal.id, actor=principal.id)
    return LinkCode(code=code, minutes=int(CODE_LIFE.total_seconds() // 60))


@router.post("/me/link-code", summary="A code that links an account of a chat platform to me")
def link_code(desk: DeskOf, principal: Reader) -> LinkCode:
    """It holds ten minutes and works once. Whoever says it over there is you from then on: show it to nobody."""
    return make_code(desk, principal)


@router.get("/me/links", summary="The accounts elsewhere that are me")
def links(desk: DeskOf, principal: Reader) -> list[LinkedIdentity]:
    return desk.ledger.linked_identities.of(principal.id)

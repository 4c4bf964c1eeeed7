"""Freezes a plan and judges it. ``review_plan`` is the gate: nothing runs that did not come out of it."""

from tools.review.plan import make_plan
from tools.review.review import review_plan

__all__ = ["make_plan", "review_plan"]

"""The one wrapper of every node: lease, time bound, timeline, and what becomes of an error.

A Temporary error is tried again a few times, inside the node's time. Any other OpsdeskError ends the run at a human with
its reason. What is not an OpsdeskError is a bug: it ends the run too, is shown as one, and is logged with its traceback.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog
from langgraph.errors import GraphBubbleUp
from langgraph.runtime import Runtime

from agent.deps import Deps
from agent.state import IncidentState
from knowledge.errors import LeaseLost, OpsdeskError, Temporary
from knowledge.vocabulary import Text

Update = IncidentState
Node = Callable[[IncidentState, Deps], Awaitable[Update]]


class GraphNode(Protocol):
    """A node as LangGraph calls it."""

    def __call__(self, state: IncidentState, *, runtime: Runtime[Deps]) -> Awaitable[Update]: ...


TRIES = 3
WAITING_STAGES = frozenset({"approve", "execute", "verify", "undo"})
"""Stages that wait for people, for the executor or for a soak: their own deadlines bound them, not the node timeout."""

log = structlog.get_logger("opsdesk.graph")


def guarded(stage: str, node: Node) -> GraphNode:
    """``node`` as LangGraph runs it: one that never raises but for an interrupt or a lost lease."""

    async def run(state: IncidentState, *, runtime: Runtime[Deps]) -> Update:
        deps = runtime.context
        await _keep_lease(deps)
        try:
            update = await _tried(stage, node, state, deps)
        except (GraphBubbleUp, LeaseLost):
            raise  # an interrupt is how a node waits; a lost lease means that another worker has gone on
        except OpsdeskError as error:
            return await _failed(stage, state, deps, error, is_bug=False)
        except TimeoutError:
            slow = Temporary(
                f"{stage} took longer than {deps.options.node_timeout_seconds:.0f} s",
                next_step="see `opsdesk doctor` for a slow back end",
            )
            return await _failed(stage, state, deps, slow, is_bug=False)
        except Exception as error:
            log.exception("node_bug", stage=stage, incident_id=state.get("incident_id", ""))
            return await _failed(stage, state, deps, error, is_bug=True)
        await _keep_lease(deps)
        return update

    run.__name__ = stage
    return run


async def _tried(stage: str, node: Node, state: IncidentState, deps: Deps) -> Update:
    bound = None if stage in WAITING_STAGES else deps.options.node_timeout_seconds
    async with asyncio.timeout(bound):
        for attempt in range(1, TRIES + 1):
            try:
                return await node(state, deps)
            except Temporary as error:
                if attempt == TRIES:
                    raise
                log.info("node_retry", stage=stage, attempt=attempt, reason=error.message)
                await deps.clock.sleep(min(error.retry_after_seconds or 0.5 * attempt, 10.0))
    raise AssertionError("unreachable: the last attempt returns or raises")


async def _keep_lease(deps: Deps) -> None:
    if deps.lease is not None:
        await asyncio.to_thread(deps.lease.keep)


async def _failed(stage: str, state: IncidentState, deps: Deps, error: Exception, *, is_bug: bool) -> Update:
    title = error.title if isinstance(error, OpsdeskError) else type(error).__name__
    next_step = error.next_step if isinstance(error, OpsdeskError) else "report it: this is a bug in opsdesk"
    message = str(error)[:2_000]
    summary = Text(
        en=f"{stage} stopped: {title}: {message}" + (f" (next: {next_step})" if next_step else ""),
        zh=f"{stage} 阶段中止：{title}：{message}" + (f"（下一步：{next_step}）" if next_step else ""),
    )
    fault = {"stage": stage, "title": title, "message": message, "next_step": next_step, "is_bug": is_bug}
    await asyncio.to_thread(deps.ledger.timeline.add, state["incident_id"], stage, "opsdesk", summary, {"error": fault})
    return {"error": fault}

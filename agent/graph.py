"""Every node and every edge, and nothing else."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from agent import routing
from agent.deps import Deps
from agent.nodes import (
    answer,
    approve,
    collect,
    detect,
    diagnose,
    execute,
    hand_over,
    intake,
    learn,
    plan,
    retrieve,
    review,
    triage,
    undo,
    verify,
)
from agent.policy import guarded
from agent.state import IncidentState

Graph = CompiledStateGraph[IncidentState, Deps, IncidentState, IncidentState]


def build_graph(checkpointer: BaseCheckpointSaver[Any] | None = None) -> Graph:
    """The whole desk: alert or ticket in at the top, a state that a person can see at every end."""
    graph = StateGraph(IncidentState, context_schema=Deps)

    graph.add_node("intake", guarded("intake", intake.run))
    graph.add_node("triage", guarded("triage", triage.run))
    graph.add_node("collect", guarded("collect", collect.run))
    graph.add_node("detect", guarded("detect", detect.run))
    graph.add_node("retrieve", guarded("retrieve", retrieve.run))
    graph.add_node("diagnose", guarded("diagnose", diagnose.run))
    graph.add_node("answer", guarded("answer", answer.run))
    graph.add_node("plan", guarded("plan", plan.run))
    graph.add_node("review", guarded("review", review.run))
    graph.add_node("approve", guarded("approve", approve.run))
    graph.add_node("execute", guarded("execute", execute.run))
    graph.add_node("verify", guarded("verify", verify.run))
    graph.add_node("undo", guarded("undo", undo.run))
    graph.add_node("learn", guarded("learn", learn.run))
    graph.add_node("hand_over", guarded("hand_over", hand_over.run))

    human: dict[Hashable, str] = {"hand_over": "hand_over"}
    graph.add_edge(START, "intake")
    graph.add_conditional_edges("intake", routing.after_intake, {"triage": "triage", **human})
    graph.add_conditional_edges("triage", routing.after_triage, {"collect": "collect", "plan": "plan", **human})
    graph.add_conditional_edges("collect", routing.after_collect, {"detect": "detect", **human})
    graph.add_conditional_edges("detect", routing.after_detect, {"retrieve": "retrieve", **human})
    graph.add_conditional_edges("retrieve", routing.after_retrieve, {"diagnose": "diagnose", **human})
    graph.add_conditional_edges("diagnose", routing.after_diagnose, {"collect": "collect", "answer": "answer", **human})
    graph.add_conditional_edges("answer", routing.after_answer, {"plan": "plan", "end": END, **human})
    graph.add_conditional_edges("plan", routing.after_plan, {"review": "review", **human})
    graph.add_conditional_edges("review", routing.after_review, {"approve": "approve", **human})
    graph.add_conditional_edges("approve", routing.after_approve, {"execute": "execute", **human})
    graph.add_conditional_edges("execute", routing.after_execute, {"verify": "verify", "end": END, **human})
    graph.add_conditional_edges("verify", routing.after_verify, {"learn": "learn", "undo": "undo", **human})
    graph.add_edge("undo", "hand_over")
    graph.add_conditional_edges("learn", routing.after_learn, {"end": END, **human})
    graph.add_edge("hand_over", END)
    return graph.compile(checkpointer=checkpointer)

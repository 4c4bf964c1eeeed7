"""Draws the graph of the agent into the README, from the code: ``python -m evals.readme_graph [--write]``.

Without ``--write`` it only says whether the README is true (exit code 1 when it is not).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

BEGIN, END = "<!-- graph: begin -->", "<!-- graph: end -->"
README = Path(__file__).resolve().parent.parent / "README.md"


def drawn() -> str:
    """The graph as a Mermaid flow chart, from its nodes and edges in their order in the code."""
    from agent.graph import build_graph

    graph = build_graph().get_graph()
    lines = ["```mermaid", "flowchart TD"]
    for edge in graph.edges:
        source, target = (name.strip("_") for name in (edge.source, edge.target))
        arrow = "-.->" if edge.conditional else "-->"
        lines.append(f"  {_shape(source)} {arrow} {_shape(target)}")
    return "\n".join([*lines, "```"])


def _shape(name: str) -> str:
    return f"{name}_(({name}))" if name in {"start", "end"} else name


def with_graph(readme: str) -> str:
    """The README's text with the picture between its two marks."""
    head, rest = readme.split(BEGIN, 1)
    _, tail = rest.split(END, 1)
    return f"{head}{BEGIN}\n{drawn()}\n{END}{tail}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the README instead of only checking it")
    given = parser.parse_args()
    present = README.read_text(encoding="utf-8")
    wanted = with_graph(present)
    if present == wanted:
        print("the README's graph is that of the code")
        return 0
    if not given.write:
        print("the README's graph is not that of the code: python -m evals.readme_graph --write", file=sys.stderr)
        return 1
    README.write_text(wanted, encoding="utf-8")
    print("the README's graph was written")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""The deliberation as a graph.

begin → frame → (clarify → frame) → decompose → for each sub-problem:
    select → open_round → persona × n → assess → (open_round … | vote × n) → tally
→ synthesis → plan → finish

``assess`` and ``tally`` are joins: they run once all that was sent has come back, and may send some of it again
(sessions/graph/turns.py). Names of nodes are for ever: stored checkpoints carry them.
"""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer

from sessions.graph import routing
from sessions.graph.nodes.assess import assess
from sessions.graph.nodes.begin import begin
from sessions.graph.nodes.clarify import clarify
from sessions.graph.nodes.decompose import decompose
from sessions.graph.nodes.finish import finish
from sessions.graph.nodes.frame import frame
from sessions.graph.nodes.open_round import open_round
from sessions.graph.nodes.persona import persona
from sessions.graph.nodes.plan import plan
from sessions.graph.nodes.select import select
from sessions.graph.nodes.synthesis import synthesis
from sessions.graph.nodes.tally import tally
from sessions.graph.nodes.vote import vote
from sessions.graph.ports import Context
from sessions.graph.state import GRAPH_VERSION, State
from sessions.personas import catalogue
from sessions.prompts import prompt
from sessions.prompts.files import names as prompts

__all__ = ["GRAPH_VERSION", "RECURSION_LIMIT", "build"]

#: Steps of the longest deliberation (4 sub-problems of 6 rounds: 93), with room for turns that are sent again.
RECURSION_LIMIT = 250


def build(checkpointer: Checkpointer = None) -> "CompiledStateGraph[State, Context, State, State]":
    """The compiled graph. Drive it with ``durability="sync"`` and a ``max_concurrency`` of at least 9.

    Raises ``ValueError`` for a mistake in the catalogue or the prompts: it must stop a worker, not a session.
    """
    catalogue()
    for name in prompts():
        prompt(name)
    graph: StateGraph[State, Context, State, State] = StateGraph(State, context_schema=Context)
    steps: dict[str, Any] = {
        "begin": begin,
        "frame": frame,
        "clarify": clarify,
        "decompose": decompose,
        "select": select,
        "open_round": open_round,
        "assess": assess,
        "tally": tally,
        "synthesis": synthesis,
        "plan": plan,
        "finish": finish,
    }
    for name, step in steps.items():
        graph.add_node(name, step)
    # Their input is the Turn they are sent; said here, or its fields would become channels.
    turns: dict[str, Any] = {"persona": persona, "vote": vote}
    for name, step in turns.items():
        graph.add_node(name, step, input_schema=State)

    graph.add_edge(START, "begin")
    graph.add_edge("begin", "frame")
    graph.add_conditional_edges("frame", routing.after_frame, ["clarify", "decompose"])
    graph.add_edge("clarify", "frame")
    graph.add_edge("decompose", "select")
    graph.add_edge("select", "open_round")
    graph.add_conditional_edges("open_round", routing.to_personas, ["persona"])
    graph.add_edge("persona", "assess")
    graph.add_conditional_edges("assess", routing.after_assess, ["persona", "open_round", "vote"])
    graph.add_edge("vote", "tally")
    graph.add_conditional_edges("tally", routing.after_tally, ["vote", "select", "synthesis"])
    graph.add_edge("synthesis", "plan")
    graph.add_edge("plan", "finish")
    graph.add_edge("finish", END)
    return graph.compile(checkpointer=checkpointer, name="deliberation")

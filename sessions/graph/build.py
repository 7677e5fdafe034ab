"""The deliberation as a graph, and the debate of a sub-problem as a graph inside it.

begin → frame → (clarify → frame) → decompose → select × sub-problems → (review) → debate × those that wait for nothing
→ (gather → debate × those that waited …) → synthesis → plan → finish

debate: open_round → persona × n → assess → (persona × n → assess …, moderate or consult between) → vote × n → tally

``assess``, ``tally`` and ``gather`` are joins: they run once all that was sent has come back, and may send some of it
again (sessions/graph/turns.py). A debate has checkpoints of its own, in a namespace of the session's thread. It never
raises for a call that failed, since that would cancel its siblings: it ends with its failure and its place as data.
Names of nodes are for ever: stored checkpoints carry them.
"""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer

from sessions.graph import routing
from sessions.graph.nodes.assess import assess
from sessions.graph.nodes.begin import begin
from sessions.graph.nodes.clarify import clarify
from sessions.graph.nodes.consult import consult
from sessions.graph.nodes.decompose import decompose
from sessions.graph.nodes.finish import finish
from sessions.graph.nodes.frame import frame
from sessions.graph.nodes.gather import gather
from sessions.graph.nodes.moderate import moderate
from sessions.graph.nodes.open_round import open_round
from sessions.graph.nodes.persona import persona
from sessions.graph.nodes.plan import plan
from sessions.graph.nodes.review import review
from sessions.graph.nodes.select import select
from sessions.graph.nodes.synthesis import synthesis
from sessions.graph.nodes.tally import tally
from sessions.graph.nodes.vote import vote
from sessions.graph.ports import Context
from sessions.graph.route import Route
from sessions.graph.state import Debate, Results, State
from sessions.graph.version import GRAPH_VERSION
from sessions.personas import catalogue
from sessions.prompts import prompt
from sessions.prompts.files import names as prompts

__all__ = ["GRAPH_VERSION", "RECURSION_LIMIT", "build"]

#: Steps of the longest graph (a debate of 10 rounds, moderated twice: 26), with room for turns that are sent again.
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
        "review": review,
        "gather": gather,
        "synthesis": synthesis,
        "plan": plan,
        "finish": finish,
    }
    for name, step in steps.items():
        graph.add_node(name, step)
    # Their input is what they are sent; said here, or its fields would become channels.
    sent: dict[str, Any] = {"select": select, "debate": debate()}
    for name, step in sent.items():
        graph.add_node(name, step, input_schema=State)

    graph.add_edge(START, "begin")
    graph.add_edge("begin", "frame")
    graph.add_conditional_edges("frame", Route(routing.after_frame), ["clarify", "decompose"])
    graph.add_edge("clarify", "frame")
    graph.add_conditional_edges("decompose", Route(routing.to_selection), ["select"])
    graph.add_conditional_edges("select", Route(routing.after_select), ["review", "debate"])
    graph.add_conditional_edges("review", Route(routing.to_debates), ["debate"])
    graph.add_conditional_edges("debate", Route(routing.after_debate), ["gather", "synthesis"])
    graph.add_conditional_edges("gather", Route(routing.after_gather), ["debate", "synthesis"])
    graph.add_edge("synthesis", "plan")
    graph.add_edge("plan", "finish")
    graph.add_edge("finish", END)
    return graph.compile(checkpointer=checkpointer, name="deliberation")


def debate() -> "CompiledStateGraph[Debate, Context, Debate, Results]":
    """The debate of one sub-problem. It checkpoints where the deliberation does."""
    graph: StateGraph[Debate, Context, Debate, Results] = StateGraph(
        Debate, context_schema=Context, output_schema=Results
    )
    steps: dict[str, Any] = {
        "open_round": open_round,
        "assess": assess,
        "moderate": moderate,
        "consult": consult,
        "tally": tally,
    }
    for name, step in steps.items():
        graph.add_node(name, step)
    turns: dict[str, Any] = {"persona": persona, "vote": vote}
    for name, step in turns.items():
        graph.add_node(name, step, input_schema=Debate)
    graph.add_conditional_edges(START, Route(routing.enter), list(steps))
    graph.add_conditional_edges("open_round", Route(routing.to_personas), ["persona"])
    graph.add_edge("persona", "assess")
    graph.add_conditional_edges("assess", Route(routing.after_assess), ["persona", "moderate", "consult", "vote", END])
    graph.add_conditional_edges("moderate", Route(routing.to_personas), ["persona"])
    graph.add_conditional_edges("consult", Route(routing.to_personas), ["persona"])
    graph.add_edge("vote", "tally")
    graph.add_conditional_edges("tally", Route(routing.after_tally), ["vote", END])
    return graph.compile(name="debate")

"""A small deliberation for tests of the engine: the runner, saver and services are real, only the thinking is not."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Annotated, Any, TypedDict

from django.db import connection
from langchain_core.runnables import RunnableConfig
from langgraph.channels.topic import Topic
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send, interrupt

from sessions.graph import drafts
from sessions.graph.failures import DeliberationFailed
from sessions.graph.ports import Context
from sessions.graph.saver import Saver
from sessions.models import Checkpoint, Session
from sessions.runner import identity
from sessions.runner.loop import Runner
from tests.live import wait_until


class LabState(TypedDict, total=False):
    version: int
    step: int
    answers: list[str]
    said: Annotated[dict[str, str], lambda old, new: {**(old or {}), **(new or {})}]
    outbox: Annotated[list[drafts.Draft], Topic(dict, accumulate=False)]


def contribution(key: str, step: int, persona: str, text: str = "A claim") -> list[drafts.Draft]:
    """A row and its event, as a persona's node drafts them."""
    values: dict[str, Any] = {
        "sub_problem": 0,
        "round": step,
        "persona": persona,
        "name": persona.title(),
        "option": "Stay",
        "claim": text,
        "reasons": [text],
        "conditions": [],
        "response": "",
        "confidence": 0.5,
    }
    return [drafts.row("contribution", key, **values), drafts.event("contribution", key, key=key, **values)]


class Lab:
    """``steps`` steps of ``personas`` turns each. Tests hold, fail or watch them.

    ``hold(step)`` makes a step's turns wait until ``release(step)``; ``fail_at[step]`` is raised by the join of the
    step while it is set; ``ask_at`` is the step whose join asks the owner. ``turns`` lists (session, step, persona) as
    they begin, ``cancelled`` those that were interrupted, ``heard`` what the owner had said when a step's turns began.
    ``text`` is what everybody says.
    """

    def __init__(self, steps: int = 3, personas: int = 2) -> None:
        self.steps, self.personas, self.text = steps, personas, "A claim"
        self.heard: dict[int, set[tuple[str, ...]]] = {}
        self.turns: list[tuple[str, int, str]] = []
        self.cancelled: list[tuple[str, int, str]] = []
        self.fail_at: dict[int, BaseException] = {}
        self.ask_at: set[int] = set()
        self._held: dict[int, threading.Event] = {}

    def hold(self, *steps: int) -> None:
        for step in steps:
            self._held[step] = threading.Event()

    def release(self, *steps: int) -> None:
        for step in steps:
            self._held[step].set()

    def begun(self, step: int, session: Session | None = None) -> int:
        """How many turns of a step have begun so far, repeated ones counted."""
        return sum(turn[1] == step and (session is None or turn[0] == str(session.pk)) for turn in self.turns)

    def make_graph(self, saver: Saver) -> Any:
        async def begin(state: LabState) -> dict[str, Any]:
            return {"step": 1, "outbox": [drafts.session(phase="debating", round=1)]}

        async def turn(state: dict[str, Any], config: RunnableConfig, runtime: Runtime[Context]) -> dict[str, Any]:
            step, persona = state["step"], state["persona"]
            entry = (str(config["configurable"]["thread_id"]), step, persona)
            self.heard.setdefault(step, set()).add(tuple((await runtime.context.reader.brief()).interjections))
            self.turns.append(entry)
            try:
                held = self._held.get(step)
                for _ in range(9000):  # at most a minute and a half; released from another thread
                    if held is None or held.is_set():
                        break
                    await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                self.cancelled.append(entry)
                raise
            key = f"r{step}:{persona}"
            return {"said": {key: self.text}, "outbox": contribution(key, step, persona, self.text)}

        async def join(state: LabState) -> dict[str, Any]:
            step = state["step"]
            if step in self.ask_at:
                given = interrupt({"questions": [f"What about step {step}?"]})
                answers = [*state.get("answers", []), *given]
            else:
                answers = state.get("answers", [])
            if step in self.fail_at:
                raise self.fail_at[step]
            return {"step": step + 1, "answers": answers, "outbox": [drafts.session(round=step + 1)]}

        async def finish(state: LabState) -> dict[str, Any]:
            text = ",".join(state.get("answers", [])) or "Stay"
            return {"outbox": [drafts.end(text, 0.8)]}

        def fan_out(state: LabState) -> Any:
            if state["step"] > self.steps:
                return "finish"
            return [Send("turn", {"step": state["step"], "persona": f"p{n}"}) for n in range(self.personas)]

        graph: Any = StateGraph(LabState, context_schema=Context)
        for node in (begin, turn, join, finish):
            graph.add_node(node.__name__, node)
        graph.add_edge(START, "begin")
        graph.add_conditional_edges("begin", fan_out, ["turn", "finish"])
        graph.add_edge("turn", "join")
        graph.add_conditional_edges("join", fan_out, ["turn", "finish"])
        graph.add_edge("finish", END)
        return graph.compile(checkpointer=saver)

    def runner(self, **options: Any) -> Runner:
        options = {"capacity": 20, "life": None, "idle": 0.0, **options}
        return Runner(options.pop("owner", identity.owner()), make_graph=self.make_graph, **options)

    @contextlib.contextmanager
    def running(self, **options: Any) -> Iterator[Runner]:
        """A runner in a thread; it ends by itself when no session is in line or running."""
        runner = self.runner(**options)
        thread = threading.Thread(target=lambda: asyncio.run(runner.main()), daemon=True)
        thread.start()
        try:
            yield runner
        finally:
            runner.life = 0.0
            for step in list(self._held):
                self.release(step)
            thread.join(90)
            assert not thread.is_alive(), "the runner did not end"

    def run_to_rest(self, **options: Any) -> Runner:
        """Drive everything that can be driven, and return when nothing is in line or running."""
        runner = self.runner(**options)
        thread = threading.Thread(target=lambda: asyncio.run(runner.main()))
        thread.start()
        thread.join(90)
        assert not thread.is_alive(), "the runner did not come to rest"
        return runner


#: What a step fails of unless a test says otherwise.
OUTAGE = DeliberationFailed("provider_unreachable", "Nobody answers.", recoverable=True, node="join")


def failed_at(lab: Lab, session: Session, step: int, error: BaseException = OUTAGE) -> None:
    """Drive a session until it fails at ``step``; the cause is gone afterwards."""
    lab.fail_at = {step: error}
    lab.run_to_rest()
    assert status(session) == "failed"
    lab.fail_at = {}


def after_step(session: Session, step: int) -> str:
    """The checkpoint from which the turns of ``step`` start."""
    ids = Checkpoint.objects.filter(thread_id=str(session.pk)).order_by("checkpoint_id")
    return str(list(ids.values_list("checkpoint_id", flat=True))[2 * step])


def until(condition: Callable[[], Any], what: str = "") -> Any:
    return wait_until(condition, seconds=60, what=what)


def status(session: Session) -> str:
    session.refresh_from_db()
    return session.status


def story(session: Session) -> list[str]:
    """The types of a session's events in order; asserts that their sequence is whole."""
    rows = list(session.events.order_by("sequence").values_list("sequence", "type"))
    session.refresh_from_db()
    assert [sequence for sequence, _ in rows] == list(range(1, session.last_sequence + 1))
    return [kind for _, kind in rows]


def expire_lease(session: Session) -> None:
    """What the loss of a host looks like from the database, without the wait."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE board_session SET lease_until = 'epoch' WHERE id = %s::uuid AND status = 'running'",
            [str(session.pk)],
        )

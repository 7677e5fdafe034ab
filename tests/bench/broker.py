"""What the broker costs on top of the bare SDK, and beside LiteLLM's router, on one upstream in one run.

    python -m tests.bench.broker [--calls 400] [--rounds 3] [--no-litellm] [--write docs/benchmarks.md]

Each contestant is a process of its own that makes the same calls to the offline provider: schema-bound answers, twenty
at a time. Counted is the contestant's own CPU time, its threads included, and the wall time; PostgreSQL and the
provider run elsewhere and count for nobody. Ledger, journal and breaker are on for ours. LiteLLM lives in a virtual
environment of its own, at a pinned version.
"""

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from llm.offline.process import command as provider_command

ROOT = Path(__file__).resolve().parent.parent.parent
LITELLM = "litellm==1.104.0"
LITELLM_HOME = Path(os.environ.get("BO1_BENCH_VENV", ROOT / ".bo1" / "bench-litellm"))
AT_ONCE = 20
WARM_UP = 40
SYSTEM = "You are the facilitator of a board."
PROMPT = (
    "<decision>Should our bakery open a second shop, or expand wholesale? This is question {number}.</decision>\n"
    "<options>\n- Open a second shop\n- Expand wholesale\n</options>"
)
MODEL = "offline-core"
CONTESTANTS = (
    "anthropic-sdk",
    "anthropic-sdk+aiohttp",
    "anthropic-broker",
    "anthropic-litellm",
    "openai-sdk",
    "openai-sdk+aiohttp",
    "openai-broker",
    "openai-litellm",
)
GOAL = 1.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-litellm", action="store_true")
    parser.add_argument("--write", type=Path, help="Keep the table in this file, in the section on the broker")
    parser.add_argument("--contestant", choices=CONTESTANTS, help=argparse.SUPPRESS)
    parser.add_argument("--schema", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contestant:
        compete(options.contestant, options.calls, Path(options.schema))
        return
    table = run(options.calls, options.rounds, with_litellm=not options.no_litellm)
    print(table)
    if options.write:
        keep(options.write, table)


def run(calls: int, rounds: int, *, with_litellm: bool) -> str:
    import tests.postgres  # noqa: F401  # names the database server

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bo1site.settings")
    from bo1site.supervisor import free_port
    from tests.live import database, wait_until

    pythons = {"litellm": litellm_python()} if with_litellm else {}
    names = [name for name in CONTESTANTS if with_litellm or not name.endswith("litellm")]
    port = free_port(0)
    url = f"http://127.0.0.1:{port}"
    with database() as database_url:
        env = {
            **os.environ,
            "DATABASE_URL": database_url,
            "OFFLINE_URL": url,
            "OFFLINE_LATENCY": "0",
            "LOG_LEVEL": "ERROR",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it asks the network for prices before it can be imported
        }
        provider = subprocess.Popen(
            provider_command(port),
            cwd=ROOT,
            env=env,
        )
        try:
            wait_until(lambda: reachable(url + "/health"), seconds=30, what="the offline provider")
            schema = LITELLM_HOME.parent / "bench-schema.json"
            schema.parent.mkdir(parents=True, exist_ok=True)
            schema.write_text(json.dumps(frame_schema()))
            results: dict[str, list[dict[str, float]]] = {name: [] for name in names}
            for number in range(rounds):
                for name in names if number % 2 == 0 else reversed(names):
                    python = pythons.get(name.split("-")[1], sys.executable)
                    command = [str(python), "-m", "tests.bench.broker", "--contestant", name, "--calls", str(calls)]
                    done = subprocess.run(
                        [*command, "--schema", str(schema)],
                        cwd=ROOT,
                        env={**env, "PYTHONPATH": str(ROOT)},
                        capture_output=True,
                        text=True,
                    )
                    if done.returncode:
                        raise SystemExit(f"{name} failed:\n{done.stderr[-3000:]}")
                    results[name].append(json.loads(done.stdout.splitlines()[-1]))
        finally:
            provider.kill()
            provider.wait()
    return render(results, calls, rounds)


def render(results: dict[str, list[dict[str, float]]], calls: int, rounds: int) -> str:
    lines = [
        f"{calls} calls, {AT_ONCE} at a time, median of {rounds} rounds, {datetime.now(UTC):%Y-%m-%d}, "
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
        + (f", {LITELLM.replace('==', ' ')}" if any(name.endswith("litellm") for name in results) else ""),
        "",
        "| contestant | CPU ms a call | against the bare SDK | wall ms a call |",
        "|---|---:|---:|---:|",
    ]
    for name, rows in results.items():
        cpu = median(row["cpu_ms"] for row in rows)
        bare = median(row["cpu_ms"] for row in results[name.split("-")[0] + "-sdk"])
        wall = median(row["wall_ms"] for row in rows)
        lines.append(f"| {name} | {cpu:.2f} | {cpu / bare:.2f}× | {wall:.2f} |")
    lines += ["", f"Goal for the broker: at most {GOAL}× the bare SDK's CPU, and less than LiteLLM's."]
    return "\n".join(lines)


def keep(path: Path, table: str) -> None:
    """Replaces the section between the markers, or appends it."""
    begin, end = "<!-- broker: begin -->", "<!-- broker: end -->"
    section = f"{begin}\n{table}\n{end}"
    text = path.read_text() if path.exists() else "# Benchmarks\n"
    if begin in text and end in text:
        text = text[: text.index(begin)] + section + text[text.index(end) + len(end) :]
    else:
        text = f"{text.rstrip()}\n\n## The broker: cost of a call\n\n{section}\n"
    path.write_text(text)


def compete(name: str, calls: int, schema: Path) -> None:
    """Runs one contestant and prints its figures as JSON."""
    wire, kind = name.split("-")
    makers: dict[str, Callable[[str, dict[str, Any]], Callable[[int], Awaitable[object]]]] = {
        "sdk": bare,
        "sdk+aiohttp": partial(bare, aiohttp=True),
        "broker": ours,
        "litellm": router,
    }
    call = makers[kind](wire, json.loads(schema.read_text()))

    async def measure() -> dict[str, float]:
        await together(call, range(-WARM_UP, 0))
        cpu, wall = time.process_time(), time.perf_counter()
        await together(call, range(calls))
        return {
            "cpu_ms": (time.process_time() - cpu) * 1000 / calls,
            "wall_ms": (time.perf_counter() - wall) * 1000 / calls,
        }

    print(json.dumps(asyncio.run(measure())))


async def together(call: Callable[[int], Awaitable[object]], numbers: range) -> None:
    waiting = iter(numbers)

    async def worker() -> None:
        for number in waiting:
            await call(number)

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


def bare(wire: str, schema: dict[str, Any], *, aiohttp: bool = False) -> Callable[[int], Awaitable[object]]:
    """The SDK as its documentation shows it, with the answer validated by the same model class.

    With ``aiohttp`` on the faster transport that the SDK offers and the broker uses, for whoever wants to know what the
    broker alone adds.
    """
    url = os.environ["OFFLINE_URL"]
    from sessions.graph.schemas import Frame

    if wire == "anthropic":
        import anthropic

        claude = anthropic.AsyncAnthropic(
            api_key="offline-demo",
            base_url=f"{url}/anthropic",
            max_retries=0,
            http_client=anthropic.DefaultAioHttpClient() if aiohttp else None,
        )

        async def ask(number: int) -> object:
            message = await claude.messages.create(
                model=MODEL,
                max_tokens=2000,
                system=SYSTEM,
                messages=[{"role": "user", "content": PROMPT.format(number=number)}],
                output_config={"format": {"type": "json_schema", "schema": schema["anthropic"]}},
            )
            return Frame.model_validate_json("".join(block.text for block in message.content if block.type == "text"))

        return ask
    import openai

    gpt = openai.AsyncOpenAI(
        api_key="offline-demo",
        base_url=f"{url}/openai/v1",
        max_retries=0,
        http_client=openai.DefaultAioHttpClient() if aiohttp else None,
    )

    async def ask_openai(number: int) -> object:
        completion = await gpt.chat.completions.create(
            model=MODEL,
            max_completion_tokens=2000,
            messages=[
                {"role": "system", "content": SYSTEM},
                {"role": "user", "content": PROMPT.format(number=number)},
            ],
            response_format={"type": "json_schema", "json_schema": schema["openai"]},
        )
        return Frame.model_validate_json(completion.choices[0].message.content or "")

    return ask_openai


def ours(wire: str, schema: dict[str, Any]) -> Callable[[int], Awaitable[object]]:
    """The broker with everything on: ledger, journal, breaker, gate."""
    os.environ["LLM_PRIMARY"] = wire
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bo1site.settings")
    import django

    django.setup()
    from uuid import uuid4

    from llm.broker import complete
    from llm.types import Request
    from sessions.graph.schemas import Frame

    session = uuid4()

    async def ask(number: int) -> object:
        request = Request(Frame, SYSTEM, PROMPT.format(number=number), session_id=session, task_id=f"task-{number}")
        return await complete(request)

    return ask


def router(wire: str, schema: dict[str, Any]) -> Callable[[int], Awaitable[object]]:
    """LiteLLM's router with a fallback, its own retries and cool-downs; in its own virtual environment."""
    url = os.environ["OFFLINE_URL"]
    import litellm

    litellm.suppress_debug_info = True
    places = {
        "anthropic": {"model": f"anthropic/{MODEL}", "api_base": f"{url}/anthropic"},
        "openai": {"model": f"openai/{MODEL}", "api_base": f"{url}/openai/v1"},
    }
    other = {"anthropic": "openai", "openai": "anthropic"}[wire]
    handle = litellm.Router(
        model_list=[
            {"model_name": name, "litellm_params": {**place, "api_key": "offline-demo"}}
            for name, place in places.items()
        ],
        fallbacks=[{wire: [other]}],
        num_retries=3,
        allowed_fails=5,
        cooldown_time=60,
    )
    form = {"type": "json_schema", "json_schema": schema["openai"]}

    async def ask(number: int) -> object:
        answer = await handle.acompletion(
            model=wire,
            max_tokens=2000,
            messages=[
                {"role": "system", "content": SYSTEM},
                {"role": "user", "content": PROMPT.format(number=number)},
            ],
            response_format=form,
        )
        text = answer.choices[0].message.content or answer.choices[0].message.tool_calls[0].function.arguments
        return json.loads(text)

    return ask


def frame_schema() -> dict[str, Any]:
    """The schema of one step as each wire wants it; made here, since LiteLLM's environment knows nothing of ours."""
    import django

    django.setup()
    from llm.providers import anthropic, openai
    from sessions.graph.schemas import Frame

    return {"anthropic": anthropic._schema(Frame), "openai": openai._format(Frame)["json_schema"]}


def litellm_python() -> Path:
    """The interpreter of LiteLLM's own virtual environment, made at first use."""
    python = LITELLM_HOME / "bin" / "python"
    marker = LITELLM_HOME / LITELLM
    if not marker.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(LITELLM_HOME)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", LITELLM], check=True)
        marker.touch()
    return python


def reachable(url: str) -> bool:
    import urllib.request

    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


if __name__ == "__main__":
    main()

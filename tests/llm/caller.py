"""A process of its own that asks the broker, for tests of what processes share.

    python -m tests.llm.caller

Reads lines ``<count> <task prefix>`` from standard input; makes that many calls at once, each without a session; and
answers each line with a JSON list of what answered: a provider's name, or an error's code. After ``0 forget`` it knows
of breakers and answers what it knew when it had just started.
"""

import asyncio
import json
import os
import sys

import django


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bo1site.settings")
    django.setup()
    from llm import breaker_store, cache
    from llm.broker import complete
    from llm.errors import LLMError
    from llm.providers import registry
    from llm.types import Request
    from sessions.graph.schemas import Frame

    async def ask(name: str) -> str:
        prompt = f"<decision>Shall we buy {name}, or rent it for another year?</decision>"
        try:
            return (await complete(Request(Frame, "You frame decisions.", prompt, deadline=20.0))).provider
        except LLMError as error:
            return error.code

    async def serve() -> None:
        registry.preload()
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            count, prefix = line.split()
            if count == "0":
                breaker_store.forget()
                cache.answers.clear()
            results = await asyncio.gather(*(ask(f"{prefix} {number}") for number in range(int(count))))
            print(json.dumps(results), flush=True)

    asyncio.run(serve())


if __name__ == "__main__":
    main()

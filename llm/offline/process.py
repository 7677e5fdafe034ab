"""How the offline provider is started, wherever it is started."""

import sys

#: Longer than the SDKs keep a pooled connection: with uvicorn's 5 s a connection could close under a request.
KEEP_ALIVE_SECONDS = 75


def command(port: int) -> list[str]:
    """The command line that serves the offline provider on this machine's ``port``."""
    server = [sys.executable, "-m", "uvicorn", "llm.offline.app:app", "--port", str(port), "--log-level", "warning"]
    return [*server, "--timeout-keep-alive", str(KEEP_ALIVE_SECONDS), "--no-access-log", "--no-proxy-headers"]

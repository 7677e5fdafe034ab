"""The offline provider over HTTP, for the tests that drive the graph through the real broker."""

from tests.llm.conftest import _no_connection_left_behind, offline, offline_process

__all__ = ["_no_connection_left_behind", "offline", "offline_process"]

"""The offline provider: both providers' HTTP APIs, answered from the prompt alone, with faults on demand.

Run it with ``uvicorn llm.offline.app:app --port 8765``. It needs no key and reaches no network. One process only: the
faults and the statistics live in its memory.
"""

"""What the board's models are told. One file a step, versioned; the data they work on is built by ``sections``."""

from sessions.prompts.files import Prompt, prompt

__all__ = ["Prompt", "prompt"]

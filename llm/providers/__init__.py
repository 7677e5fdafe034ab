"""One module for each provider: its wire, its structured output, its errors."""

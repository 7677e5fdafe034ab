"""The pages of plans. Each view reads what it shows, and changes through ``replanning.services``."""

"""From recommendation to plan: projects, actions, and going back to the board with what is blocked."""

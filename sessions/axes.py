"""The box of a plot: where its margins are, and where a share lands between them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """``width`` by ``height`` units of an SVG's view box; ``left``, ``right``, ``top`` and ``base`` its inner edges.

    Shares go from 0 to 1, to the right and upwards.
    """

    width: int
    height: int
    left: int
    right: int
    top: int
    base: int

    def x(self, share: float, *, air: int = 0) -> float:
        """``air`` units are kept free on both sides, so that a mark does not touch the axis."""
        return round(self.left + air + share * (self.right - self.left - 2 * air), 1)

    def y(self, share: float) -> float:
        """A share beyond 0 and 1 stays at the edge."""
        return round(self.base - min(1.0, max(0.0, share)) * (self.base - self.top), 1)

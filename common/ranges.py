"""What a setting may be, said beside it: words by a Literal, numbers by a Range."""

import math
from dataclasses import dataclass
from typing import Annotated, Literal, get_args, get_origin, get_type_hints

from common.config import require, require_choice


@dataclass(frozen=True)
class Range:
    """The numbers that a setting may be, never infinite: `Annotated[int, Range(least=1)]`."""

    least: float = -math.inf
    above: float = -math.inf
    most: float = math.inf
    below: float = math.inf

    def __contains__(self, value: float) -> bool:
        return self.least <= value <= self.most and self.above < value < self.below

    def __str__(self) -> str:
        limits = {">=": self.least, ">": self.above, "<=": self.most, "<": self.below}
        found = (f"{sign} {limit:g}" for sign, limit in limits.items() if math.isfinite(limit))
        return " and ".join(found)


Positive = Annotated[int, Range(least=1)]
Natural = Annotated[int, Range(least=0)]
Amount = Annotated[float, Range(least=0)]
Share = Annotated[float, Range(least=0, below=1)]


def check(config: object, section: str = "") -> None:
    """Raises a ConfigError unless fields with a Range or a Literal are what these say.

    `section` stands before their names, such as "optimizer.".
    """
    for name, hint in get_type_hints(type(config), include_extras=True).items():
        found, key = getattr(config, name), section + name
        if get_origin(hint) is Literal:
            require_choice(key, found, get_args(hint))
        for limits in getattr(hint, "__metadata__", ()):
            kind = "an integer" if get_args(hint)[0] is int else "a number"
            require(found in limits, key, found, f"{kind} {limits}")

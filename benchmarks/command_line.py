"""The words that benchmarks take."""

import argparse
from collections.abc import Callable
from pathlib import Path

from common.devices import DEVICES


def make_parser(name: str, description: str | None, device: bool = True) -> argparse.ArgumentParser:
    """With --out, and --device where one can be chosen."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=description)
    parser.add_argument("--out", type=Path, help=f"folder, such as results/benchmarks/{name}")
    if device:
        parser.add_argument("--device", choices=DEVICES, default="auto")
    return parser


def whole(least: int, most: int = 100_000) -> Callable[[str], int]:
    """The type of a word that is a whole number from `least` to `most`."""

    def read(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"found {text!r}, expected {least} to {most}")
        return int(text)

    return read

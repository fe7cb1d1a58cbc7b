"""What every benchmark does: its words, versions that take turns, its rows and its record."""

import argparse
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

from common.devices import DEVICES
from common.environment import environment
from common.runs import header, keep_record

_STAT = Path("/proc/stat")


def make_parser(name: str, description: str | None, device: bool = True) -> argparse.ArgumentParser:
    """With --out, and --device where one can be chosen; what it reads says whose options it has."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=description)
    parser.set_defaults(benchmark=name)
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


class Fastest(NamedTuple):
    """The fastest repeat of a version: wall and CPU seconds of all threads; its last result."""

    wall: float
    cpu: float
    result: Any


def fastest(versions: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, Fastest]:
    """Times versions that take turns, so that what slows the machine down slows all of them."""
    found: dict[str, Fastest] = {}
    for _ in range(repeats):
        for name, work in versions.items():
            wall, cpu = time.perf_counter(), time.process_time()
            result = work()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            took = time.perf_counter() - wall, time.process_time() - cpu
            found[name] = Fastest(*map(min, took, found.get(name, took)[:2]), result)
    return found


def compared(
    what: str, plain: float, ours: float, of: str = "", gap: float | None = None, **more: object
) -> dict:
    """A row of the report's table of speed, which is printed too.

    Args:
        what: both versions do.
        plain: seconds that the plain one takes.
        ours: seconds of ours.
        of: what they compute, such as "loss".
        gap: its largest relative difference, if that is measured.
        more: of the row; cpu_ratio is shown.
    """
    row = {"what": what, "plain_seconds": plain, "our_seconds": ours, "ratio": plain / ours}
    apart = "" if gap is None else f", largest relative {of} difference {gap:.0e}"
    print(f"{what}: plain {plain:.3g} s, ours {ours:.3g} s, ratio {row['ratio']:.2f}{apart}")
    return row | {"difference_of": of, "largest_relative_difference": gap} | more


def _busy_and_own() -> tuple[float, float]:
    """CPU seconds that all programs here wanted, stolen ones too, and those of this process."""
    own = sum(os.times()[:4])
    if not _STAT.is_file():
        return own, own
    user, nice, system, _idle, _wait, irq, soft, stolen = map(int, _STAT.read_text().split()[1:9])
    wanted = user + nice + system + irq + soft + stolen
    return wanted / os.sysconf("SC_CLK_TCK"), own


_START = _busy_and_own()


def others_percent() -> float:
    """Share of the CPU time in demand since this process began that went to others.

    Others are programs beside it and, on a virtual machine, its neighbours (steal).
    """
    busy, own = (now - start for now, start in zip(_busy_and_own(), _START))
    return max(0.0, 100 * (1 - own / busy)) if busy > 0 else 0.0


def keep(
    options: argparse.Namespace,
    device: str,
    found: dict,
    kind: str = "benchmark",
    dataset: dict | None = None,
) -> None:
    """Writes the record to the folder `options.out`, if there is one.

    Its config is the options, and what it ran on, which decides the times.

    Args:
        options: of the command line.
        device: in words.
        found: the result; its first entry has the rows or curves.
        kind: of the record.
        dataset: the images that were read (`Dataset.header`), if any.
    """
    if options.out:
        start = environment(device)
        config = {key: value for key, value in vars(options).items() if key != "out"}
        config |= {key: start[key] for key in ("device", "cpu", "cores")}
        head = header(kind, dataset=dataset, n=len(next(iter(found.values()))))
        whole = head | found | {"others_percent": others_percent()}
        keep_record(options.out, config, start, whole)

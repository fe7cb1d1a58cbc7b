"""Where a benchmark's numbers go, and how much of the machine it had."""

import os
from pathlib import Path

from common.environment import environment
from common.files import write_json

_STAT = Path("/proc/stat")


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


def keep_record(out: Path | None, record: dict, device: str, dataset: dict | None = None) -> None:
    """Writes `record` to the folder `out`, if there is one, below the header of a benchmark.

    `dataset` names the images that were read (`Dataset.header`), if any.
    """
    if out:
        out.mkdir(parents=True, exist_ok=True)
        rows = record.get("rows", record.get("curves", ()))
        header = {"kind": "benchmark", "method": "", "filter": "", "fraction": None}
        header |= {"dataset": dataset, "network": None, "n": len(rows)}
        write_json(out / "environment.json", {"starts": [environment(device)]})
        write_json(out / "result.json", {**header, **record, "others_percent": others_percent()})

"""Where a benchmark's numbers go."""

from __future__ import annotations

from pathlib import Path

from common.runs import environment, write_json


def keep_record(out: Path | None, record: dict, device: str) -> None:
    """Writes `record` with this process' environment to `out`, if there is one."""
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_json(out, {**record, "environment": environment(device)})

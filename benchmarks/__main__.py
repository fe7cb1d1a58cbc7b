"""All speed comparisons in one go: python -m benchmarks [--out FOLDER].

Each runs in a process of its own, one after the other; then their table is printed: what, plain,
ours, ratio, device. One that lacks its data is left out and named. Versions take turns
and the fastest of a few repeats counts: what neighbours of a shared machine take is not measured.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from common.errors import run_main
from common.files import read_json

WORDS = {
    "wot": ["--architectures", "10", "--ranked", "100"],
    "tenas": [],
    "kernels": [],
    "mlp": [],
    "batched": [],
    "growth": [],
}


def run_all(names: Sequence[str], out: Path, images: str) -> list[str]:
    """Runs the named benchmarks; returns those that failed."""
    failed = []
    for name in names:
        words = [*WORDS[name], *(["--dataset", images] if name == "wot" else [])]
        print(f"\n== {name}", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}", "--out", str(out / name)]
        if subprocess.run([*command, *words], check=False).returncode:
            failed.append(name)
    return failed


def table(out: Path, names: Sequence[str]) -> str:
    """Markdown: a row per comparison of the records in a folder."""
    lines = ["| what | plain | ours | ratio | device |", "| --- | ---: | ---: | ---: | --- |"]
    for name in names:
        if not (out / name / "result.json").is_file():
            continue
        device = read_json(out / name / "environment.json")["starts"][-1]["device"]
        for row in read_json(out / name / "result.json").get("rows", ()):
            seconds = " | ".join(f"{row[key]:.3g} s" for key in ("plain_seconds", "our_seconds"))
            lines.append(f"| {row['what']} | {seconds} | {row['ratio']:.1f} | {device} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs everything and prints the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=WORDS, default=list(WORDS))
    parser.add_argument("--images", default="cifar10", help="for WOT: a data set, or PATH.npz")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks"), help="folder")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    failed = run_all(options.only, options.out, options.images)
    text = table(options.out, [name for name in options.only if name not in failed])
    (options.out / "table.md").write_text(text)
    print(f"\n{text}\n{options.out / 'table.md'}")
    if failed:
        sys.exit(f"python -m benchmarks: left out: {', '.join(failed)}, for the reason told above")


if __name__ == "__main__":
    run_main("python -m benchmarks", main)

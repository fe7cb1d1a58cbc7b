"""Entry: python -m retrain.rows RUN ...: finished runs as rows of Table 1."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from common.runs import read_json

HEADING = (
    "| method | top-1 error % | top-5 error % | parameters, M | multiply-adds, M | n |\n"
    "| --- | ---: | ---: | ---: | ---: | ---: |"
)


def row(folder: Path) -> str:
    """One run's row in Markdown; n is the number of its test images."""
    result = read_json(folder / "result.json")
    test = result["test"]
    return (
        f"| {result['method'] or folder.name} | {test['top1_error']:.2f} | "
        f"{test['top5_error']:.2f} | {result['parameters'] / 1e6:.2f} | "
        f"{result['multiply_adds'] / 1e6:.0f} | {result['images']['test']:,} |"
    )


def main(arguments: list[str] | None = None) -> None:
    """Prints a table of the named runs."""
    parser = argparse.ArgumentParser(prog="python -m retrain.rows", description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, help="folders such as runs/retrain/NAME")
    folders = parser.parse_args(arguments).runs
    for folder in folders:
        if not (folder / "result.json").is_file():
            sys.exit(f"python -m retrain.rows: {folder} holds no finished run")
    print(HEADING)
    for folder in folders:
        print(row(folder))


if __name__ == "__main__":
    main()

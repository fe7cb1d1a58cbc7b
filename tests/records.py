"""Small records of runs, and what RESULTS.md makes of them."""

from common.runs import write_json
from report.__main__ import main

ENVIRONMENT = {
    "command": "python -m somewhere --seed 7",
    "commit": "0123456789",
    "date": "2031-05-06",
    "device": "NVIDIA H200",
    "cpu": "Some CPU",
    "cores": 12,
    "python": "3.12.1",
    "versions": {"torch": "2.99.0"},
}


def keep(root, name, result):
    folder = root / name
    folder.mkdir(parents=True)
    write_json(folder / "result.json", result)
    write_json(folder / "environment.json", ENVIRONMENT)
    return folder


def results_of(*roots, out):
    main(["results", "--records", *map(str, roots), "--out", str(out), "--markdown-only"])
    return (out / "RESULTS.md").read_text()


def section(text, start):
    """A section of RESULTS.md whose title starts so."""
    return next(part for part in text.split("\n## ")[1:] if part.startswith(start))


def row_of(text, *cells):
    """The cells of the first table row that starts with these."""
    start = "| " + " | ".join(cells) + " |"
    line = next(line for line in text.splitlines() if line.startswith(start))
    return [cell.strip() for cell in line.strip("|").split("|")]

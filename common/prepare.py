"""Entry: python -m common.prepare [NAME ...]: fetches datasets and says what is there."""

import sys
from pathlib import Path

from common.data import CATALOGUE, Source, data_root, load_dataset
from common.errors import UserError, run_main

TABLES = {  # of accuracies, beside the catalogue's images
    "nas-bench-201": Source(
        "nasbench201.csv.gz",
        "about 5 GB",
        "https://github.com/D-X-Y/NAS-Bench-201",
        "NAS-Bench-201-v1_1-096897.pth; convert it: python -m spaces.benchmark convert --help",
    ),
    "nds": Source(
        "nds_data",
        "see the page",
        "https://dl.fbaipublicfiles.com/nds/data.zip",
        "NASNet.json, Amoeba.json, PNAS.json, ENAS.json, DARTS.json",
    ),
}

SOURCES = {name: entry.source for name, entry in CATALOGUE.items()} | TABLES


def main(names: list[str]) -> None:
    """Loads each named set, which downloads it if absent; without names lists all.

    Raises:
        UserError: an unknown name, or a set that cannot be loaded.
    """
    unknown = [name for name in names if name not in SOURCES]
    if unknown:
        raise UserError(f"found {unknown[0]!r}, expected one of {', '.join(SOURCES)}")
    for name in names:
        prepare(name)
    if not names:
        list_sources(data_root())


def prepare(name: str) -> None:
    """Downloads and checks one set, or says what to fetch by hand."""
    source = SOURCES[name]
    if source.page and not (data_root() / source.place).exists():
        _print_page(name, source, data_root())
        return
    if name not in CATALOGUE:
        print(f"{name}: {data_root() / source.place} is there")
        return
    data = load_dataset(name)
    sizes = " / ".join(f"{len(part):,}" for part in (data.train, data.validation, data.test))
    print(f"{name}: {sizes} training, validation and test images")


def list_sources(root: Path) -> None:
    """Prints what is in the data folder, and how to get the rest."""
    for name, source in SOURCES.items():
        if not source.place:
            print(f"{name:<16}there   ships with scikit-learn")
        elif (root / source.place).exists():
            print(f"{name:<16}there   {root / source.place}")
        elif not source.page:
            print(f"{name:<16}absent  bash scripts/prepare_data.sh {name}  ({source.size})")
    for name, source in SOURCES.items():
        if source.page and not (root / source.place).exists():
            print()
            _print_page(name, source, root)


def _print_page(name: str, source: Source, root: Path) -> None:
    print(f"{name} cannot be downloaded by a script. By hand:")
    for label, value in (("page", source.page), ("files", source.files), ("size", source.size)):
        print(f"  {label:<6}{value}")
    print(f"  {'into':<6}{root / source.place}")


if __name__ == "__main__":
    run_main("prepare", lambda: main(sys.argv[1:]))

"""Entry: python -m common.prepare [NAME ...]: fetches datasets and says what is there."""

import argparse
from collections.abc import Sequence

from common.data import CATALOGUE, Entry, data_root, load_dataset
from common.errors import UserError, run_main

TABLES = {  # of accuracies, beside the catalogue's images
    "nas-bench-201": Entry(
        None,
        "nasbench201.csv.gz",
        "about 5 GB",
        "https://github.com/D-X-Y/NAS-Bench-201",
        "NAS-Bench-201-v1_1-096897.pth; convert it: python -m spaces.benchmark convert --help",
    ),
    "nds": Entry(
        None,
        "nds_data",
        "see the page",
        "https://dl.fbaipublicfiles.com/nds/data.zip",
        "NASNet.json, Amoeba.json, PNAS.json, ENAS.json, DARTS.json",
    ),
}
SOURCES = CATALOGUE | TABLES


def main(arguments: Sequence[str] | None = None) -> None:
    """Loads each named set, which downloads it if absent; without names lists all."""
    parser = argparse.ArgumentParser(prog="python -m common.prepare", description=main.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(SOURCES)}")
    names = parser.parse_args(arguments).names
    unknown = [name for name in names if name not in SOURCES]
    if unknown:
        raise UserError(f"found {unknown[0]!r}, expected one of {', '.join(SOURCES)}")
    for name in names:
        prepare(name)
    if not names:
        list_sources()


def prepare(name: str) -> None:
    """Downloads and checks one set, or says what to fetch by hand."""
    source, place = SOURCES[name], data_root() / SOURCES[name].place
    if source.page and not place.exists():
        _print_page(name)
    elif name in TABLES:
        print(f"{name}: {place} is there")
    else:
        data = load_dataset(name)
        sizes = " / ".join(f"{len(part):,}" for part in (data.train, data.validation, data.test))
        print(f"{name}: {sizes} training, validation and test images")


def list_sources() -> None:
    """Prints what is in the data folder, and how to get the rest."""
    absent = []
    for name, source in SOURCES.items():
        if not source.place:
            print(f"{name:<16}there   ships with scikit-learn")
        elif (data_root() / source.place).exists():
            print(f"{name:<16}there   {data_root() / source.place}")
        elif not source.page:
            print(f"{name:<16}absent  bash scripts/prepare_data.sh {name}  ({source.size})")
        else:
            absent.append(name)
    for name in absent:
        print()
        _print_page(name)


def _print_page(name: str) -> None:
    source = SOURCES[name]
    print(
        f"{name} cannot be downloaded by a script. By hand:\n  page  {source.page}\n"
        f"  files {source.files}\n  size  {source.size}\n  into  {data_root() / source.place}"
    )


if __name__ == "__main__":
    run_main("prepare", main)

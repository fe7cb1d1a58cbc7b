"""Entry: python -m common.prepare [NAME ...]: fetches datasets and says what is there."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from common.data import CATALOGUE, DataError, data_root, load_dataset
from common.imagenet16 import FILES


@dataclass(frozen=True)
class Source:
    """Where data comes from and where it belongs.

    Args:
        place: file or folder below the data root that shows it is there.
        page: where a person gets it; empty if it is downloaded.
        size: of the download.
        files: what to fetch from the page.
    """

    place: str
    page: str = ""
    size: str = ""
    files: str = ""


NASBENCH_PAGE = "https://github.com/D-X-Y/NAS-Bench-201"
SOURCES = {
    "mnist": Source("MNIST/raw", size="12 MB"),
    "cifar10": Source("cifar-10-batches-py", size="170 MB"),
    "cifar100": Source("cifar-100-python", size="169 MB"),
    "svhn": Source("train_32x32.mat", size="250 MB"),
    "ImageNet16-120": Source(
        "ImageNet16",
        "https://drive.google.com/drive/folders/1T3UIyZXUhMmIuJLOBMIYKAsJknAtrrO4",
        "about 1 GB",
        f"{next(iter(FILES))} .. {list(FILES)[-2]}, {list(FILES)[-1]}",
    ),
    "imagenet-1k": Source(
        "imagenet-1k",
        "https://image-net.org/download.php",
        "about 150 GB",
        "ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar, unpacked to train/CLASS/*.JPEG and "
        "val/CLASS/*.JPEG",
    ),
    "nas-bench-201": Source(
        "nasbench201.csv.gz",
        NASBENCH_PAGE,
        "about 5 GB",
        "NAS-Bench-201-v1_1-096897.pth; convert it: python -m spaces.benchmark convert --help",
    ),
    "nds": Source(
        "nds_data",
        "https://dl.fbaipublicfiles.com/nds/data.zip",
        "see the page",
        "NASNet.json, Amoeba.json, PNAS.json, ENAS.json, DARTS.json",
    ),
}


def main(names: list[str]) -> None:
    """Loads each named set, which downloads it if absent; without names lists all."""
    known = ("digits", *SOURCES)
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"prepare: found {unknown[0]!r}, expected one of {', '.join(known)}")
    for name in names:
        prepare(name)
    if not names:
        list_sources(data_root())


def prepare(name: str) -> None:
    """Downloads and checks one set, or says what to fetch by hand."""
    source = SOURCES.get(name)
    if source and source.page and not (data_root() / source.place).exists():
        _print_page(name, source, data_root())
        return
    if name not in CATALOGUE:
        print(f"{name}: {data_root() / source.place} is there")
        return
    try:
        data = load_dataset(name)
    except DataError as error:
        sys.exit(f"prepare: {error}")
    sizes = " / ".join(f"{len(part):,}" for part in (data.train, data.validation, data.test))
    print(f"{name}: {sizes} training, validation and test images")


def list_sources(root: Path) -> None:
    """Prints what is in the data folder, and how to get the rest."""
    print(f"{'digits':<16}there   ships with scikit-learn")
    for name, source in SOURCES.items():
        if (root / source.place).exists():
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
    main(sys.argv[1:])

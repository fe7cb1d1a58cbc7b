"""ImageNet-1k as a folder of images: a sample in memory for training-free scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from common.data import Arrays, DataError

NAME, SIZE = "imagenet-1k", 224
SAMPLE = {"train": 1024, "validation": 256, "test": 256}


def folder(root: Path, part: str) -> Path:
    """root/imagenet-1k/train or .../val, with one folder of images per class.

    Raises:
        DataError: the folder is absent or holds no class folders.
    """
    found = root / NAME / {"train": "train"}.get(part, "val")
    if not found.is_dir() or not any(path.is_dir() for path in found.iterdir()):
        raise DataError(
            f"{NAME} is not in {root}: expected {found}/CLASS/*.JPEG, one folder for each class; "
            f"see bash scripts/prepare_data.sh"
        )
    return found


def load_sample(root: Path, seed: int) -> tuple[Arrays, Arrays, Arrays]:
    """Random images as uint8 [n, 3, 224, 224], resized to 256 and cropped in the middle.

    Training images are drawn from train/, validation and test images from disjoint parts of
    val/; a search looks at a mini-batch and needs no more.

    Args:
        root: the folder that holds imagenet-1k/.
        seed: of the draw.

    Raises:
        DataError: the folders are absent.
    """
    from torchvision.datasets import ImageFolder
    from torchvision.transforms.v2 import CenterCrop, Compose, Resize

    crop = Compose([Resize(SIZE * 8 // 7), CenterCrop(SIZE)])
    rng = np.random.default_rng(seed)
    train, held = (ImageFolder(folder(root, part), transform=crop) for part in ("train", "test"))
    chosen = rng.permutation(len(train))[: SAMPLE["train"]]
    half = len(held) // 2
    order = rng.permutation(len(held))
    parts = [order[:half][: SAMPLE["validation"]], order[half:][: SAMPLE["test"]]]
    return _read(train, chosen), *(_read(held, part) for part in parts)


def _read(images: object, chosen: np.ndarray) -> Arrays:
    pairs = [images[int(index)] for index in chosen]
    pixels = np.stack([np.asarray(image, dtype=np.uint8).transpose(2, 0, 1) for image, _ in pairs])
    return pixels, np.array([label for _, label in pairs], dtype=np.int64)

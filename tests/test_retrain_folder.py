"""Training on a folder of images, as on ImageNet, with worker processes that read it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from common.dataset import DataError
from common.files import read_metrics
from common.image_folder import FolderImages, list_files, middle
from common.runs import RunSettings
from common.workers import Workers
from retrain.config import AugmentSettings, NetworkSettings, RetrainConfig, SgdSettings
from retrain.data import load_images, training_transform
from retrain.training import train

CPU = torch.device("cpu")


@pytest.fixture
def root(tmp_path):
    """Two classes of coloured noise: 20 training images, 6 to test on."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 10), ("val", 3)):
        for label, name in enumerate(("n01", "n02")):
            folder = tmp_path / "images/imagenet-1k" / part / name
            folder.mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 128, (40 + i, 48, 3), np.uint8) + np.uint8(120 * label)
                Image.fromarray(pixels).save(folder / f"{i}.JPEG")
    return tmp_path / "images"


def config(root, **changes):
    small = RetrainConfig(
        genotype="DARTS_V2",
        space="darts",
        network=NetworkSettings(channels=4, layers=3, stem="imagenet"),
        dataset=f"{root}/imagenet-1k/",
        image_size=64,
        holdout=4,
        epochs=2,
        batch_size=6,
        label_smoothing=0.1,
        optimizer=SgdSettings(lr=0.05, nesterov=False, warmup_epochs=1, per_step=False, clip=5),
        augment=AugmentSettings(color_jitter=0.4),
        loader_workers=2,
        device="cpu",
        run=RunSettings("r", str(root / "runs")),
    )
    return replace(small, **changes)


def test_a_kill_within_an_epoch_leaves_no_trace(root, monkeypatch):
    """The same bits, also when other processes read the images after the kill."""
    undisturbed = train(config(root), Workers())
    other = config(root, run=RunSettings("b", str(root / "runs")), checkpoint_steps=1)
    step, count = torch.optim.SGD.step, 0

    def killed(*arguments, **words):
        nonlocal count
        count += 1
        if count == 2:
            raise KeyboardInterrupt
        return step(*arguments, **words)

    monkeypatch.setattr(torch.optim.SGD, "step", killed)
    with pytest.raises(KeyboardInterrupt):
        train(other, Workers())
    after = train(replace(other, loader_workers=0), Workers())
    folders = [root / "runs/retrain" / name for name in "rb"]
    assert read_metrics(folders[0]) == read_metrics(folders[1])
    weights = [torch.load(f / "last.pt", weights_only=True)["network"] for f in folders]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    assert after["test"] == undisturbed["test"]
    assert after["images"] == {"train": 16, "validation": 4, "test": 6}
    assert after["classes"] == 2 and after["test"]["top5_error"] is None
    assert count == 2 + 5  # three steps an epoch: one was kept


def test_the_auxiliary_head_of_imagenet(root, monkeypatch):
    monkeypatch.setenv("DATA_ROOT", str(root))
    settings = config(
        root,
        dataset="imagenet-1k",
        image_size=224,
        network=NetworkSettings(channels=2, layers=3, stem="imagenet", auxiliary=0.4),
        epochs=1,
        batch_size=16,
        optimizer=SgdSettings(lr=0.01),
        loader_workers=0,
    )
    result = train(settings, Workers())
    assert result["dataset"]["name"] == "imagenet-1k" and result["last_epoch"]["train_loss"] > 0


def test_batches_follow_seed_epoch_and_step(root):
    images = load_images(config(root, loader_workers=0), Workers(), CPU)
    assert images.header["name"] == "imagenet-1k/"  # any folder, not the catalogue's set
    epochs = [list(images.train_batches(epoch, 0)) for epoch in (1, 1, 2)]
    for (_, n, x, y), (_, _, again, labels) in zip(epochs[0], epochs[1]):
        assert torch.equal(x, again) and torch.equal(y, labels) and len(x) == n
    assert not torch.equal(epochs[0][0][2], epochs[2][0][2])
    (step, _, x, _), *_ = images.train_batches(1, 1)
    assert step == 1 and torch.equal(x, epochs[0][1][2])
    labels = torch.cat([y for _, _, _, y in epochs[0]])
    assert len(labels) == 16


def test_two_processes_share_what_one_would_see(root):
    settings = config(root, loader_workers=0)
    whole = list(load_images(settings, Workers(), CPU).train_batches(1, 0))
    halves = []
    for rank in (0, 1):
        workers = Workers()
        workers.size, workers.rank = 2, rank
        halves.append(list(load_images(settings, workers, CPU).train_batches(1, 0)))
    for (_, _, x, y), (_, _, a, ya), (_, _, b, yb) in zip(whole, *halves):
        assert torch.equal(x, torch.cat([a, b])) and torch.equal(y, torch.cat([ya, yb]))


def test_the_files_held_out_follow_the_seed(root):
    found = [list_files(root, "imagenet-1k", 4, seed)[0] for seed in (0, 0, 1)]
    assert found[0] == found[1] != found[2]
    for files in found:
        both = files["train"] + files["validation"]
        assert len(set(both)) == 20 and len(files["validation"]) == 4
    assert {Path(path).parent.parent.name for path, _ in found[0]["test"]} == {"val"}
    assert list_files(root, "imagenet-1k", 0, 0)[0]["validation"] == []


def test_images_as_they_are_evaluated(root):
    settings = config(root)
    files, _ = list_files(root, "imagenet-1k", 4, 0)
    image, label = FolderImages(files["test"], middle(settings.image_size))[0, 0]
    assert (image.shape, image.dtype, label) == ((3, 64, 64), torch.uint8, 0)
    with Image.open(files["test"][0][0]) as file:  # 48x40 -> 87x73 -> 64x64
        plain = np.asarray(file.convert("RGB").resize((87, 73), Image.Resampling.BILINEAR))
    expected = torch.tensor(plain[4:68, 12:76].transpose(2, 0, 1).astype(float))
    assert (image.double() - expected).abs().mean() < 3
    train_images = FolderImages(files["train"], training_transform(settings))
    before = torch.get_rng_state()
    assert torch.equal(train_images[3, 7][0], train_images[3, 7][0])
    assert not torch.equal(train_images[3, 7][0], train_images[3, 8][0])
    assert torch.equal(before, torch.get_rng_state())


def test_what_is_wrong_with_a_folder_is_told(root):
    def load(**changes):
        return load_images(config(root, **changes), Workers(), CPU)

    with pytest.raises(DataError, match="one folder for each class"):
        load(dataset=f"{root}/absent/")
    with pytest.raises(DataError, match="holdout = 20 leaves none to train on"):
        load(holdout=20)
    (root / "imagenet-1k/train/n03").mkdir()
    with pytest.raises(DataError, match="n03"):  # no image in it
        load()
    file = root / "imagenet-1k/train/n03/0.JPEG"
    Image.new("RGB", (9, 9)).save(file)
    with pytest.raises(DataError, match=r"3 classes in train/ and 2 in val/.*n03 is in one only"):
        load()


@pytest.mark.parametrize("loader_workers", [0, 1])
def test_a_broken_image_is_named(root, loader_workers):
    broken = root / "imagenet-1k/val/n02/1.JPEG"
    broken.write_bytes(b"no image")
    images = load_images(config(root, loader_workers=loader_workers), Workers(), CPU)
    with pytest.raises(DataError, match=r"1\.JPEG is no readable image") as caught:
        list(images.evaluation_batches("test"))
    assert "\n" not in str(caught.value)


def test_hue_changes_half_as_much_as_the_other_colours(root):
    transforms = training_transform(config(root)).transforms
    (jitter,) = (t for t in transforms if hasattr(t, "hue"))
    for colour in (jitter.brightness, jitter.contrast, jitter.saturation):
        assert colour == pytest.approx((0.6, 1.4))
    assert jitter.hue == pytest.approx((-0.2, 0.2))

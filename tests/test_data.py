"""Datasets of the catalogue."""

import os

import numpy as np
import pytest
import torch
import torchvision  # noqa: F401  (fails beside a torch it was not built for)

from common import image_folder
from common.data import data_root, load_dataset
from common.dataset import DataError
from common.errors import UserError
from common.pictures import read_picture
from common.prepare import main as prepare


def test_digits_are_stratified_and_always_the_same():
    data = load_dataset("digits")
    assert [len(s) for s in (data.train, data.validation, data.test)] == [1000, 297, 500]
    assert data.train.images.dtype == torch.uint8 and data.image_shape == (1, 8, 8)
    counts = torch.bincount(data.train.labels)
    assert len(counts) == data.num_classes == 10 and counts.min() > 95
    again = load_dataset("digits", seed=7)
    assert torch.equal(data.train.images, again.train.images)
    x = data.normalize(data.train.images)
    assert x.mean().abs() < 1e-5 and abs(x.std(correction=0) - 1) < 1e-5


def test_digits_are_scikit_learns():
    from sklearn.datasets import load_digits

    data = load_dataset("digits")
    splits = (data.train, data.validation, data.test)
    ours = torch.cat([s.images for s in splits]).double().flatten(1) * 16 / 255
    theirs = load_digits().data
    key = np.random.default_rng(0).normal(size=64)
    assert np.allclose(np.sort(ours.round().numpy() @ key), np.sort(theirs @ key))


def test_mnist(shared, monkeypatch):
    monkeypatch.setenv("DATA_ROOT", str(shared / "data"))
    data = load_dataset("mnist")
    assert [len(s) for s in (data.train, data.validation, data.test)] == [54000, 6000, 10000]
    assert data.image_shape == (1, 28, 28)
    other = load_dataset("mnist", seed=1)
    assert not torch.equal(data.validation.labels, other.validation.labels)
    assert torch.equal(data.test.labels, other.test.labels)


@pytest.mark.parametrize("name", ["mnist", "cifar10", "cifar100", "svhn"])
def test_absent_files_are_named(tmp_path, monkeypatch, name):
    def no_network(*_args, **_kwargs):
        raise OSError("Name or service not known")

    monkeypatch.setattr("urllib.request.urlopen", no_network)
    monkeypatch.setenv("DATA_ROOT", str(tmp_path))
    with pytest.raises(DataError, match=f"{name} is not in .*{tmp_path}.*prepare_data.sh {name}"):
        load_dataset(name)


def test_an_unknown_name_lists_the_catalogue():
    with pytest.raises(DataError, match="found 'minst', expected one of digits, mnist"):
        load_dataset("minst")


def arrays(**changes):
    rng = np.random.default_rng(0)
    found = {
        "x_train": rng.integers(0, 255, (100, 6, 5, 3), np.uint8),
        "y_train": np.arange(100) % 4,
        "x_test": rng.integers(0, 255, (10, 6, 5, 3), np.uint8),
        "y_test": np.arange(10) % 4,
    }
    return {k: v for k, v in (found | changes).items() if v is not None}


def test_an_npz_file(tmp_path):
    np.savez(tmp_path / "a.npz", **arrays())
    data = load_dataset(str(tmp_path / "a.npz"))
    assert [len(s) for s in (data.train, data.validation, data.test)] == [90, 10, 10]
    assert data.image_shape == (3, 6, 5) and data.num_classes == 4
    expected = torch.from_numpy(arrays()["x_test"]).permute(0, 3, 1, 2)
    assert torch.equal(data.test.images, expected)


def test_grey_images_get_a_channel(tmp_path):
    grey = {f"x_{p}": arrays()[f"x_{p}"][..., 0] for p in ("train", "test")}
    np.savez(tmp_path / "a.npz", **arrays(**grey))
    assert load_dataset(str(tmp_path / "a.npz")).image_shape == (1, 6, 5)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"x_test": None}, "x_test: found only x_train, y_train, y_test"),
        ({"x_train": np.zeros((100, 6, 5, 3), np.float32)}, "x_train: found dtype float32"),
        ({"x_train": np.zeros((100, 30), np.uint8)}, r"x_train: found shape \(100, 30\)"),
        ({"x_train": np.zeros((100, 6, 5, 2), np.uint8)}, "x_train: found shape"),
        ({"y_train": np.zeros(99, np.int64)}, "y_train: found int64"),
        ({"y_train": np.zeros(100)}, "y_train: found float64"),
        ({"y_test": np.arange(10) - 1}, "y_test: found label -1"),
    ],
)
def test_a_bad_npz_file_is_refused(tmp_path, changes, told):
    np.savez(tmp_path / "a.npz", **arrays(**changes))
    with pytest.raises(DataError, match=told):
        load_dataset(str(tmp_path / "a.npz"))


def test_an_npz_file_that_is_none(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        load_dataset(str(tmp_path / "a.npz"))
    (tmp_path / "a.npz").write_text("hello")
    with pytest.raises(DataError, match="not a readable"):
        load_dataset(str(tmp_path / "a.npz"))


def test_labels_with_gaps_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", **arrays(y_train=np.arange(100) % 4 * 10 + 7))
    with pytest.raises(DataError, match=r"found 8 different labels up to 37, expected all of 0"):
        load_dataset(str(tmp_path / "a.npz"))


def test_a_cut_off_npz_file_is_told(tmp_path):
    whole = tmp_path / "a.npz"
    np.savez(whole, **arrays())
    whole.write_bytes(whole.read_bytes()[:-200])
    with pytest.raises(DataError, match=r"a.npz: not a readable .npz"):
        load_dataset(str(whole))
    with whole.open("wb") as file:
        np.save(file, arrays()["x_train"])
    with pytest.raises(DataError, match=r"a.npz: not a readable .npz"):
        load_dataset(str(whole))


def test_imagenet16_is_split_in_halves(tmp_path, monkeypatch):
    def load(root, split):
        assert root == tmp_path / "ImageNet16"
        n = 40 if split == "train" else 10
        rng = np.random.default_rng(0)
        return rng.integers(0, 255, (n, 3, 16, 16), np.uint8), np.arange(n) % 120

    monkeypatch.setattr("common.imagenet16.load", load)
    monkeypatch.setenv("DATA_ROOT", str(tmp_path))
    data = load_dataset("ImageNet16-120")
    assert [len(s) for s in (data.train, data.validation, data.test)] == [40, 5, 5]
    assert data.validation.labels.tolist() == [0, 2, 4, 6, 8]
    assert data.test.labels.tolist() == [1, 3, 5, 7, 9]


def test_a_sample_of_an_image_folder(tmp_path, monkeypatch):
    from PIL import Image

    rng = np.random.default_rng(0)
    for part in ("train", "val"):
        for label in ("n01", "n02"):
            folder = tmp_path / "imagenet-1k" / part / label
            folder.mkdir(parents=True)
            for number in range(4):
                pixels = rng.integers(0, 255, (300, 260 + number, 3), np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.JPEG")
    monkeypatch.setenv("DATA_ROOT", str(tmp_path))
    data = load_dataset("imagenet-1k")
    assert data.image_shape == (3, 224, 224) and data.num_classes == 2
    assert [len(s) for s in (data.train, data.validation, data.test)] == [8, 4, 4]


def test_an_absent_image_folder_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_ROOT", str(tmp_path))
    with pytest.raises(DataError, match=r"imagenet-1k is not in .*expected .*CLASS"):
        load_dataset("imagenet-1k")


def test_prepare_lists_what_is_there_and_how_to_get_the_rest(tmp_path, monkeypatch, capsys):
    (tmp_path / "MNIST/raw").mkdir(parents=True)
    monkeypatch.setenv("DATA_ROOT", str(tmp_path))
    prepare([])
    told = capsys.readouterr().out
    assert "mnist           there" in told and "cifar10         absent" in told
    prepare(["ImageNet16-120"])
    page = capsys.readouterr().out
    assert "train_data_batch_10, val_data" in page and str(tmp_path / "ImageNet16") in page
    prepare(["digits"])
    assert "1,000 / 297 / 500" in capsys.readouterr().out
    with pytest.raises(UserError, match="found 'minst', expected one of digits, mnist"):
        prepare(["minst"])
    with pytest.raises(SystemExit, match="0"):
        prepare(["--help"])
    told = capsys.readouterr().out
    assert "python -m common.prepare [-h] [NAME ...]" in told and "mnist, cifar10" in told


def test_a_cut_mnist_file_is_named(tmp_path, monkeypatch):
    folder = tmp_path / "MNIST/raw"
    folder.mkdir(parents=True)
    monkeypatch.setenv("DATA_ROOT", str(tmp_path))
    head = bytes([0, 0, 8, 1, 0, 0, 0, 5])
    (folder / "t10k-labels-idx1-ubyte").write_bytes(head + bytes(5))
    for cut in (head + bytes(4), head[:6], b""):
        (folder / "train-labels-idx1-ubyte").write_bytes(cut)
        with pytest.raises(DataError, match=r"train-labels-idx1-ubyte is cut off: delete it"):
            load_dataset("mnist")


def test_the_home_folder_may_be_written_as_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    np.savez(tmp_path / "mine.npz", **arrays())
    assert load_dataset("~/mine.npz").name == "mine"
    np.savez(tmp_path / "mnist.npz", **arrays())  # the catalogue's name stands for other images
    assert load_dataset("~/mnist.npz").name == "mnist.npz"
    monkeypatch.setenv("DATA_ROOT", "~/data")
    assert data_root() == tmp_path / "data"


def test_the_digest_is_of_what_is_read(tmp_path):
    """The same for any name, device and split; another for one pixel, label or shape."""
    paths = [tmp_path / f"{name}.npz" for name in "abcde"]
    first = arrays()
    images, labels = first["x_train"].copy(), first["y_train"].copy()
    images[0, 0, 0, 0] ^= 1
    labels[0] ^= 1
    turned = {f"x_{p}": first[f"x_{p}"].reshape(-1, 5, 6, 3) for p in ("train", "test")}
    for path, changes in zip(paths, ({}, {}, {"x_train": images}, {"y_train": labels}, turned)):
        np.savez(path, **arrays(**changes))
    digests = [load_dataset(str(path), seed=seed).digest for seed, path in enumerate(paths)]
    assert digests[0] == digests[1] and len(set(digests)) == 4
    assert all(len(digest) == 16 and int(digest, 16) >= 0 for digest in digests)
    assert load_dataset(str(paths[0])).header == {"name": "a", "digest": digests[0]}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"x_test": np.zeros((10, 5, 5, 3), np.uint8)}, r"images of \(3, 6, 5\) and others of"),
        ({"x_test": np.zeros((10, 6, 5), np.uint8)}, r"and others of \(1, 6, 5\)"),
        ({"y_train": np.arange(100) % 3}, "class 3 in the test images alone"),
        ({"y_train": np.zeros(100, int), "y_test": np.zeros(10, int)}, r"one class \(0\)"),
        ({"x_train": np.zeros((100, 6, 5, 3), np.uint8)}, "training images of one colour"),
        ({"x_train": np.zeros((1, 6, 5, 3), np.uint8), "y_train": np.zeros(1, int),
          "y_test": np.zeros(10, int)}, r"1 training image\(s\), expected at least 3"),
        ({"y_test": np.arange(10).astype(np.uint64) + 2**63}, "y_test: found label 9223"),
        ({"x_test": np.zeros((0, 6, 5, 3), np.uint8), "y_test": np.zeros(0, int)}, "x_test"),
    ],
)  # fmt: skip
def test_parts_that_do_not_fit_are_refused(tmp_path, changes, told):
    np.savez(tmp_path / "a.npz", **arrays(**changes))
    with pytest.raises(DataError, match=told):
        load_dataset(str(tmp_path / "a.npz"))


def test_labels_in_a_column_are_read(tmp_path):
    np.savez(tmp_path / "a.npz", **arrays(y_train=arrays()["y_train"][:, None]))
    assert load_dataset(str(tmp_path / "a.npz")).num_classes == 4


def test_pictures_are_read_faithfully(tmp_path):
    from PIL import Image

    ramp = np.arange(256, dtype=np.uint16).reshape(16, 16)
    eight = ramp.astype(np.uint8)
    opaque = np.dstack([eight] * 3 + [np.full_like(eight, 255)])
    kept = {
        "grey.png": Image.fromarray(eight),
        "grey16.png": Image.fromarray(ramp * 257),
        "grey16.tif": Image.fromarray(ramp * 257),
        "opaque.png": Image.fromarray(opaque),
    }
    for name, image in kept.items():
        image.save(tmp_path / name)
        read = np.asarray(read_picture(str(tmp_path / name)))
        assert np.array_equal(read, np.dstack([eight] * 3)), name


def test_pictures_that_rgb_cannot_show_are_refused_by_name(tmp_path, monkeypatch):
    from PIL import Image

    def refused(name, told):
        with pytest.raises(DataError, match=rf"{name} {told}") as caught:
            read_picture(str(tmp_path / name))
        assert "\n" not in str(caught.value)

    grey = np.zeros((16, 16), np.uint8)
    Image.fromarray(np.dstack([grey] * 4)).save(tmp_path / "alpha.png")
    refused("alpha.png", "has transparent pixels")
    Image.fromarray(grey.astype(np.float32)).save(tmp_path / "float.tif")
    refused("float.tif", "has pixels of floats")
    Image.fromarray(grey.astype(np.int32)).save(tmp_path / "int.tif")
    refused("int.tif", "has pixels of 32-bit integers")
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "whole.png")
    whole = (tmp_path / "whole.png").read_bytes()
    for at in range(1, len(whole) - 20, len(whole) // 40):
        (tmp_path / "cut.png").write_bytes(whole[:at])
        refused("cut.png", "is no readable image")
    for limit in (3000, 1000):  # a warning up to twice the limit, then an error
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        refused("whole.png", "has too many pixels")


def test_an_image_folder_of_one_to_validate_and_test_is_refused(tmp_path, monkeypatch):
    from PIL import Image

    for part in ("train", "val"):
        (tmp_path / "imagenet-1k" / part / "n01").mkdir(parents=True)
        Image.new("RGB", (9, 9)).save(tmp_path / "imagenet-1k" / part / "n01/0.png")
    monkeypatch.setenv("DATA_ROOT", str(tmp_path))
    with pytest.raises(DataError, match="imagenet-1k/val: found one image, expected two"):
        load_dataset("imagenet-1k")


def test_the_digest_of_a_folder_follows_names_sizes_and_times(tmp_path):
    def digest():
        return image_folder.digest(tmp_path)

    (tmp_path / "train/a").mkdir(parents=True)
    (tmp_path / "val/a").mkdir(parents=True)
    file = tmp_path / "train/a/0.png"
    file.write_bytes(b"0")
    os.utime(file, ns=(0, 0))
    os.utime(tmp_path / "train/a", ns=(0, 0))
    first = digest()
    assert digest() == first
    os.utime(file, ns=(0, 1))
    found = [first, digest()]
    file.write_bytes(b"00")
    os.utime(file, ns=(0, 1))
    found.append(digest())
    file.rename(file.with_name("1.png"))
    found.append(digest())
    assert len(set(found)) == 4

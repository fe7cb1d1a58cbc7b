"""Datasets of the catalogue."""

import numpy as np
import pytest
import torch
import torchvision  # noqa: F401  (fails beside a torch it was not built for)

from common.data import DataError, load_dataset
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
    with pytest.raises(SystemExit, match="found 'minst', expected one of digits, mnist"):
        prepare(["minst"])

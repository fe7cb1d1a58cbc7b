"""ImageNet16 files, made here in the official structure."""

import hashlib
import pickle

import numpy as np
import pytest

from common import imagenet16
from common.dataset import DataError

RNG = np.random.default_rng(0)
LABELS = {name: RNG.integers(1, 1001, 40) for name in imagenet16.FILES}


def write(root, name, content, monkeypatch):
    data = pickle.dumps(content, protocol=2)
    (root / name).write_bytes(data)
    monkeypatch.setitem(imagenet16.FILES, name, hashlib.md5(data).hexdigest())


@pytest.fixture
def root(tmp_path, monkeypatch):
    for name, labels in LABELS.items():
        labels[:5] = [1, 120, 121, 1000, 60]
        data = np.tile(np.repeat(np.arange(3, dtype=np.uint8), 256), (len(labels), 1))
        data[:, 1] = labels % 251
        content = {"data": data, "labels": labels.tolist(), "mean": data.mean(0)}
        write(tmp_path, name, content, monkeypatch)
    return tmp_path


@pytest.mark.parametrize("split", ["train", "validation"])
def test_load_keeps_the_first_labels_in_the_order_of_the_files(root, split):
    images, labels = imagenet16.load(root, split)
    names = [n for n in LABELS if n.startswith("train") == (split == "train")]
    assert len(names) == (10 if split == "train" else 1)
    expected = [label for name in names for label in LABELS[name] if label <= 120]
    assert labels.tolist() == [label - 1 for label in expected]
    assert (images.shape, images.dtype) == ((len(expected), 3, 16, 16), np.uint8)
    assert labels.dtype == np.int64
    assert (images[:, 0, 0, 1] == np.array(expected) % 251).all()
    assert (images[:, 1] == 1).all() and (images[:, 2] == 2).all()


def test_known_sums_are_the_official_ones():
    assert len(imagenet16.FILES) == 11
    assert all(len(md5) == 32 for md5 in imagenet16.FILES.values())


def test_verify_tells_the_state_of_each_file(root, capsys):
    assert imagenet16.main(["verify", str(root)]) == 0
    assert capsys.readouterr().out.count(" ok\n") == 11
    (root / "val_data").write_bytes(b"x")
    (root / "train_data_batch_3").unlink()
    assert imagenet16.main(["verify", str(root)]) == 1
    out = capsys.readouterr().out
    assert "train_data_batch_3   missing" in out
    assert "val_data             md5 is 9dd4e461268c8034f5c8564e155c67a6, expected" in out


class Harmful:
    def __reduce__(self):
        return (print, ("this must not run",))


def test_a_foreign_file_is_never_unpickled(root, capsys):
    (root / "val_data").write_bytes(pickle.dumps({"data": Harmful()}))
    with pytest.raises(DataError, match="val_data: found md5"):
        imagenet16.load(root, "validation")
    assert "this must not run" not in capsys.readouterr().out


def test_changed_and_missing_files_are_named(root):
    (root / "val_data").write_bytes(b"x")
    with pytest.raises(DataError, match="val_data: found md5 9dd4"):
        imagenet16.load(root, "validation")
    (root / "train_data_batch_3").unlink()
    with pytest.raises(DataError, match="missing train_data_batch_3; see python -m common"):
        imagenet16.load(root, "train")

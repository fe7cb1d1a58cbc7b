"""Entry: python -m mlp_code.evaluate --folder runs/mlp/digits."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from common.checkpoints import load_state
from common.config import parse_config, require
from common.data import load_dataset
from common.dataset import Dataset
from common.devices import Device, choose_device
from common.errors import run_main
from common.files import read_json
from common.ranges import check
from common.runs import read_settings
from mlp_code.config import MlpConfig, SgdConfig
from mlp_code.members import DagMlpLoop, mlp_shape
from mlp_code.metrics import make_loss
from mlp_code.model import DagMlp, MlpShape
from mlp_code.training import evaluate

PROG = "python -m mlp_code.evaluate"


@dataclass(frozen=True)
class EvaluateConfig:
    """Which weights to evaluate on what.

    Args:
        folder: a finished run, such as runs/mlp/digits.
        weights: best (on validation images) or last.
        split: train, validation or test.
        dataset: another dataset of the same image size; the run's own if empty.
        device: cpu, cuda, or auto.
    """

    folder: str = ""
    weights: Literal["best", "last"] = "best"
    split: Literal["train", "validation", "test"] = "test"
    dataset: str = ""
    device: Device = "auto"

    def __post_init__(self) -> None:
        check(self)
        files = ("config.yaml", "result.json", f"{self.weights}.pt")
        found = all((Path(self.folder) / file).is_file() for file in files)
        expected = f"the folder of a finished run, with {', '.join(files)}"
        require(bool(self.folder) and found, "folder", self.folder, expected)


def evaluate_run(config: EvaluateConfig) -> list[dict]:
    """Per network: dag, seed, code, epoch of the weights, loss, accuracies in %."""
    folder, device = Path(config.folder), choose_device(config.device)
    kind = read_json(folder / "result.json").get("kind")
    require(kind == "mlp", "folder", f"a run of kind {kind!r}", "one of python -m mlp_code")
    settings = read_settings(folder)
    del settings["data"]
    trained = MlpConfig(**settings | {"optimizer": SgdConfig(**settings["optimizer"])})
    data = load_dataset(trained.dataset, device, trained.split_seed)
    data = _other_images(config.dataset, data) if config.dataset else data
    saved = load_state(folder / f"{config.weights}.pt")["members"]
    shape = mlp_shape(trained, data.train.images[0].numel(), data.num_classes)
    members = DagMlpLoop([_restore(entry, shape) for entry in saved]).to(device)
    loss = make_loss(trained.loss, trained.targets)
    sums = evaluate(members, data, getattr(data, config.split), loss)
    keys = ("dag", "seed", "code", "epoch")
    return [
        {key: entry[key] for key in keys} | record
        for entry, record in zip(saved, sums.records(config.split))
    ]


def _other_images(name: str, own: Dataset) -> Dataset:
    """Another set as the networks would see it: their classes, their mean and deviation."""
    other, classes = load_dataset(name, own.mean.device), own.num_classes
    shapes = [tuple(data.image_shape) for data in (other, own)]
    require(shapes[0] == shapes[1], "dataset", f"{name} of shape {shapes[0]}", f"{shapes[1]}")
    found = f"{name} of {other.num_classes} classes"
    require(other.num_classes <= classes, "dataset", found, f"at most the run's {classes}")
    return replace(other, num_classes=classes, mean=own.mean, std=own.std)


def _restore(entry: dict, shape: MlpShape) -> DagMlp:
    network = DagMlp(entry["code"], shape)
    expected = tuple(network.linears[0].weight.shape)
    found = tuple(entry["state"]["linears.0.weight"].shape)
    require(found == expected, "dataset", expected, f"inputs for weights {found}")
    network.load_state_dict(entry["state"])
    return network


def main() -> None:
    """Prints one line per network."""
    config = parse_config(EvaluateConfig, PROG, "Evaluate the networks of a finished run.")
    records = evaluate_run(config)
    print(f"{'DAG':<12} {'seed':>4} {'epoch':>5} {'loss':>8} {'top-1 %':>8} {'class mean %':>12}")
    for record in records:
        values = (record[f"{config.split}_{key}"] for key in ("loss", "accuracy", "class_accuracy"))
        label = f"{record['dag'][:12]:<12} {record['seed']:>4} {record['epoch']:>5}"
        print(label, "{:>8.4f} {:>8.2f} {:>12.2f}".format(*values))


if __name__ == "__main__":
    run_main(PROG, main)

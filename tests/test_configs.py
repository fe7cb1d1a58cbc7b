"""Every committed config: valid, without what is the default anyway, headed by what it is for."""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.config import load_yaml, parse_config
from mlp_code.config import MlpConfig
from mlp_code.learning_rate import LearningRateConfig
from mlp_code.theory import TheoryConfig
from mlp_code.topologies import TopologiesConfig
from retrain.config import RetrainConfig
from tenas_dag.config import TenasConfig
from tenas_dag.correlate import CorrelateConfig
from wot_dag.compare import CompareConfig
from wot_dag.config import WotConfig

CONFIGS = Path(__file__).resolve().parent.parent / "configs"
CLASSES = {  # by folder, or by file
    "learning_rate": LearningRateConfig, "mlp": MlpConfig, "retrain": RetrainConfig,
    "scores": CompareConfig, "tenas": TenasConfig, "tenas/correlate": CorrelateConfig,
    "theory": TheoryConfig, "topologies": TopologiesConfig, "wot": WotConfig,
}  # fmt: skip
TO_EDIT = {"mlp/my_dag": ["dataset"]}  # defaults that the user is shown


def repeated(values: dict, default: object, prefix: str = "") -> Iterator[str]:
    """Keys of a file that say what the settings are without them."""
    for name, value in values.items():
        known = getattr(default, name)
        if dataclasses.is_dataclass(known):
            yield from repeated(value, known, f"{prefix}{name}.")
        elif value == known:
            yield prefix + name


@pytest.mark.parametrize(
    "name", sorted(str(file.relative_to(CONFIGS))[:-5] for file in CONFIGS.glob("*/*.yaml"))
)
def test_a_config(name):
    file = CONFIGS / f"{name}.yaml"
    text = file.read_text()
    config_class = CLASSES.get(name) or CLASSES[file.parent.name]
    config = parse_config(config_class, "prog", "Works.", ["--config", str(file)])
    assert config.run.name == file.stem
    values, default = load_yaml(text), config_class()
    assert list(repeated(values, default)) == TO_EDIT.get(name, [])
    if not values:
        assert "# Nothing differs from the defaults" in text
    head = text[: re.search("^[^#]|\\Z", text, re.MULTILINE).start()]
    assert re.search("^#   (bash scripts/|python -m |torchrun )", head, re.MULTILINE)
    assert re.search("Cost.*(second|minute|hour|GPU)", head) and "Expect" in head
    assert max(map(len, text.splitlines())) <= 110

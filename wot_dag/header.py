"""How scores were made: what stands in front of them, and whether it fits a config."""

from collections.abc import Mapping
from pathlib import Path

from common.config import identity
from common.data import load_dataset
from common.dataset import Dataset, digest_of
from common.devices import choose_device, describe
from wot_dag.config import WotConfig
from wot_dag.store import ScoreError, read_scores


def header_of(config: WotConfig, data: Dataset) -> dict:
    """What decides the score of an architecture and a seed."""
    shape = list(data.image_shape)
    return config.score_identity() | {"dataset": data.header, "image_shape": shape}


def list_header(path: str) -> dict[str, str]:
    """Name and digest of a list of genotypes: a path is not its data."""
    file = Path(path)
    return {"name": file.name.split(".")[0], "digest": digest_of([file.read_bytes()])}


def run_identity(config: WotConfig) -> tuple[dict, str, dict, Dataset | None]:
    """What decides a result: settings, device in words, header of the images.

    Last are the images themselves, for whoever scores; None where a file of scores, which counts
    by its content, stands for them.
    """
    settings, device = identity(config), choose_device(config.score.device)
    if config.genotypes:
        settings["genotypes"] = list_header(config.genotypes)["digest"]
    if not config.scores:
        data = load_dataset(config.score.dataset, device)
        return settings, describe(device), data.header, data
    header, _ = read_scores(Path(config.scores))
    settings["scores"] = digest_of([Path(config.scores).read_bytes()])
    return settings, describe(device), header["dataset"], None


def require_fit(config: WotConfig, header: Mapping[str, object]) -> None:
    """Checks that the file `config.scores` was made as the config says.

    A path is not its data: an .npz that is there counts by its content, not by its name. Of other
    data sets, which need not be there, the name counts.

    Raises:
        ScoreError: it was not; the message names the keys that differ.
        DataError: the .npz cannot be read.
    """
    expected = config.score_identity()
    found = dict(header)
    data, made_of = Path(config.score.dataset), header["dataset"]
    if data.suffix == ".npz" and data.is_file():
        expected["data"] = load_dataset(str(data)).header["digest"]
        found["data"] = made_of.get("digest")
    else:
        expected["dataset"], found["dataset"] = data.stem, made_of.get("name")
    differing = [key for key, value in expected.items() if found.get(key) != value]
    if differing:
        made, wanted = (
            ", ".join(f"{key} {settings.get(key)!r}" for key in differing)
            for settings in (found, expected)
        )
        raise ScoreError(
            f"{config.scores}: found scores made with {made}, expected {wanted}: "
            f"leave out --scores to score anew"
        )

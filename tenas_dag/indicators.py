"""Both indicators of a supernet, before and after a removal, on equal weights and inputs."""

import hashlib
import time
from typing import NamedTuple

import torch
from torch import Tensor

from common.dataset import Dataset
from common.devices import exact_float32
from spaces.initialization import Scheme, initialize
from spaces.nasbench201_networks import NasBench201Layout
from tenas_dag.config import IndicatorSettings
from tenas_dag.inputs import augmented, check_images, draw_crops, shrink
from tenas_dag.ntk import condition_number, published_condition_number, tangent_kernel
from tenas_dag.regions import count_regions
from tenas_dag.rounds import Left
from tenas_dag.supernet import DartsSupernet, NasBench201Supernet, Supernet

# (kappa, R): TE-NAS' Kaiming normal, and what the published code runs with
SCHEMES: dict[str, tuple[Scheme, Scheme]] = {
    "paper": ("kaiming_fan_out", "kaiming_fan_in"),
    "published": ("default", "default"),
}
LEAST_SIDE = {"cifar": 4, "imagenet": 32}


class Setting(NamedTuple):
    """What weights and inputs are drawn for.

    `candidate` is set where the published procedure draws anew for each candidate of a round.
    """

    seed: int
    round: int
    repetition: int
    candidate: tuple = ()


class Values(NamedTuple):
    """kappa (NaN if it has none), R, and the seconds that each took."""

    kappa: float
    regions: int
    ntk_seconds: float
    regions_seconds: float


def make_supernets(
    space: str, settings: IndicatorSettings, data: Dataset
) -> tuple[Supernet, Supernet]:
    """The networks for kappa and for R."""
    c, channels = settings.channels, data.image_shape[0]
    if space == "nas-bench-201":
        layout = NasBench201Layout(c, 1, classes=data.num_classes, input_channels=channels)
        return NasBench201Supernet(layout), NasBench201Supernet.regions()
    ours = DartsSupernet(c, data.num_classes, channels, settings.stem)
    return ours, DartsSupernet.regions()


def generator(*words: object) -> torch.Generator:
    """A random generator that the words decide, the same on every machine."""
    digest = hashlib.sha256(repr(words).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)


class Indicators:
    """Measures kappa and R of what is left of a supernet.

    The same setting gives the same weights and inputs, so values of one setting differ by what
    is left alone.

    Args:
        space: nas-bench-201 or darts.
        settings: batch, networks, initialization.
        data: source of the inputs.
        device: where to compute.

    Raises:
        DataError: the images do not fit.
    """

    def __init__(
        self, space: str, settings: IndicatorSettings, data: Dataset, device: torch.device
    ) -> None:
        side = LEAST_SIDE[settings.stem if space == "darts" else "cifar"]
        check_images(data, settings.batch_size, side)
        self.published = settings.procedure == "published"
        self.data = shrink(data) if self.published else data
        self.settings, self.device = settings, device
        self.networks = make_supernets(space, settings, data)
        self._kappa = published_condition_number if self.published else condition_number
        self._drawn: Setting | None = None

    def full(self) -> Left:
        """All operators: the start of a search."""
        return self.networks[0].full()

    def measure(self, left: Left, setting: Setting) -> Values:
        """Both indicators of what is left."""
        if setting != self._drawn:
            self._draw(setting)
        ntk, regions = self.networks
        started = time.perf_counter()
        with exact_float32():  # the smallest eigenvalue is a small difference
            kappa = self._kappa(tangent_kernel(ntk, self._batch, left))
            between = time.perf_counter()
            number = count_regions(regions, self._crops, left)
        return Values(kappa, number, between - started, time.perf_counter() - between)

    def _draw(self, setting: Setting) -> None:
        """Weights on the CPU, so that every device has the same; then weights and inputs."""
        of_kappa = of_regions = setting
        if self.published:  # a misspelt name keeps it from drawing anew in each repetition
            of_regions = setting._replace(repetition=0)
            of_kappa = of_regions._replace(candidate=())
        for network, scheme, name, own in zip(
            self.networks,
            SCHEMES[self.settings.procedure],
            ("kappa", "regions"),
            (of_kappa, of_regions),
        ):
            network.to("cpu")
            initialize(network, scheme, generator("weights", name, *own))
            network.to(self.device)
        sizes = self.settings.batch_size, self.settings.region_inputs
        chance = generator("batch", *setting)
        images = self.data.draw(sizes[0], chance)
        images = augmented(images, chance) if self.published else images
        self._batch: Tensor = self.data.normalize(images)
        self._crops: Tensor = draw_crops(self.data, sizes[1], generator("crops", *setting))
        self._drawn = setting

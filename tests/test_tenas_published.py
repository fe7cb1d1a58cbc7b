"""What `indicators.procedure: published` does otherwise, one thing at a time."""

import dataclasses
import math

import pytest
import torch

from common.config import ConfigError
from common.data import load_dataset
from common.dataset import Split
from common.stopping import StopRequest
from common.workers import Workers
from tenas_dag.config import IndicatorSettings, TenasConfig
from tenas_dag.filters import FILTERS
from tenas_dag.indicators import Indicators, Setting
from tenas_dag.inputs import augmented, shrink
from tenas_dag.ntk import condition_number, published_condition_number
from tenas_dag.ranking import published_ranks, ranks
from tenas_dag.rounds import next_round
from tenas_dag.search import Searcher

A, B = ("a",), ("b",)  # two candidates


def make_indicators(procedure, data=None):
    settings = IndicatorSettings("digits", batch_size=6, region_inputs=48, procedure=procedure)
    return Indicators(
        "nas-bench-201", settings, data or load_dataset("digits"), torch.device("cpu")
    )


def drawn(indicators, *settings):
    """Per setting the weights of both networks, the batch and the crops."""
    found = []
    for setting in settings:
        indicators.measure(indicators.full(), setting)
        weights = [network.classifier.weight.clone() for network in indicators.networks]
        found.append((*weights, indicators._batch, indicators._crops))
    return found


def equal(a, b):
    return [torch.equal(x, y) for x, y in zip(a, b)]


def test_weights_stay_in_repetitions_and_inputs_do_not():
    first, repeated, later = drawn(
        make_indicators("published"), Setting(0, 1, 0), Setting(0, 1, 1), Setting(0, 2, 0)
    )
    assert equal(first, repeated) == [True, True, False, False]
    assert equal(first, later) == [False] * 4


def test_all_but_kappas_weights_are_drawn_anew_for_each_candidate():
    first, other = drawn(make_indicators("published"), Setting(0, 1, 0, A), Setting(0, 1, 0, B))
    assert equal(first, other) == [True, False, False, False]


def test_by_default_everything_is_drawn_anew_in_each_repetition():
    first, repeated = drawn(make_indicators("paper"), Setting(0, 1, 0), Setting(0, 1, 1))
    assert equal(first, repeated) == [False] * 4


@pytest.mark.parametrize(("procedure", "fan_out"), [("published", False), ("paper", True)])
def test_initialization(procedure, fan_out):
    indicators = make_indicators(procedure)
    drawn(indicators, Setting(0, 1, 0))
    classifier = indicators.networks[0].classifier
    bound = classifier.in_features**-0.5
    assert (classifier.weight.abs().max() <= bound) is not fan_out
    assert bool((classifier.bias == 0).all()) is fan_out


def settings_seen(procedure):
    """The settings that a search's first round measures, with the number of calls."""
    indicators, seen = make_indicators(procedure), []
    measured = indicators.measure(indicators.full(), Setting(0, 1, 0))

    def spy(left, setting):
        seen.append((len(left[0].left[0]) + len(left[0].left[1]), setting))
        return measured

    indicators.measure = spy
    config = TenasConfig(indicators=indicators.settings, repetitions=1)
    searcher = Searcher(config, indicators, [], lambda _: None, Workers(), StopRequest())
    searcher.progress.disable = True
    current = next_round(indicators.full(), 1, FILTERS["exempt"].exempt)
    searcher._evaluate(0, 1, current)
    return current, seen, searcher


def test_the_reference_is_measured_for_each_candidate_where_its_network_is_drawn_for_each():
    current, seen, searcher = settings_seen("published")
    assert len(seen) == 2 * len(current.evaluated) == 24
    assert [s.candidate for _, s in seen[::2]] == [tuple(r) for r in current.evaluated]
    assert searcher.rank is published_ranks


def test_the_reference_is_measured_once_a_round_by_default():
    current, seen, searcher = settings_seen("paper")
    assert len(seen) == len(current.evaluated) + 1 == 13
    assert {s.candidate for _, s in seen} == {()}
    assert searcher.rank is ranks


def test_negative_kappas_pass_and_nan_is_100_000():
    negative = torch.diag(torch.tensor([-0.5, 3.0, 4.0]))
    assert published_condition_number(negative) == pytest.approx(-8)
    assert math.isnan(condition_number(negative))
    assert published_condition_number(torch.diag(torch.tensor([0.5, 3.0]))) == pytest.approx(6)
    for broken in (torch.full((2, 2), math.nan), torch.zeros(2, 2)):
        assert published_condition_number(broken) == 1e5
        assert math.isnan(condition_number(broken))


def crops_of(image, border):
    """All flips and shifts of an image [c, h, w], black beyond its edges."""
    side = image.shape[1]
    padded = torch.nn.functional.pad(image, (border,) * 4)
    cut = [
        padded[:, top : top + side, left : left + side]
        for top in range(2 * border + 1)
        for left in range(2 * border + 1)
    ]
    return cut + [x.flip(2) for x in cut]


def test_the_batch_is_flipped_and_cropped():
    data = load_dataset("digits")
    generator = torch.Generator().manual_seed(3)
    images = data.draw(200, generator)
    places = []
    for image, found in zip(images, augmented(images, generator)):
        known = [bool((crop == found).all()) for crop in crops_of(image, 1)]
        assert any(known)
        places.append(known.index(True))
    flips = sum(place >= 9 for place in places)
    assert 60 < flips < 140 and len(set(places)) > 15


def large_images(side):
    data = load_dataset("digits")
    images = data.train.images.float()
    images = torch.nn.functional.interpolate(images, size=(side, side)).to(torch.uint8)
    return dataclasses.replace(data, train=Split(images, data.train.labels))


def test_images_are_shrunk_to_32_pixels():
    data = large_images(64)  # every pixel of digits stands 8 x 8 times
    shrunk = shrink(data)
    assert shrunk.image_shape[1:] == (32, 32)
    middles = shrunk.train.images[:, :, 1::4, 1::4].float()  # far enough from the next pixel
    assert (middles - data.train.images[:, :, ::8, ::8].float()).abs().mean() < 0.2
    assert shrink(large_images(32)).train.images.shape[2:] == (32, 32)
    small = load_dataset("digits")
    assert shrink(small) is small
    assert make_indicators("published", data).data.image_shape[1:] == (32, 32)
    assert make_indicators("paper", data).data.image_shape[1:] == (64, 64)


def test_the_stem_is_that_of_cifar():
    with pytest.raises(ConfigError, match="found 'imagenet', expected cifar"):
        IndicatorSettings(procedure="published", stem="imagenet")

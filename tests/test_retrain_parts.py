"""Augmentation, schedules and losses against plain versions, image by image."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from common.config import ConfigError
from retrain.augment import Draws, crop_and_flip, cut_out, draw
from retrain.choice import Chosen
from retrain.config import AugmentSettings, NetworkSettings, SgdSettings
from retrain.networks import Shape, TrainingLoss, describe, make_network, path_scales
from retrain.schedule import drop_path_probability, learning_rate, seed_of
from spaces import Cell, Genotype
from spaces.published import GENOTYPES

DARTS_V2 = Chosen(Genotype.parse(GENOTYPES["DARTS_V2"]))
SMALL = NetworkSettings(channels=4, layers=3)


def drawn(n, settings, seed=0):
    return draw(settings, n, (6, 8), torch.Generator().manual_seed(seed))


def test_crop_and_flip_against_a_loop():
    images = torch.randint(1, 256, (40, 3, 6, 8), dtype=torch.uint8)
    draws = drawn(40, AugmentSettings(crop_padding=2))
    found = crop_and_flip(images, 2, draws)
    for image, flip, (row, column), after in zip(images, draws.flip, draws.offset, found):
        big = torch.zeros(3, 10, 12, dtype=torch.uint8)
        big[:, 2:8, 2:10] = image
        crop = big[:, row : row + 6, column : column + 8]
        assert torch.equal(after, crop.flip(2) if flip else crop)
    assert 5 < draws.flip.sum() < 35
    assert draws.offset.min() == 0 and draws.offset.max() == 4


def test_cutout_against_a_loop():
    x = torch.rand(60, 2, 6, 8) + 1
    draws = drawn(60, AugmentSettings())
    found = cut_out(x, 4, draws)
    for before, (row, column), after in zip(x.clone(), draws.centre.tolist(), found):
        before[:, max(row - 2, 0) : row + 2, max(column - 2, 0) : column + 2] = 0
        assert torch.equal(after, before)
    assert draws.centre.amin(0).tolist() == [0, 0] and draws.centre.amax(0).tolist() == [5, 7]
    assert cut_out(x, 0, draws) is x


def test_without_augmentation_images_stay_as_they_are():
    images = torch.randint(0, 256, (9, 1, 6, 8), dtype=torch.uint8)
    draws = drawn(9, AugmentSettings(flip=False, crop_padding=0))
    assert torch.equal(crop_and_flip(images, 0, draws), images)


def test_a_part_of_the_draws_is_what_the_whole_batch_draws():
    whole = drawn(12, AugmentSettings())
    halves = [whole.part(slice(0, 6)), whole.part(slice(6, 12))]
    joined = Draws(*(torch.cat(pair) for pair in zip(*halves)))
    assert all(torch.equal(a, b) for a, b in zip(whole, joined))


def test_the_cosine_against_torch():
    sgd = SgdSettings(lr=0.3)  # by default as NAS-Bench-201 was trained
    weight = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=0.3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 12)
    for epoch in range(1, 13):
        found = [learning_rate(sgd, 12, epoch, step, 5) for step in range(5)]
        assert found == pytest.approx([optimizer.param_groups[0]["lr"]] * 5)
        optimizer.step()
        schedule.step()


def test_warmup_then_cosine():
    by_epoch = SgdSettings(lr=1.0, warmup_epochs=4, per_step=False)
    found = [learning_rate(by_epoch, 8, epoch, 3, 10) for epoch in range(1, 9)]
    cosine = [(1 + math.cos(math.pi * k / 4)) / 2 for k in range(4)]
    assert found == pytest.approx([0.25, 0.5, 0.75, 1.0, *cosine])
    by_step = SgdSettings(lr=1.0, warmup_epochs=1, per_step=True)
    found = [learning_rate(by_step, 2, epoch, step, 4) for epoch in (1, 2) for step in range(4)]
    assert found == pytest.approx([0.25, 0.5, 0.75, 1.0, *cosine])


def test_drop_path_rises_linearly():
    assert [drop_path_probability(0.2, 4, epoch) for epoch in (1, 2, 4)] == pytest.approx(
        [0, 0.05, 0.15]
    )


def test_seeds_differ_by_stream_seed_epoch_and_step():
    words = [(s, e, k) for s in range(3) for e in range(3) for k in range(3)]
    seeds = {seed_of(stream, *w) for stream in ("augment", "drop path") for w in words}
    assert len(seeds) == 2 * len(words) and min(seeds) >= 0


def test_loss_with_auxiliary_head_and_smoothing():
    shape = Shape(7, (3, 32, 32))
    settings = NetworkSettings(channels=4, layers=3, auxiliary=0.4)
    network = make_network(DARTS_V2, settings, shape).train()
    x, y = torch.randn(6, 3, 32, 32), torch.randint(7, (6,))
    objective, losses, logits = TrainingLoss(network, 0.4, 0.1)(x, y)
    main, auxiliary = copy.deepcopy(network).logits_and_auxiliary(x)

    def smoothed(values):
        target = F.one_hot(y, 7) * 0.9 + 0.1 / 7
        return -(values.log_softmax(1) * target).sum(1)

    torch.testing.assert_close(losses, smoothed(main))
    torch.testing.assert_close(logits, main)
    torch.testing.assert_close(objective, smoothed(main) + 0.4 * smoothed(auxiliary))


def test_drop_path_drops_as_often_as_asked_and_keeps_the_mean():
    network = make_network(DARTS_V2, SMALL, Shape(10, (3, 16, 16)))
    scales = path_scales(network, 0.3, 2000, torch.Generator().manual_seed(0))
    assert scales.shape == (3, 8, 2000)
    assert scales.unique().tolist() == pytest.approx([0, 1 / 0.7])
    assert scales.mean().item() == pytest.approx(1, abs=0.02)


def test_a_dropped_path_is_absent_from_its_node():
    network = make_network(DARTS_V2, SMALL, Shape(10, (3, 16, 16))).train()
    x = torch.randn(2, 3, 16, 16)
    ones, scales = torch.ones(3, 8, 2), torch.ones(3, 8, 2)
    scales[0, 0, 1] = 0  # first cell, first edge, second image
    cell = network.cells[0]
    edges = [cell.edges[i] for i in (0, 1)]
    before = network.stem0(x)
    nodes = [cell.preprocess0(before), cell.preprocess1(network.stem1(before))]
    first, second = (edge(node) for edge, node in zip(edges, nodes))
    out = cell(before, network.stem1(before), scales[0])[:, :4]
    torch.testing.assert_close(out[0], (first + second)[0])
    torch.testing.assert_close(out[1], second[1])
    whole = cell(before, network.stem1(before), ones[0])[:, :4]
    torch.testing.assert_close(whole, first + second)


def test_weights_follow_the_seed():
    def make(seed):
        return make_network(DARTS_V2, SMALL, Shape(10, (3, 8, 8)), seed).state_dict()

    before = torch.get_rng_state()
    a, b, c = make(0), make(0), make(1)
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert not torch.equal(a["classifier.weight"], c["classifier.weight"])


def test_what_no_path_joins_to_the_output_is_frozen():
    cell = Cell.parse(
        "|nor_conv_3x3~0|+|skip_connect~0|none~1|+|nor_conv_1x1~0|none~1|nor_conv_3x3~2|"
    )
    network = make_network(Chosen(cell), NetworkSettings(4, 1), Shape(10, (3, 8, 8))).train()
    network(torch.randn(2, 3, 8, 8)).sum().backward()
    for name, parameter in network.named_parameters():
        assert (parameter.grad is None) == (not parameter.requires_grad), name
    frozen = {name for name, p in network.named_parameters() if not p.requires_grad}
    assert frozen and all(".edges.0." in name for name in frozen)


def test_cost_leaves_out_the_auxiliary_head():
    shape = Shape(10, (3, 32, 32))
    with_head = NetworkSettings(channels=4, layers=3, auxiliary=0.4)
    found = describe(DARTS_V2, with_head, shape)
    plain = make_network(DARTS_V2, SMALL, shape)
    assert found["parameters"] == sum(p.numel() for p in plain.parameters())
    assert found["parameters"] < sum(
        p.numel() for p in make_network(DARTS_V2, with_head, shape).parameters()
    )
    assert found == describe(DARTS_V2, SMALL, shape)


@pytest.mark.parametrize(
    ("settings", "image", "told"),
    [
        (NetworkSettings(4, 3, auxiliary=0.4), (3, 16, 16), "network.auxiliary.*29 .. 32"),
        (
            NetworkSettings(4, 3, "imagenet", auxiliary=0.4),
            (3, 64, 64),
            "network.auxiliary.*193 .. 224",
        ),
        (NetworkSettings(4, 3, "imagenet"), (1, 64, 64), "network.stem.*grey"),
    ],
)
def test_images_that_do_not_fit_the_network(settings, image, told):
    with pytest.raises(ConfigError, match=told):
        make_network(DARTS_V2, settings, Shape(10, image))

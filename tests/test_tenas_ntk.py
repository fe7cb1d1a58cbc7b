"""The NTK against the plain loop and finite differences; kappa; bad batches."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.plain_supernet import PlainSupernet
from benchmarks.plain_tenas import plain_kernel, plain_weights
from spaces.initialization import initialize
from spaces.nasbench201_networks import NasBench201Layout
from tenas_dag.ntk import condition_number, jacobian, tangent_kernel
from tenas_dag.rounds import Removal
from tenas_dag.supernet import DartsSupernet, NasBench201Supernet

SUPERNETS = {
    "nas-bench-201": (lambda: NasBench201Supernet(NasBench201Layout(3, 1)), (6, 3, 16, 16)),
    "darts": (lambda: DartsSupernet(1), (3, 3, 16, 16)),
    "darts imagenet": (lambda: DartsSupernet(1, stem="imagenet"), (3, 3, 64, 64)),
}


def make(name, dtype=torch.float32):
    build, shape = SUPERNETS[name]
    network = build().to(dtype)
    initialize(network, "kaiming_fan_out", torch.Generator().manual_seed(0))
    return network, torch.randn(shape, generator=torch.Generator().manual_seed(1)).to(dtype)


@pytest.mark.parametrize("name", SUPERNETS)
def test_kernel_equals_the_plain_loop(name):
    network, x = make(name)
    left = Removal(0, 1, network.full()[0].left[1][2]).apply(network.full())
    plain = PlainSupernet(network)
    weights = plain_weights(network, plain)
    for candidates in (network.full(), left):
        expected = plain_kernel(plain, weights, x, candidates)
        found = tangent_kernel(network, x, candidates, chunk=2)
        assert (found - expected).norm() <= 1e-5 * expected.norm()


def test_jacobian_against_finite_differences():
    network, x = make("nas-bench-201", torch.float64)
    left = network.full()
    weights = [p for n, p in network.named_parameters() if n.endswith("weight")]
    direction = [torch.randn_like(p) for p in weights]

    def outputs(step):
        with torch.no_grad():
            for p, d in zip(weights, direction):
                p += step * d
            values = network(x, left).sum(dim=1)
            for p, d in zip(weights, direction):
                p -= step * d
        return values

    numeric = (outputs(1e-6) - outputs(-1e-6)) / 2e-6
    along = jacobian(network, x, left) @ torch.cat([d.flatten() for d in direction])
    torch.testing.assert_close(along, numeric, rtol=1e-5, atol=1e-6)


def test_chunks_do_not_matter():
    network, x = make("nas-bench-201", torch.float64)
    whole = tangent_kernel(network, x, network.full(), chunk=6)
    torch.testing.assert_close(tangent_kernel(network, x, network.full(), chunk=4), whole)


def test_batch_norm_couples_the_images():
    network, x = make("nas-bench-201", torch.float64)
    alone = tangent_kernel(network, x[:3], network.full())
    together = tangent_kernel(network, x, network.full())[:3, :3]
    assert (alone - together).norm() > 0.01 * alone.norm()


def test_condition_number():
    values = np.array([0.5, 3.0, 7.0])
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    kernel = torch.tensor(rotation @ np.diag(values) @ rotation.T)
    assert condition_number(kernel) == pytest.approx(14)
    assert math.isnan(condition_number(kernel - 0.6 * torch.eye(3)))  # lambda_min < 0
    assert math.isnan(condition_number(torch.full((2, 2), math.nan)))
    assert math.isnan(condition_number(torch.zeros(2, 2)))


def test_bad_batches_are_named():
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    with pytest.raises(ValueError, match=r"found images \[1, 1, 2, 2\]"):
        jacobian(network, torch.zeros(1, 1, 2, 2))
    images = torch.zeros(3, 1, 2, 2)
    images[2, 0, 1, 1] = math.nan
    with pytest.raises(ValueError, match="NaN or infinite values in image 2"):
        jacobian(network, images)

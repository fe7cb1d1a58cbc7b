"""Paths of PyTorch models against enumeration on random modules, and against hand-counted ones."""

import math
from collections import Counter

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from spaces.measure import models
from spaces.torch_graph import trace
from spaces.torch_tracing import TraceError

WIDTH = 4


class RandomNet(nn.Module):
    """Runs a random program: each step makes a value of one or two earlier ones."""

    def __init__(self, rng):
        super().__init__()
        self.shared = nn.Linear(WIDTH, WIDTH)
        self.weight = nn.Parameter(torch.zeros(WIDTH, WIDTH))
        self.norm = nn.LayerNorm(WIDTH)
        self.own = nn.ModuleList()
        self.program = []
        for step in range(rng.integers(1, 9)):
            kind = str(rng.choice(list(STEPS)))
            self.program.append((kind, *rng.integers(0, step + 1, 2).tolist()))
            self.own.append(nn.Sequential(nn.ReLU(), nn.Linear(WIDTH, WIDTH)))

    def forward(self, x):
        values = [x]
        for number, (kind, a, b) in enumerate(self.program):
            values.append(STEPS[kind][0](self, number, values[a], values[b]))
        return values[-1]


# What a step does, and the linear operations on its edge from a and from b (None: no edge).
STEPS = {
    "own layer": (lambda net, i, a, b: net.own[i](a), 1, None),
    "shared layer": (lambda net, i, a, b: net.shared(a), 1, None),
    "F.linear": (lambda net, i, a, b: F.linear(a, net.weight, bias=net.weight[0]), 1, None),
    "matmul": (lambda net, i, a, b: a @ net.weight.t(), 1, None),
    "sum": (lambda net, i, a, b: a + b, 0, 0),
    "product": (lambda net, i, a, b: a * torch.sigmoid(b), 0, 0),
    "residual": (lambda net, i, a, b: a + net.shared(b), 0, 1),
    "activations": (lambda net, i, a, b: torch.matmul(a, b.transpose(-1, -2)) @ a, (0, 0), 0),
    "cat": (lambda net, i, a, b: torch.cat([a, b], -1).view(-1, 2, WIDTH).mean(1), 0, 0),
    "norm": (lambda net, i, a, b: net.norm(a).reshape(b.shape[0], -1), 0, None),
    "sizes": (lambda net, i, a, b: a.expand_as(b) * b.size(0) + torch.zeros_like(b), 0, None),
    "parameter": (lambda net, i, a, b: F.relu(a * net.weight[0] + net.weight[1]), 0, None),
}  # fmt: skip


def enumerated(program):
    """{depth: paths}, walking back from the last value over every path."""

    def walk(value, depth):
        if value == 0:
            yield depth
            return
        kind, *sources = program[value - 1]
        for source, layers in zip(sources, STEPS[kind][1:]):
            for extra in () if layers is None else np.atleast_1d(layers).tolist():
                yield from walk(source, depth + extra)

    return dict(sorted(Counter(walk(len(program), 0)).items()))


@pytest.mark.parametrize("seed", range(60))
def test_random_modules_against_enumeration(seed):
    net = RandomNet(np.random.default_rng(seed))
    assert dict(trace(net).histogram) == enumerated(net.program)
    if seed < 4:  # the same through torch.export
        found = trace(Loop(net), (torch.randn(WIDTH, WIDTH),))
        assert dict(found.histogram) == enumerated(net.program)


class Loop(nn.Module):
    """torch.fx cannot trace a loop over a size."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        for _ in range(x.shape[0] // x.shape[0]):
            x = self.net(x)
        return x


@pytest.mark.parametrize(
    ("name", "paths", "depth", "shortest", "longest"),
    [
        ("resnet18", 2**8, 11.5, 5, 18),
        ("vgg16", 1, 16, 16, 16),
        ("densenet121", 2**58, 63, 5, 121),
        ("vit_b_16", 2**24, 20, 2, 38),
        ("regnet_x_400mf", 2**22, 37, 6, 68),  # needs numbers of its constructor
    ],
)
def test_hand_counted_classifiers(name, paths, depth, shortest, longest):
    counts = trace(models.classifier(name))
    assert (counts.paths, counts.effective_depth) == (paths, depth)
    assert (counts.shortest, counts.longest) == (shortest, longest)
    assert counts.log2_width == pytest.approx(math.log2(paths / depth), abs=1e-9)


def module(forward, **children):
    """A module with these children and this forward(self, ...)."""
    made = type("Made", (nn.Module,), {"forward": forward})()
    for name, child in children.items():
        setattr(made, name, child)
    return made


def attention():
    return nn.MultiheadAttention(WIDTH, 2, batch_first=True)


def linear():
    return nn.Linear(WIDTH, WIDTH)


class OwnAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.value, self.out = (linear() for _ in range(4))

    def forward(self, x):
        mixed = F.scaled_dot_product_attention(self.query(x), self.key(x), self.value(x))
        return self.out(mixed)


HAND = {
    "x + x": (module(lambda s, x: x + x), {0: 2}),
    "self-attention": (module(lambda s, x: s.a(x, x, x)[0], a=attention()), {1: 1}),
    "cross-attention": (module(lambda s, x, y: s.a(x, y, y)[0], a=attention()), {1: 2}),
    "attention of a layer": (
        module(lambda s, x: s.a(y := s.l(x), y, x)[0], a=attention(), l=linear()), {1: 1, 2: 1}),
    "attention alone": (
        module(lambda s, x: F.scaled_dot_product_attention(x, x, x)), {0: 1}),
    "attention written out": (OwnAttention(), {2: 3}),
    "squeeze and excite": (
        module(lambda s, x: x * torch.sigmoid(s.b(F.relu(s.a(x.mean((2, 3), keepdim=True))))),
               a=nn.Conv2d(3, 1, 1), b=nn.Conv2d(1, 3, 1)), {0: 1, 2: 1}),
    "shared": (module(lambda s, x: s.l(s.l(x)), l=linear()), {2: 1}),
    "separable": (
        nn.Sequential(nn.Conv2d(3, 3, 3, groups=3), nn.Conv2d(3, 8, 1), nn.Dropout(),
                      nn.Identity()), {2: 1}),
    "recurrent": (module(lambda s, x: s.l(x)[0], l=nn.LSTM(WIDTH, WIDTH)), {1: 1}),
    "in place": (module(lambda s, x: s.in_place(s.l(x), x),
                        l=linear(), in_place=module(lambda s, y, x: (y.add_(x), y)[1])),
                 {0: 1, 1: 1}),
    "only sizes": (module(lambda s, x: torch.zeros(x.shape)), {}),
    "class token": (
        module(lambda s, x: s.l(torch.cat([s.p.expand(x.shape[0], -1), x])), l=linear(),
               p=nn.Parameter(torch.zeros(1, WIDTH))), {1: 1}),
    "several outputs": (module(lambda s, x: {"a": s.l(x), "b": (x, x)}, l=linear()), {0: 2, 1: 1}),
    "option": (module(lambda s, x, mask=None: x if mask is None else x + mask), {0: 1}),
    "weights made of activations": (module(lambda s, x: F.linear(x, s.l(x)), l=linear()),
                                    {0: 1, 1: 1}),
    "whole model is a layer": (linear(), {1: 1}),
}  # fmt: skip


@pytest.mark.parametrize("name", HAND)
def test_rulings(name):
    net, histogram = HAND[name]
    training = [m.training for m in net.modules()]
    assert dict(trace(net).histogram) == histogram
    assert [m.training for m in net.modules()] == training


def test_own_attention_as_one_operation():
    net = nn.Sequential(linear(), OwnAttention())
    assert dict(trace(net).histogram) == {3: 3}
    assert dict(trace(net, units=(OwnAttention,)).histogram) == {2: 1}


def test_torch_export_sees_attention_as_one_operation():
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    assert dict(trace(layer, (torch.zeros(2, 3, 8),)).histogram) == {0: 1, 1: 1, 2: 1, 3: 1}


def test_blocks():
    found = trace(models.classifier("resnet18"), blocks=True)
    assert list(found) == [f"layer{i}.{j}" for i in (1, 2, 3, 4) for j in (0, 1)]
    assert dict(found["layer1.0"].histogram) == {0: 1, 2: 1}
    assert dict(found["layer2.0"].histogram) == {1: 1, 2: 1}


class Loops(nn.Module):
    """What torch.fx cannot trace: its turns depend on the size of its input."""

    def __init__(self):
        super().__init__()
        self.layer = linear()

    def forward(self, x):
        for _ in range(x.shape[0]):
            x = x + self.layer(x)
        return x


def test_blocks_that_only_export_can_trace():
    """Each block's example comes from a call of the model, which is left as it was."""
    net = nn.Sequential(nn.Sequential(linear(), nn.Dropout()), Loops())
    found = trace(net, (torch.ones(3, WIDTH),), blocks=True)
    assert dict(found["0"].histogram) == {1: 1}
    assert dict(found["1"].histogram) == {0: 1, 1: 3, 2: 3, 3: 1}
    assert all(part.training and not part._forward_pre_hooks for part in net.modules())


def data_dependent():
    inner = module(lambda s, x: s.l(x) if x.sum() > 0 else x, l=linear())
    return nn.Sequential(linear(), inner)


@pytest.mark.parametrize("example", [None, (torch.ones(2, WIDTH),)])
def test_data_dependent_control_flow_is_told_with_module_and_line(example, capfd):
    line = data_dependent.__code__.co_firstlineno + 1
    with pytest.raises(TraceError, match=rf"in 1 \(Made\), .*test_torch_graph.py:{line}"):
        trace(data_dependent(), example)
    assert capfd.readouterr() == ("", "")


def test_other_mistakes():
    with pytest.raises(TraceError, match=r"found str, expected a torch.nn.Module"):
        trace("resnet18")
    with pytest.raises(TraceError, match="without inputs"):
        trace(module(lambda s: s.p, p=nn.Parameter(torch.zeros(1))))

"""DAG MLPs: one network against a plain loop, many networks against one."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from dag import Dag, EdgeOp, all_codes
from mlp_code import BatchedDagMlp, DagMlp, MlpShape
from mlp_code.results import count_costs

SHAPE = MlpShape(5, 7, 3)
CODES = [code for code in all_codes(3) if Dag.parse(code).has_path]


def make(code, shape=SHAPE, seed=0):
    return DagMlp(code, shape, torch.Generator().manual_seed(seed)).double()


def randomize(network):
    """Biases and norms away from their trivial initial values."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, tensor in network.named_parameters():
            if "weight" not in name or "norms" in name:
                tensor.normal_(0.5, 0.5, generator=generator)
    return network


def by_paths(network, x):
    """The network's output with every node computed by recursion from the definition."""
    weights = iter(network.linears[1:-1])
    layer = {edge: next(weights) for edge in network.dag.edges if edge.op == EdgeOp.LINEAR}

    def node(j):
        if j == 0:
            return F.relu(network.linears[0](x))
        total = 0
        for edge in network.dag.edges:
            if edge.target == j:
                value = node(edge.source)
                total = total + (F.relu(layer[edge](value)) if edge in layer else value)
        return total

    return network.linears[-1](node(network.dag.output))


@given(st.sampled_from(CODES))
@settings(max_examples=60)
def test_forward_against_recursion(code):
    network = randomize(make(code))
    x = torch.randn(4, 5, dtype=torch.float64)
    torch.testing.assert_close(network(x), by_paths(network, x))


@pytest.mark.parametrize("code", ["2_02_002", "2_20_002", "1_01_222", "0_20_002"])
def test_dead_edges_hold_no_parameters(code):
    live = [e for e in Dag.parse(code).live().edges if e.op == EdgeOp.LINEAR]
    expected = (5 * 7 + 7) + len(live) * (7 * 7 + 7) + (7 * 3 + 3)
    assert make(code).num_parameters() == expected
    assert count_costs(code, SHAPE) == (expected, 5 * 7 + len(live) * 49 + 21)


def test_initial_weights_are_kaiming_normal_and_biases_zero():
    network = make("2_12", MlpShape(400, 600, 10))
    for layer in network.linears:
        assert layer.weight.std().item() == pytest.approx((2 / layer.in_features) ** 0.5, rel=0.05)
        assert not layer.bias.any()


def test_ntk_parameterization_is_the_same_function():
    standard = make("2_21_112", MlpShape(5, 7, 3, bias=False))
    ntk = make("2_21_112", MlpShape(5, 7, 3, bias=False, parameterization="ntk"))
    assert ntk.linears[1].weight.std() > 0.8
    x = torch.randn(4, 5, dtype=torch.float64)
    torch.testing.assert_close(ntk(x), standard(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("code", "told"), [("0_00", "no path"), ("2_00", "no path"), ("2_03", "row 2")]
)
def test_a_dag_that_cannot_be_trained_is_refused(code, told):
    with pytest.raises(ValueError, match=told):
        make(code)


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("parameterization", ["standard", "ntk"])
def test_a_batched_network_equals_its_members(batch_norm, parameterization):
    shape = MlpShape(5, 7, 3, batch_norm=batch_norm, parameterization=parameterization)
    codes = ["2_02_002", "1_01_222", "2_21_112", "0_20_012", "0_00_100", "2_22_222"]
    members = [randomize(make(code, shape, seed)) for seed, code in enumerate(codes)]
    batched = BatchedDagMlp(members).double()
    x = torch.randn(len(codes), 8, 5, dtype=torch.float64)
    expected = torch.stack([member(part) for member, part in zip(members, x)])
    found = batched(x)
    torch.testing.assert_close(found, expected)

    found.square().sum().backward()
    expected.square().sum().backward()
    optimizer = torch.optim.SGD(batched.parameters(), lr=0.01)
    optimizer.step()
    torch.optim.SGD([p for m in members for p in m.parameters()], lr=0.01).step()
    for index, member in enumerate(members):
        state = batched.member_state(index)
        assert state.keys() == member.state_dict().keys()
        for name, tensor in member.state_dict().items():
            torch.testing.assert_close(state[name], tensor)


def test_a_batched_network_holds_parallel_edges():
    dag = Dag(3, ((0, 1, 2), (0, 1, 2), (0, 1, 1), (1, 2, 2), (0, 2, 1)))
    members = [randomize(make(dag, seed=s)) for s in range(2)] + [randomize(make("2_12"))]
    x = torch.randn(3, 4, 5, dtype=torch.float64)
    expected = torch.stack([member(part) for member, part in zip(members, x)])
    torch.testing.assert_close(BatchedDagMlp(members).double()(x), expected)

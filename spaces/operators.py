"""The candidate operators of every space, as data: the one place that lists them.

A new operator is a line here, if its form exists; a new form is a builder in
`spaces.operator_modules` too, and what runs fast somewhere says there which forms it knows.
"""

from dataclasses import dataclass
from typing import Literal

from dag import EdgeOp

Form = Literal["none", "skip", "conv", "factorized", "separable", "avg_pool", "max_pool"]


@dataclass(frozen=True)
class Operator:
    """What an operator does to [n, channels, h, w].

    Args:
        edge_op: its kind in a DAG: convolutions of any form are one linear operation, skip and
            pooling hand values on.
        form: how it is built (`spaces.operator_modules`).
        kernel: side of its window.
        dilation: of a separable convolution.
        repeats: how often ReLU, separable convolution and BatchNorm follow each other.
    """

    edge_op: EdgeOp
    form: Form
    kernel: int = 0
    dilation: int = 1
    repeats: int = 1


def _linear(form: Form, kernel: int, dilation: int = 1, repeats: int = 1) -> Operator:
    return Operator(EdgeOp.LINEAR, form, kernel, dilation, repeats)


OPERATOR_TABLE = {
    "none": Operator(EdgeOp.ZERO, "none"),
    "skip_connect": Operator(EdgeOp.SKIP, "skip"),
    "nor_conv_1x1": _linear("conv", 1),
    "nor_conv_3x3": _linear("conv", 3),
    "avg_pool_3x3": Operator(EdgeOp.SKIP, "avg_pool", 3),
    "max_pool_3x3": Operator(EdgeOp.SKIP, "max_pool", 3),
    "max_pool_5x5": Operator(EdgeOp.SKIP, "max_pool", 5),
    "max_pool_7x7": Operator(EdgeOp.SKIP, "max_pool", 7),
    "conv_1x1": _linear("conv", 1),
    "conv_3x3": _linear("conv", 3),
    "conv_3x1_1x3": _linear("factorized", 3),
    "conv_7x1_1x7": _linear("factorized", 7),
    "sep_conv_3x3": _linear("separable", 3, repeats=2),
    "sep_conv_5x5": _linear("separable", 5, repeats=2),
    "sep_conv_7x7": _linear("separable", 7, repeats=2),
    "dil_conv_3x3": _linear("separable", 3, dilation=2),
    "dil_conv_5x5": _linear("separable", 5, dilation=2),
    "dil_sep_conv_3x3": _linear("separable", 3, dilation=2, repeats=2),
}

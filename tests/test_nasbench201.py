"""NAS-Bench-201 cells against the benchmark's strings, the goldens and brute force."""

import csv
import gzip
import json

import numpy as np
import pytest

from dag import effective_depth_width
from spaces.errors import SpaceError
from spaces.nasbench201 import EDGES, EXAMPLE, OPERATORS, Cell, all_cells

LINEAR = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|"
    "+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
)


def test_strings_round_trip_over_the_whole_space():
    cells = list(all_cells())
    assert len(cells) == 15_625
    assert len({str(cell) for cell in cells}) == 15_625
    assert all(Cell.parse(str(cell)) == cell for cell in cells[::7])
    assert [cell.index for cell in cells[::13]] == list(range(0, 15_625, 13))


def test_parse_reads_operators_in_edge_order():
    assert Cell.parse(LINEAR).operators == (
        "nor_conv_3x3",
        "nor_conv_3x3",
        "nor_conv_3x3",
        "skip_connect",
        "nor_conv_3x3",
        "nor_conv_3x3",
    )


def test_depth_and_width_equal_the_goldens(shared):
    with gzip.open(shared / "goldens/nasbench201_depth_width.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 15_625
    found = [effective_depth_width(Cell.parse(row["arch"]).to_dag()) for row in rows]
    expected = [(float(row["effective_depth"]), float(row["effective_width"])) for row in rows]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LINEAR.replace("nor_conv_3x3~2", "nor_conv_3x5~2"), ["2 -> 3", "nor_conv_3x5"]),
        (LINEAR.replace("nor_conv_3x3~2", "skip~2"), ["2 -> 3", "'skip'", "'skip_connect'"]),
        (LINEAR.replace("|skip_connect~0", "|skip_connect~1"), ["0 -> 3", "skip_connect~0"]),
        (LINEAR.rsplit("+", 1)[0], ["2 groups", "expected 3"]),
        (LINEAR.replace("nor_conv_3x3~1|+|skip", "nor_conv_3x3~1|x~2|+|skip"), ["node 2"]),
        (None, ["string", "None"]),
    ],
)
def test_bad_strings_name_the_edge_and_what_was_expected(text, words):
    with pytest.raises(SpaceError) as error:
        Cell.parse(text)
    for word in words:
        assert word in str(error.value)
    assert "\n" not in str(error.value)


def test_a_misspelt_operator_gets_the_nearest_name():
    with pytest.raises(SpaceError, match="nearest is 'nor_conv_3x3'"):
        Cell.parse(LINEAR.replace("nor_conv_3x3~2", "nor_conv3x3~2"))


def test_a_cell_has_six_known_operators():
    assert str(Cell.parse(EXAMPLE)) == EXAMPLE
    with pytest.raises(SpaceError, match="6 operators, found 5"):
        Cell(OPERATORS)


NAMED = dict(zip(EDGES, Cell.parse(EXAMPLE).operators))
PAIRS = [tuple((NAMED[s, t], s) for s in range(t)) for t in (1, 2, 3)]
ARROWS = {f"{s}->{t}": name for (s, t), name in NAMED.items()}


@pytest.mark.parametrize(
    "text",
    [
        EXAMPLE.replace("|", "| ").replace("~", " ~ ").replace("+", " + "),
        str(PAIRS),
        str([tuple(reversed(node)) for node in PAIRS]),
        str(PAIRS).replace(", 0)", ", np.int64(0))"),
        json.dumps(PAIRS),
        str(NAMED),
        str(dict(reversed(NAMED.items()))),
        json.dumps(ARROWS),
        json.dumps({str(edge): name for edge, name in NAMED.items()}),
        str({f"{t}<-{s}": name for (s, t), name in NAMED.items()}),
    ],
)
def test_other_forms_of_a_cell(text):
    assert Cell.parse(text) == Cell.parse(EXAMPLE)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("hello", r"found hello, .*pairs per node"),
        ("3", "pairs per node"),
        ("[", "never closed"),
        ("[" * 5000, "nested"),
        (str(PAIRS[:2]), "edge 0 -> 3: found nothing"),
        (str([PAIRS[0], PAIRS[1] + PAIRS[0], PAIRS[2]]), "edge 0 -> 2: found twice"),
        (str([*PAIRS[:2], (("none", 3),)]), "edge 3 -> 3: no edge"),
        (str([PAIRS[0][0], *PAIRS[1:]]), "node 1: found 'nor_conv_3x3', expected pairs"),
        (str(NAMED).replace("(0, 1)", "(0, 4)"), "edge 0 -> 4: no edge"),
        (str(NAMED).replace("(0, 1)", "(0, 2)"), "each key once"),
        (str({**ARROWS, "0 -> 1": "none"}), "edge 0 -> 1: found twice"),
        ("{'normal': []}", "key 'normal', expected an edge"),
        (str({**NAMED, (0, 1): "conv"}), "0 -> 1: found 'conv', .*nearest is"),
        (str({**NAMED, (0, 1): 3}), "0 -> 1: found 3"),
    ],
)
def test_what_is_wrong_with_another_form_is_told(text, told):
    with pytest.raises(SpaceError, match=told) as caught:
        Cell.parse(text)
    assert "\n" not in str(caught.value)

"""NAS-Bench-201 cells against the benchmark's strings, the goldens and brute force."""

import csv
import gzip

import pytest

from dag import effective_depth_width
from spaces.errors import SpaceError
from spaces.nasbench201 import EXAMPLE, OPERATORS, Cell, all_cells

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
    for row in rows:
        depth, width = effective_depth_width(Cell.parse(row["arch"]).to_dag())
        assert depth == pytest.approx(float(row["effective_depth"]), abs=1e-9)
        assert width == pytest.approx(float(row["effective_width"]), abs=1e-9)


def test_canonical_form_has_6466_classes_and_is_idempotent():
    classes = {cell.canonical() for cell in all_cells()}
    assert len(classes) == 6_466
    assert all(cell.canonical() == cell for cell in classes)


def test_canonical_form_sees_through_skips_and_commuting_sums():
    relay = Cell(("nor_conv_3x3", "none", "skip_connect", "none", "none", "avg_pool_3x3"))
    same = Cell(("skip_connect", "none", "nor_conv_3x3", "none", "none", "avg_pool_3x3"))
    cut_off = Cell(("none", "none", "none", "none", "nor_conv_3x3", "none"))
    assert relay.canonical() == same.canonical()
    assert cut_off.canonical() == Cell(("none",) * 6)
    ab = Cell(("nor_conv_3x3", "skip_connect", "nor_conv_1x1", "none", "none", "nor_conv_1x1"))
    ba = Cell(("skip_connect", "nor_conv_3x3", "none", "none", "none", "nor_conv_1x1"))
    assert ab.canonical() != ba.canonical()


def test_equivalent_cells_have_equal_shapes():
    for cell in list(all_cells())[::17]:
        shapes = (
            effective_depth_width(cell.to_dag()),
            effective_depth_width(cell.canonical().to_dag()),
        )
        assert shapes[0] == pytest.approx(shapes[1])


def test_neighbours_differ_in_one_operator():
    cell = Cell.parse(LINEAR)
    neighbours = list(cell.neighbours())
    assert len(set(neighbours)) == 24
    for other in neighbours:
        assert sum(a != b for a, b in zip(cell.operators, other.operators)) == 1


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

"""No number in README.md without a record behind it (RESULTS.md: test_report_results.py).

A block is a paragraph, a list item or a row of a table. Its numbers must be found, at the precision
they are printed with, in the records that it links, or, if it links none, that its section links
(of those, a row that begins with "MNIST" takes the ones with mnist in their path): the files of
those runs and what RESULTS.md derives from them. A column headed "published" is held against
report/published.yaml instead. A section that links no record may hold no measured number: none with
a decimal point, and none before %, s or ms.
"""

import itertools
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from report.sections import PUBLISHED

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
_LONGEST = 12  # of a list whose numbers count: a spectrum would hold any number

# Sizes of the data that runs saw and their records do not say; checked below.
DATA = {"5,085": "training images of cifar10_subset.npz"}

# Names that hold digits, which are no numbers.
_NAMES = re.compile(
    r"```.*?```|`[^`]*`|\]\([^)]*\)|https?://\S+|"
    r"\b(?:NAS-Bench-201|CIFAR-100?|ImageNet16-120|ImageNet-1k|DAG ?#\d(?: / #\d)*|"
    r"(?:Figs?|Tables?|Eq|Sec|Def)\.? \d+(?:\.\d+)?(?:(?:, | and | to )\d+\b(?! %))*|"
    r"(?:NeurIPS|ICLR|ICML) \d{4}|arXiv \d+\.\d+|Python \d\.\d+(?: to \d\.\d+)?|YAML \d\.\d|"
    r"f = 1, 3/4, 1/2, 1/4|above 0)",
    re.DOTALL,
)
_NUMBER = re.compile(
    r"(?<![\w.#/-])(-?\d{1,3}(?:,\d{3})+|-?\d+(?:\.\d+)?(?:e-?\d+)?)(?![\w/#]|\.\d)( ?%| ?m?s\b)?"
)


_WORDS = ("command", "commit", "versions", "platform", "date", "python", "cpu")


class Printed(NamedTuple):
    """A number as printed, such as "59.8" with the unit "%"."""

    text: str
    unit: str

    def is_measured(self) -> bool:
        return "." in self.text or "e-" in self.text or bool(self.unit)

    def equals(self, value: float) -> bool:
        """Whether the record's value prints like this; a share may be printed in %."""
        scales = (1, 100) if self.unit == "%" else (1,)
        return any(self._prints(scale * value) for scale in scales)

    def _prints(self, value: float) -> bool:
        text = self.text.replace(",", "")
        if "e" in text:
            digits = len(text.split("e")[0].replace(".", "").replace("-", "")) - 1
            return float(f"{value:.{digits}e}") == float(text)
        if "." in text or self.unit or abs(float(text)) >= 100:
            return abs(value - float(text)) <= 0.5000001 * 10.0 ** -len(text.partition(".")[2])
        return value == float(text)  # a small whole number is a count


class Block(NamedTuple):
    """Text whose numbers need a record, and where they may be found."""

    line: int
    text: str
    links: tuple[str, ...]
    published: bool


def numbers(text: str) -> list[Printed]:
    """Numbers of a text, without those in names, code and addresses."""
    found = _NUMBER.findall(_NAMES.sub(" ", text))
    return [Printed(number, unit.strip()) for number, unit in found]


def blocks(text: str) -> Iterator[Block]:
    """Blocks of a Markdown text; cells of a table's "published" columns apart from the others."""
    text = re.sub(r"```.*?```", lambda m: "\n" * m[0].count("\n"), text, flags=re.DOTALL)
    line = 1
    for section in re.split(r"(?m)^(?=## )", text):
        of_section = tuple(dict.fromkeys(_links(section)))
        head: list[str] = []
        for number, part in _parts(section, line):
            own = tuple(_links(part)) or of_section
            if not part.startswith("|"):
                head = []
                yield Block(number, part, own, False)
                continue
            cells = [cell.strip() for cell in part.strip("|").split("|")]
            head = head or cells
            links = own if own != of_section else _named(cells[0], of_section)
            for name, cell in zip(head, cells):
                yield Block(number, cell, links, name == "published")
        line += section.count("\n")


def _named(cell: str, links: tuple[str, ...]) -> tuple[str, ...]:
    """The links whose path has the first words of a row, all if none has."""
    name = re.sub(r"[^a-z0-9]", "", cell.split(",")[0].lower())
    return tuple(link for link in links if name in link.replace("_", "")) or links


def _parts(section: str, line: int) -> Iterator[tuple[int, str]]:
    """(line, text) of paragraphs, and of rows of tables and lists one by one."""
    parts: list[tuple[int, str]] = []
    open_paragraph = False
    for number, text in enumerate(section.split("\n"), line):
        single = text.startswith(("|", "- ", "#"))
        if text.strip() and open_paragraph and not single:
            parts[-1] = (parts[-1][0], f"{parts[-1][1]} {text.strip()}")
        elif text.strip():
            parts.append((number, text.strip()))
        open_paragraph = bool(text.strip()) and not text.startswith(("|", "#"))
    yield from parts


def _links(text: str) -> list[str]:
    """Records that a text links; a folder of many records is none."""
    found = re.findall(r"(?<!!)\[[^]]*\]\((results/[^)#]+)\)", text)
    return [link.rstrip("/") for link in found]


@cache
def values(link: str) -> frozenset[float]:
    """Numbers of a linked record: of its run's files, or of the files of its name."""
    path = ROOT / link
    if path.suffix == ".md":
        files = [path]
    elif path.is_dir():
        files = sorted(path.glob("*.json"))
    elif (path.parent / "result.json").is_file():
        files = sorted(path.parent.iterdir())
    else:
        files = sorted(path.parent.glob(f"{path.stem}.*"))
    found = set(itertools.chain.from_iterable(_of_file(file) for file in files))
    return frozenset(found | _derived(files))


def _of_file(file: Path) -> Iterator[float]:
    if file.suffix == ".json":
        yield from _leaves(json.loads(file.read_text()))
    elif file.suffix == ".yaml":
        yield from _leaves(yaml.safe_load(file.read_text()))
    elif file.suffix == ".md":
        yield from _in_text(file.read_text())


def _leaves(data: object) -> Iterator[float]:
    """Numbers of a record, lengths of its lists, and numbers in its words but for commands."""
    if isinstance(data, dict):
        for key, value in data.items():
            if key not in _WORDS and "interval" not in str(key):
                yield from _leaves(value)
    elif isinstance(data, list):
        yield len(data)
        for value in data if len(data) <= _LONGEST else ():
            yield from _leaves(value)
    elif isinstance(data, str):
        yield from _in_text(data)
    elif isinstance(data, (int, float)) and not isinstance(data, bool):
        yield float(data)


def _in_text(text: str) -> Iterator[float]:
    return (float(n.text.replace(",", "")) for n in numbers(text))


def _derived(files: list[Path]) -> set[float]:
    """Numbers of the tables of RESULTS.md whose section names one of the records."""
    folders = {file.parent.relative_to(ROOT / "results").as_posix() for file in files}
    names = {f"({folder}/result.json)" for folder in folders}
    sections = (ROOT / "results/RESULTS.md").read_text().split("\n## ")
    rows = [
        row for section in sections if any(name in section for name in names)
        for row in section.split("\n") if row.startswith("| ")
    ]  # fmt: skip
    return set(_in_text("\n".join(rows)))


@cache
def published() -> frozenset[float]:
    """Published numbers, and the share of time that the paper's filter saves."""
    data = yaml.safe_load(PUBLISHED.read_text())
    seconds = {method: row.get("seconds") for method, row in data["table2"].items()}
    savings = {1 - seconds[f"{m} + DAG"] / seconds[m] for m in ("WOT", "TE-NAS")}
    return frozenset({*_leaves(data), *savings})


def unbacked(text: str) -> list[str]:
    """Numbers without a record, each as "line N: number in 'block'"."""
    return [
        f"line {block.line}: {number.text}{number.unit} in {block.text[:70]!r}"
        for block in blocks(text)
        for number in numbers(block.text)
        if not _is_backed(block, number)
    ]


def _is_backed(block: Block, number: Printed) -> bool:
    if number.text in DATA:
        return True
    if block.published:
        return any(map(number.equals, published()))
    if not block.links:
        return not number.is_measured()
    return any(number.equals(value) for link in block.links for value in values(link))


def test_every_number_of_the_readme_has_a_record():
    assert unbacked(README.read_text()) == []


def test_sizes_of_data_are_those_of_the_data(shared):
    from common.data import load_dataset

    data = load_dataset(str(shared / "data/cifar10_subset.npz"), "cpu")
    sizes = [len(data.train) + len(data.validation)]
    assert [f"{size:,}" for size in sizes] == list(DATA)


def test_links_to_records_lead_somewhere():
    links = re.findall(r"\]\((results/[^)#]+)\)", README.read_text())
    assert len(links) > 10
    assert [link for link in links if not (ROOT / link).exists()] == []


def changed(number: str) -> str:
    """The number with its leading digit one higher (9 becomes 8): another number altogether."""
    place = next(i for i, char in enumerate(number) if char in "123456789")
    digit = int(number[place])
    return number[:place] + str(digit + 1 if digit < 9 else 8) + number[place + 1 :]


def test_a_wrong_number_is_noticed():
    """Each measured number of the README in turn is changed: most changes must be noticed.

    Records hold many numbers, so a wrong one may equal another by chance.
    """
    measured = [
        (block, number)
        for block in blocks(README.read_text())
        if block.links and not block.published
        for number in numbers(block.text)
        if number.is_measured() and re.search("[1-9]", number.text)
    ]
    assert len(measured) > 60
    wrong = [(b, Printed(changed(n.text), n.unit)) for b, n in measured]
    noticed = [number for block, number in wrong if not _is_backed(block, number)]
    assert len(noticed) >= 2 / 3 * len(measured)


SECONDS = {
    "mlp/fig4_mnist": ("fig4_mnist", "seconds"),
    "mlp/fig4_cifar10": ("fig4_cifar10_jpeg", "seconds"),
    "theory/dags": ("theory/digits", "seconds"),
    "topologies/digits": ("topologies/digits", "seconds"),
    "tenas/darts_cifar10": ("tenas/darts_cifar10_subset", "seconds_per_search"),
    "tenas/nasbench201": ("tenas/table2_cifar10_subset_exempt", "seconds_per_search"),
    "wot/nasbench201": ("wot/nasbench201_cifar10", "starts"),
}


@pytest.mark.parametrize("config", SECONDS)
def test_a_config_says_the_cost_that_its_record_had(config):
    """The record was made with the config, or by earlier rules on less data: within a third."""
    (said,) = re.findall(
        r"Cost: about (\d+) minutes", (ROOT / f"configs/{config}.yaml").read_text()
    )
    folder, key = SECONDS[config]
    record = json.loads((ROOT / f"results/{folder}/result.json").read_text())
    starts = json.loads((ROOT / f"results/{folder}/environment.json").read_text())["starts"]
    found = record.get(key, [start.get("seconds") for start in starts])
    found = found["mean"] if isinstance(found, dict) else found
    seconds = sum(found) if isinstance(found, list) else found
    assert 3 / 4 <= 60 * int(said) / seconds <= 4 / 3


EXAMPLE = """# A

## Runs

| what | published | measured |
| --- | --- | --- |
| Table 2 | 69.86 (1.24) | 69.74 (1.36), 59.8 % saved ([r](LINK)) |

## Other

Needs Python 3.10 and 8 GB; `--epochs 0.5`.
""".replace("LINK", "results/wot/table2_cifar10_box/result.json")


def test_what_counts_as_a_number():
    assert unbacked(EXAMPLE) == []
    (block,) = (b for b in blocks(EXAMPLE) if b.links and not b.published and "saved" in b.text)
    assert [n.text for n in numbers(block.text)] == ["69.74", "1.36", "59.8"]


@pytest.mark.parametrize(
    "old, new, line",
    [
        ("69.74", "69.93", 7),
        ("59.8 %", "59.9 %", 7),
        ("69.86", "69.74", 7),  # measured, but in the column of what was published
        ("8 GB", "8 GB and 12 %", 11),
        ("8 GB", "8 GB, 0.5 times", 11),
    ],
)
def test_a_number_without_record_is_named(old, new, line):
    (message,) = unbacked(EXAMPLE.replace(old, new, 1))
    assert message.startswith(f"line {line}: ")


@pytest.mark.parametrize(
    "text, value, prints",
    [("59.8 %", 0.59776, True), ("59.8", 0.59776, False), ("0.0100", 0.010049, True),
     ("0.0100", 0.01006, False), ("2e-7", 1.976e-7, True), ("4,096", 4096, True),
     ("3", 3.2, False), ("3", 3.0, True), ("-0.42", -0.4161, True), ("118.5 s", 118.47, True)],
)  # fmt: skip
def test_a_number_equals_what_prints_like_it(text, value, prints):
    (number,) = numbers(text)
    assert number.equals(value) == prints

"""report.html in headless Chromium: type a code, move a slider, read the numbers back."""

import csv
import html
import json
import random
import re
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from common.files import read_json
from dag import Dag, DagCodeError, box_rule, depth_histogram, effective_depth_width, eq12_bound
from report.page import largest_cosines, write_page
from report.sections import Sources
from spaces.benchmark import AccuracyTable
from spaces.nasbench201 import OPERATORS, Cell, all_cells
from tests.records import results_of

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
PHONE, DESKTOP = (360, 740), (1280, 900)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of the committed records and figures, which are not drawn anew."""
    folder, committed = tmp_path_factory.mktemp("page"), ROOT / "results"
    (folder / "figures").symlink_to(committed / "figures")
    drawn = {figure.stem for figure in (committed / "figures").iterdir()}
    return write_page(Sources.read([committed]), folder, drawn)


@pytest.fixture(scope="module")
def driver():
    if not (CHROMIUM and DRIVER):
        pytest.skip("no Chromium with chromedriver was found: report.html was not tried in it")
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    try:
        yield browser
    finally:
        browser.quit()


@pytest.fixture
def console(driver):
    """The browser, whose console must be empty in the end."""
    driver.get_log("browser")
    yield driver
    assert driver.get_log("browser") == []


@pytest.fixture
def opened(console, page):
    """The page, freshly loaded at desktop size in light colours."""
    load(console, page, DESKTOP, "light")
    return console


@pytest.fixture
def used(console, page):
    """The page as the test before left it, for tests that its state does not concern."""
    if console.current_url != page.as_uri():
        load(console, page, DESKTOP, "light")
    emulate(console, DESKTOP, "light")
    return console


def load(driver, page, size, scheme):
    emulate(driver, size, scheme)
    driver.get(page.as_uri())


def emulate(driver, size, scheme):
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": True}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    scheme = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})


def find(driver, selector):
    return driver.find_element("css selector", selector)


def type_code(driver, code):
    field = find(driver, "#code")
    field.clear()
    field.send_keys(code)


def read(driver, *names):
    return [find(driver, f"#dag-{name}").text for name in names]


def random_code(rng, layers):
    return "_".join("".join(rng.choice("012") for _ in range(j)) for j in range(1, layers + 1))


CODES = ["2", "2_02_002", "1_01_222", "2_21_112", "0_00_000", "1_11_111", "2_22_222_2222_22222"]


@pytest.mark.parametrize("code", CODES)
def test_a_typed_code_is_measured_and_drawn(used, code):
    type_code(used, code)
    dag, cosine = Dag.parse(code), float(find(used, "#cosine").get_property("value"))
    depth, width = effective_depth_width(dag)
    shown = read(used, "depth", "width", "paths", "bound")
    assert [float(v) for v in shown[:3]] == pytest.approx(
        [depth, width, sum(depth_histogram(dag).values())], rel=1e-5
    )
    if dag.has_path:
        bound = eq12_bound(dag, np.array([[1, cosine], [cosine, 1]]))
        assert float(shown[3]) == pytest.approx(bound, rel=1e-5)
    else:
        assert shown[3] == "none"
    drawing = find(used, "#dag-drawing svg")
    assert len(drawing.find_elements("css selector", "circle")) == dag.num_nodes
    solid = drawing.find_elements("css selector", "path.linear")
    assert len(solid) == code.count("2")


def test_measures_equal_the_dag_module_on_random_codes(used):
    rng = random.Random(1)
    codes = [random_code(rng, rng.randint(1, 14)) for _ in range(200)]
    script = """return arguments[0].map((code) => {
        const dag = Dag.parse(code), m = Dag.measures(dag);
        return [m.depth, m.width, m.paths, Dag.bound(dag, 0.83)]; })"""
    for code, found in zip(codes, used.execute_script(script, codes)):
        dag = Dag.parse(code)
        expected = [*effective_depth_width(dag), sum(depth_histogram(dag).values())]
        assert found[:3] == pytest.approx(expected, rel=1e-12), code
        bound = eq12_bound(dag, np.array([[1, 0.83], [0.83, 1]])) if dag.has_path else None
        assert found[3] == (None if bound is None else pytest.approx(bound, rel=1e-10)), code


@pytest.mark.parametrize("code", ["2_0x", "2_0", "2__002", "_", "2_022"])
def test_a_bad_code_is_pointed_at_in_pythons_words(used, code):
    type_code(used, code)
    with pytest.raises(DagCodeError) as error:
        Dag.parse(code)
    message = find(used, "#code-error").text.split("\n")[0]
    assert message.startswith("row ") and message in str(error.value)
    assert read(used, "depth", "bound") == ["", ""]
    type_code(used, "2_02")
    assert find(used, "#code-error").text == "" and read(used, "depth") == ["2"]


def test_eq12_equals_the_records(used):
    """The cosines of the page were read back from one DAG; the others of the record must fit."""
    options = find(used, "#images").find_elements("css selector", "option")
    tried = 0
    for option in options[:-1]:
        option.click()
        record = read_json(ROOT / f"results/theory/{option.text}/result.json")
        for row in record["dags"].values():
            type_code(used, row["code"])
            assert float(read(used, "bound")[0]) == pytest.approx(row["eq12_bound"], rel=1e-5)
            tried += 1
    assert tried >= 9


def test_cosines_lie_where_their_bound_does():
    cosines = largest_cosines(Sources.read([ROOT / "results"]))
    assert set(cosines) == {"digits", "mnist", "cifar10_subset"}
    assert all(0.5 < cosine < 1 for cosine in cosines.values())


@cache
def all_of_nasbench201():
    """Code, shape and CIFAR-10 accuracy of each cell."""
    table = AccuracyTable.find("nasbench201")
    dags = [Cell.parse(arch).to_dag() for arch in table.architectures]
    shape_of = {dag: effective_depth_width(dag) for dag in set(dags)}
    codes = [dag.code for dag in dags]
    return codes, np.array([shape_of[dag] for dag in dags]), table.column("cifar10")


# Numbers of cells that the box keeps, as Sec. 5.3 of the paper counts them.
@pytest.mark.parametrize("fraction, cells", [(1, 13642), (0.75, 9762), (0.5, 6256), (0.25, 1376)])
def test_the_slider_counts_cells_and_their_mean_accuracy(used, fraction, cells):
    plane = "#plane-nasbench201 "
    slider = find(used, plane + '[data-name="fraction"]')
    slider.send_keys("\ue010")  # End: f = 1
    slider.send_keys("\ue012" * round((1 - fraction) / 0.05))  # arrow left
    kept = find(used, plane + '[data-name="kept"]')
    assert f"{cells:,} of 15,625 cells" in kept.text
    _, shapes, accuracy = all_of_nasbench201()
    inside = box_rule(*shapes.T, fraction).keeps(*shapes.T) & (shapes[:, 0] > 0)
    assert f"mean accuracy {accuracy[inside].mean():.2f} %" in kept.text


def test_moving_the_middle_keeps_other_cells_and_the_button_goes_back(opened):
    plane = "#plane-nasbench201 "
    kept = find(opened, plane + '[data-name="kept"]')
    before = kept.text
    slider = find(opened, plane + '[data-name="depth"]')
    slider.send_keys("\ue010")
    middle = float(slider.get_property("value"))
    _, shapes, _ = all_of_nasbench201()
    box = box_rule(*shapes.T)
    radius = (box.depth[1] - box.depth[0]) / 2
    inside = (abs(shapes[:, 0] - middle) <= radius) & (shapes[:, 0] > 0)
    inside &= (shapes[:, 1] >= box.width[0]) & (shapes[:, 1] <= box.width[1])
    assert kept.text.startswith(f"{inside.sum():,} of") and kept.text != before
    find(opened, plane + '[data-name="reset"]').click()
    assert kept.text == before


def test_a_wiring_lists_the_accuracies_of_its_cells(opened):
    plane = "#plane-nasbench201 "
    codes, _, accuracy = all_of_nasbench201()
    archs = AccuracyTable.find("nasbench201").architectures
    shown = find(opened, plane + '[data-name="cell"]').text
    code = Cell.parse(shown).to_dag().code
    best = max((i for i, c in enumerate(codes) if c == code), key=lambda i: accuracy[i])
    assert shown == archs[best]
    option = find(opened, plane + ".detail option").text
    assert option == f"{accuracy[best]:.2f} % {archs[best]}"


def test_a_number_of_base_5_is_the_cell(used):
    cells = list(all_cells())[::7]
    script = "return arguments[0].map((number) => cellString(number, arguments[1]))"
    found = used.execute_script(script, [cell.index for cell in cells], list(OPERATORS))
    assert found == [str(cell) for cell in cells]


def pointer_at(driver, code):
    """The pointer moved to a dot of the plane of all topologies."""
    from selenium.webdriver.common.action_chains import ActionChains

    canvas = find(driver, "#plane-topologies canvas")
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
    script = """const chart = Chart.getChart(arguments[0]);
        const points = chart.data.datasets[0].data;
        const i = points.findIndex((point) => point.row.code === arguments[1]);
        const at = chart.getDatasetMeta(0).data[i];
        return [at.x - arguments[0].clientWidth / 2, at.y - arguments[0].clientHeight / 2];"""
    x, y = driver.execute_script(script, canvas, code)
    actions = ActionChains(driver).move_to_element_with_offset(canvas, round(x), round(y))
    actions.perform()
    return ActionChains(driver)


def test_a_click_holds_an_architecture_until_escape(opened):
    shown = lambda: find(opened, '#plane-topologies [data-name="code"]').text  # noqa: E731
    pointer_at(opened, "2_02_002").click().perform()
    pointer_at(opened, "1_01_002")
    assert shown() == "2_02_002" and "Held" in find(opened, "#plane-topologies .held").text
    opened.switch_to.active_element.send_keys("\ue00c")  # Escape
    assert find(opened, "#plane-topologies .held").text == ""
    pointer_at(opened, "2_02_002")
    pointer_at(opened, "1_01_002")
    assert shown() == "1_01_002"


def test_a_long_code_is_drawn_at_full_size_and_scrolls(opened):
    emulate(opened, PHONE, "light")
    type_code(opened, "_".join("2" * j for j in range(1, 20)))
    sizes = "const box = arguments[0]; return [box.scrollWidth, box.clientWidth]"
    box = find(opened, "#dag-drawing")
    wide, narrow = opened.execute_script(sizes, box)
    assert wide > 1000 and narrow < 360
    text = box.find_element("css selector", "text")
    assert text.rect["height"] > 12


def test_hovering_shows_the_architecture(opened):
    plane = "#plane-topologies "
    pointer_at(opened, "2_02_002")
    detail = find(opened, plane + ".detail")
    shown = {k: detail.find_element("css selector", f'[data-name="{k}"]').text for k in NAMES}
    with (ROOT / "results/topologies/digits/topologies.csv").open() as file:
        row = next(r for r in csv.DictReader(file) if r["code"] == "2_02_002")
    assert shown["code"] == "2_02_002"
    assert float(shown["at-depth"]) == pytest.approx(float(row["depth"]))
    assert float(shown["at-width"]) == pytest.approx(float(row["width"]), abs=5e-4)
    assert float(shown["eigenvalue"]) == pytest.approx(float(row["lambda_min"]), rel=5e-3)
    assert shown["at-accuracy"] == f"{float(row['test_accuracy']):.2f} %"
    assert len(detail.find_elements("css selector", "svg path.linear")) == 3


NAMES = ("code", "at-depth", "at-width", "eigenvalue", "at-accuracy")


def test_a_plot_is_read_by_keyboard(opened):
    plane = "#plane-nasbench201 "
    plot = find(opened, plane + ".chart")
    opened.execute_script("arguments[0].focus()", find(opened, plane + '[data-name="width"]'))
    opened.switch_to.active_element.send_keys("\ue004")  # Tab, from the control before it
    assert opened.switch_to.active_element == plot
    assert plot.value_of_css_property("outline-style") == "solid"
    seen = set()
    for key in ("\ue011", "\ue014", "\ue014", "\ue00f", "\ue010"):  # Home, right, right, PgDn, End
        plot.send_keys(key)
        seen.add(find(opened, plane + '[data-name="code"]').text)
    assert len(seen) == 5
    assert find(opened, plane + '[data-name="at-depth"]').text == "3.00"
    assert find(opened, plane + '[data-name="code"]').text == "2_02_002"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_readable_on_a_phone(console, page, scheme):
    load(console, page, PHONE, scheme)
    sizes = "return [document.documentElement.scrollWidth, window.innerWidth]"
    assert console.execute_script(sizes) == [PHONE[0], PHONE[0]]
    style = "return getComputedStyle(document.documentElement).getPropertyValue(arguments[0])"
    paper = luminance(console.execute_script(style, "--paper"))
    assert (paper < 0.1) == (scheme == "dark")
    for name in ("--ink", "--soft", "--blue", "--good", "--bad"):
        colour = luminance(console.execute_script(style, name))
        high, low = max(colour, paper), min(colour, paper)
        assert (high + 0.05) / (low + 0.05) >= 4.5, f"{name} on --paper, {scheme}"


def luminance(colour):
    """WCAG's relative luminance of #rrggbb or #rgb."""
    digits = colour.strip().lstrip("#")
    digits = "".join(2 * c for c in digits) if len(digits) == 3 else digits
    channels = np.array([int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_nothing_is_fetched(used):
    entries = "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    fetched = [name for name in used.execute_script(entries) if not name.startswith("data:")]
    assert fetched == []


def test_the_page_is_one_file_without_addresses_to_load(page):
    text = page.read_text()
    assert re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', text) == []
    assert "@import" not in text and "url(" not in text


def test_models_stand_in_a_plane_without_a_box(used):
    plane = "#plane-models "
    listed = json.loads((ROOT / "results/models/torchvision/result.json").read_text())["models"]
    rated = [m["top1"] for m in listed if m["top1"] is not None]
    kept = find(used, plane + '[data-name="kept"]').text
    assert kept == f"{len(rated)} models; mean accuracy {np.mean(rated):.2f} %."
    assert not find(used, plane + '[data-name="sliders"]').is_displayed()
    best = max(listed, key=lambda m: m["top1"] or 0)
    names = ("code", "at-accuracy", "paths")
    shown = [find(used, f'{plane}[data-name="{name}"]').text for name in names]
    assert shown == [best["model"], f"{best['top1']:.2f} %", f"2^{best['log2_paths']:.2f}"]
    assert not used.find_elements("css selector", plane + ".detail svg")


def test_pages_tables_are_those_of_results(page, tmp_path):
    text = results_of(ROOT / "results", out=tmp_path)
    lines = [row for row in text.splitlines() if row.startswith("| ")]
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines if set(line) - set("| -:")]
    body = [[html.unescape(cell.strip().replace("\\|", "|")) for cell in row] for row in rows]
    found = re.findall(r"<tr>(.*?)</tr>", page.read_text(), re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in found]
    assert [[html.unescape(cell) for cell in row] for row in cells] == body and len(body) > 100

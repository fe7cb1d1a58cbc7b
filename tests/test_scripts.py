"""The shell scripts, on the embedded data."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.running import make_venv

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = sorted(path for path in (ROOT / "scripts").glob("*.sh") if path.name != "common.sh")


def run(script, *words, cwd=ROOT, **environment):
    return subprocess.run(
        ["bash", str(script), *words],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_help_says_what_it_costs_and_writes(script, tmp_path):
    done = run(script, "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"bash scripts/{script.name}" in done.stdout
    assert "Cost" in done.stdout and "Writes" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
def test_shellcheck_is_clean():
    files = [str(path) for path in [*SCRIPTS, ROOT / "scripts/common.sh", ROOT / ".ci/run"]]
    done = subprocess.run(["shellcheck", "-x", *files], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.fixture
def checkout(tmp_path):
    """A second checkout, with a space in its path, whose Python starts in a moment."""
    copy = tmp_path / "a checkout"
    ignored = shutil.ignore_patterns(".venv", "runs", ".git", "data", "results")
    shutil.copytree(ROOT, copy, ignore=ignored)
    make_venv(copy)
    return copy


def test_fig4_from_another_folder_twice(checkout, tmp_path):
    """First by the real Python, which knows nothing but what the checkout holds."""
    stand_in = (checkout / ".venv").rename(tmp_path / "a checkout/stand_in")
    (checkout / ".venv").symlink_to(ROOT / ".venv")
    words = ("digits", "--epochs", "2", "--width", "8")
    first = run(checkout / "scripts/fig4.sh", *words, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert (checkout / "runs/report/figures/mlp_digits_convergence.png").exists()
    metrics = checkout / "runs/mlp/digits/metrics.jsonl"
    before = metrics.stat().st_mtime_ns
    (checkout / ".venv").unlink()
    stand_in.rename(checkout / ".venv")
    again = run(checkout / "scripts/fig4.sh", *words, cwd=tmp_path)
    assert again.returncode == 0 and metrics.stat().st_mtime_ns == before
    assert {path.name for path in tmp_path.iterdir()} == {"a checkout"}


def test_fig4_with_a_dag_of_ones_own(checkout):
    config = checkout / "configs/mlp/mine.yaml"
    config.write_text("dags: {mine: 2_12_222_1112}\nwidth: 8\nepochs: 1\n")
    done = run(checkout / "scripts/fig4.sh", "configs/mlp/mine.yaml")
    assert done.returncode == 0, done.stderr
    assert "2_12_222_1112" in done.stdout + done.stderr


SMALL_WOT = ("--repeats", "2", "--samples", "3", "--score.batch_size", "8")
SMALL_TENAS = ("--seeds", "[0]", "--repetitions", "1", "--indicators.region_inputs", "20",
               "--indicators.batch_size", "4", "--prune_number", "3")  # fmt: skip
SMALL_THEORY = ("--width", "16", "--samples", "8", "--kernel_samples", "8", "--steps", "2",
                "--seeds", "[0]")  # fmt: skip
SMALL_TRAINING = ("--dataset", "digits", "--network.channels", "4", "--network.layers", "3",
                  "--network.auxiliary", "0", "--epochs", "1")  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "words", "written", "told"),
    [
        ("fig3", ["mine=2_12"], ["report/dags.png"], ""),
        ("fig5", [], ["report/figures/fig5.png"], "cifar10: R 0.538"),
        ("table1", ["cifar10", "DARTS_V2", *SMALL_TRAINING],
         ["report/tables/retrain.md"], "Test errors of single trainings"),
        ("table2", ["digits", *SMALL_WOT, "--", *SMALL_TENAS],
         ["report/tables/table2.md", "tenas/table2_digits_exempt/result.json"], "| TE-NAS + DAG |"),
        ("table3", ["digits", *SMALL_WOT], ["report/tables/table3.md"], "| 0.25 |"),
        ("theory", ["digits", *SMALL_THEORY], ["report/figures/theory_digits_training.png"],
         "Records: "),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_figures_and_tables_with_a_log_file(checkout, script, words, written, told):
    """Both streams go to one file, which must hold everything from the first line on."""
    log = checkout / "log"
    with log.open("w") as file:
        file.write("first line\n")
        file.flush()
        command = ["bash", str(checkout / f"scripts/{script}.sh"), *words]
        status = subprocess.run(command, stdout=file, stderr=file).returncode
    text = log.read_text()
    assert status == 0 and text.startswith("first line\n"), text
    assert told in text
    assert [name for name in written if not (checkout / "runs" / name).is_file()] == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["fig4", "imagenet"], "found 'imagenet', expected one of digits, mnist"),
        (["table2", "imagenet"], "found 'imagenet', expected one of digits, mnist"),
        (["fig4", "absent.yaml"], "absent.yaml: no such file"),
        (["table3", "absent.npz"], "absent.npz: no such file"),
        (["theory", "--width", "3"], "found '--width', expected IMAGES first"),
        (["table1", "digits"], "found 'digits', expected cifar10 or imagenet-1k"),
        (["fig4", "digits", "--widht", "3"], "did you mean 'width'"),
    ],
)
def test_mistakes_are_told_in_one_line(checkout, words, told):
    script, *words = words
    done = run(checkout / f"scripts/{script}.sh", *words)
    assert done.returncode != 0
    assert told in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
    assert not (checkout / "runs").exists()


@pytest.mark.parametrize("script", [path.stem for path in SCRIPTS if "[IMAGES" in path.read_text()])
def test_any_name_of_images_goes_to_the_entry(tmp_path, script):
    """Which there are the catalogue knows alone; a config of that name is taken before others."""
    bare = stand_in(tmp_path, 'echo "$*" >>started')
    shutil.copytree(ROOT / "configs", bare / "configs")
    for folder in (bare / "configs").iterdir():
        (folder / "stripes.yaml").touch()
    done = run(bare / f"scripts/{script}.sh", "stripes")
    assert done.returncode == 0, done.stderr
    started = (bare / "started").read_text().splitlines()
    entries = [line for line in started if "-m report" not in line]
    assert entries and all(re.search("(dataset|images) stripes", line) for line in entries)
    kept = script in ("tenas_indicators", "benchmark")  # one config for all, and none
    assert kept or all("/stripes.yaml --" in line for line in entries), entries


def fake_command(folder, name, text):
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def bare_checkout(tmp_path):
    shutil.copytree(ROOT / "scripts", tmp_path / "bare/scripts")
    shutil.copy(ROOT / "requirements.txt", tmp_path / "bare")
    return tmp_path / "bare"


def test_an_old_python_is_told(tmp_path):
    old = fake_command(tmp_path / "bin", "old-python", "exit 1")
    done = run(bare_checkout(tmp_path) / "scripts/fig3.sh", PYTHON=str(old))
    assert done.returncode == 1 and "need Python 3.10 or newer" in done.stderr


def test_a_full_disk_is_told(tmp_path):
    bin_folder = tmp_path / "bin"
    fake_command(bin_folder, "df", "echo Filesystem; echo /dev/x 100 90 1048576 90% /")
    path = f"{bin_folder}:{os.environ['PATH']}"
    done = run(bare_checkout(tmp_path) / "scripts/fig3.sh", PATH=path)
    assert done.returncode == 1 and "found 1 GB free" in done.stderr
    assert not (tmp_path / "bare/.venv").exists()


FRACTIONS = ("1", "0.75", "0.5", "0.25", *(f"kernel_{f}" for f in (0.3, 0.2, 0.1, 0.05)))


def stand_in(tmp_path, python):
    """A checkout whose Python is a shell script."""
    bare = bare_checkout(tmp_path)
    (bare / ".venv").mkdir()
    fake_command(bare / ".venv/bin", "python", python)
    wanted = subprocess.run("cksum <requirements.txt", shell=True, cwd=bare, capture_output=True)
    (bare / ".venv/installed").write_bytes(wanted.stdout)
    return bare


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_a_script_reaches_its_python(tmp_path, number):
    python = "trap 'echo stopped >told; exit 143' TERM\n: >started\nwhile :; do sleep 0.02; done"
    bare = stand_in(tmp_path, python)
    command = ["bash", str(bare / "scripts/fig3.sh")]
    script = subprocess.Popen(  # bash cannot trap what it inherits as ignored
        command, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
    )
    wait_for(bare / "started")
    script.send_signal(number)
    assert script.wait(10) == 143
    assert (bare / "told").read_text() == "stopped\n"


def wait_for(path):
    for _ in range(2000):
        if path.exists():
            return
        time.sleep(0.01)
    pytest.fail(f"{path} does not come")


@pytest.mark.parametrize(
    ("script", "words", "runs"),
    [
        ("theory", ["digits"], ["digits"]),
        ("theory", ["digits", "--run.name", "mine"], ["mine"]),
        ("learning_rate", ["digits"], ["digits"]),
        ("fig4", ["mnist", "--run.name=a b"], ["a b"]),
        ("fig4", ["configs/mlp/my_dag.yaml"], ["my_dag"]),
        ("fig4", ["configs/my images.npz"], ["my images"]),
        ("scores", ["digits"], ["digits"]),
        ("table3", ["digits"], [f"table3_digits_{f}" for f in FRACTIONS]),
        ("table3", ["digits", "--run.name", "longer"], [f"longer_{f}" for f in FRACTIONS]),
    ],
)  # fmt: skip
def test_scripts_know_where_their_runs_are(tmp_path, script, words, runs):
    """A Python that notes its last word, which is the name, and makes the run's folder."""
    python = (
        'for last in "$@"; do :; done\n'
        'case "$2" in\n'
        'report) printf "%s\\n" "$@" >reported ;;\n'
        '*) echo "$last" >>named; for kind in theory mlp scores learning_rate; do\n'
        '   mkdir -p "runs/$kind/$last"; : >"runs/$kind/$last/result.json"; done ;;\nesac'
    )
    bare = stand_in(tmp_path, python)
    shutil.copytree(ROOT / "configs", bare / "configs")
    (bare / "configs/my images.npz").touch()
    done = run(bare / f"scripts/{script}.sh", *words)
    assert done.returncode == 0, done.stderr
    assert (bare / "named").read_text().splitlines() == runs
    reported = (bare / "reported").read_text().splitlines()
    kind = {"fig4": "mlp", "table3": "wot"}.get(script, script)
    assert [word for word in reported if word.startswith("runs/" + kind)] == [
        f"runs/{kind}/{name}" for name in runs
    ]

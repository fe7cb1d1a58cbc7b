"""Malformed inputs end in words: no traceback, no success, one line, before any work."""

import runpy
import sys
from collections import Counter

import pytest

from tests.malformed import Input, draw

INPUTS = draw(0)


@pytest.fixture
def entry(tmp_path, monkeypatch, capfd):
    """Runs an entry in this process, which has torch already; (status, errors)."""

    def enter(given: Input) -> tuple[object, str]:
        for name, data in given.files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(data)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("DATA_ROOT", "data")
        monkeypatch.setattr(sys, "argv", [given.module, *given.words])
        monkeypatch.setattr(sys, "path", [*sys.path])
        monkeypatch.delitem(sys.modules, "own_model", raising=False)
        for name in (given.module, f"{given.module}.__main__"):  # runpy warns of what is there
            if not hasattr(sys.modules.get(name), "__path__"):  # a package stays
                monkeypatch.delitem(sys.modules, name, raising=False)
        with pytest.raises(SystemExit) as stopped:
            runpy.run_module(given.module, run_name="__main__", alter_sys=True)
        code = stopped.value.code
        return code, capfd.readouterr().err + (code if isinstance(code, str) else "")

    return enter


def test_there_are_200_of_all_entries():
    assert len(INPUTS) == 200
    assert len({(i.module, *i.words, *i.files.values()) for i in INPUTS}) > 190
    assert len(Counter(i.module for i in INPUTS)) >= 20


@pytest.mark.parametrize("given", INPUTS, ids=range(len(INPUTS)))
def test_a_malformed_input_is_one_clear_line(entry, given, tmp_path):
    code, errors = entry(given)
    lines = [line for line in errors.splitlines() if line.strip() and "warning: " not in line]
    pointed = len(lines) == 3 and set(lines[2].strip()) == {"^"}  # at a character of a code
    usage = bool(lines) and lines[0].startswith("usage: ")
    assert code not in (0, None) and (len(lines) == 1 or pointed or usage), (code, given, errors)
    assert len(lines[-1]) < 700 and "Traceback" not in errors
    worked = [
        f for f in tmp_path.rglob("*.jsonl") if f.name not in given.files and f.stat().st_size
    ]
    assert not worked

"""Entry: python -m common.record KIND FOLDER WHAT ...: makes FOLDER/result.json a run's record.

For what rooms measure that know no `common`: the result gets its header, and beside it come
config.yaml, with WHAT was measured, and environment.json.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from common.environment import environment
from common.errors import run_main
from common.files import read_json
from common.runs import header, keep_record

PROG = "python -m common.record"


def main(arguments: Sequence[str] | None = None) -> None:
    """Completes the record that the command line names."""
    parser = argparse.ArgumentParser(prog=PROG, description=__doc__)
    parser.add_argument("--command", required=True, help="that does all this")
    parser.add_argument("kind", metavar="KIND", help="such as models")
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="such as runs/models/own")
    help_ = "the words that say what was measured"
    parser.add_argument("what", metavar="WHAT", nargs=argparse.REMAINDER, help=help_)
    options = parser.parse_args(arguments)
    whole = header(options.kind) | read_json(options.folder / "result.json")
    start = environment("cpu") | {"command": options.command}
    keep_record(options.folder, {"what": options.what}, start, whole)


if __name__ == "__main__":
    run_main(PROG, main)

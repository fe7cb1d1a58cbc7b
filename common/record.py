"""Entry: python -m common.record --command COMMAND FOLDER WHAT ...: completes a record.

For what rooms measure that know no `common`: beside FOLDER/result.json come config.yaml, with WHAT
was measured, and environment.json.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from common.environment import environment
from common.errors import run_main
from common.files import read_json
from common.runs import keep_record

PROG = "python -m common.record"


def main(arguments: Sequence[str] | None = None) -> None:
    """Completes the record that the command line names."""
    parser = argparse.ArgumentParser(prog=PROG, description=__doc__)
    parser.add_argument("--command", required=True, help="that does all this")
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="such as runs/models/own")
    help_ = "the words that say what was measured"
    parser.add_argument("what", metavar="WHAT", nargs=argparse.REMAINDER, help=help_)
    options = parser.parse_args(arguments)
    start = environment("cpu") | {"command": options.command}
    result = read_json(options.folder / "result.json")
    keep_record(options.folder, {"what": options.what}, start, result)


if __name__ == "__main__":
    run_main(PROG, main)

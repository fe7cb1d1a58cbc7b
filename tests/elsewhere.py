"""`python -m tests.elsewhere FOLDER MODULE words...`: an entry of a folder's code, read anew."""

import os
import sys

from tests.server import ROOT, run_module

if __name__ == "__main__":
    folder, module, *words = sys.argv[1:]
    for name, known in [*sys.modules.items()]:
        file = getattr(known, "__file__", None) or ""
        if file.startswith(f"{ROOT}{os.sep}") and f"{os.sep}.venv{os.sep}" not in file:
            del sys.modules[name]
    os.chdir(folder)
    sys.path.insert(0, folder)
    sys.argv = [module, *words]
    run_module(module)

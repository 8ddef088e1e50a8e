"""`assay` in a new process that need not import everything first: a fork of one that has, and has computed nothing.

Arguments, working folder, module path, streams and exit code are those of `python -m assay`. Tests of imports, signals,
environments and broken streams start Python itself.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

HERE = Path(__file__).parent


def assay(*arguments, cwd=None, path="", timeout=200, **options):
    """What a command printed and its exit code; `path` is a folder to import from, too.

    With other options of `subprocess.run` it is Python itself that is started.
    """
    if options:
        command = [sys.executable, "-m", "assay", *map(str, arguments)]
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **options}
        return subprocess.run(command, cwd=cwd, text=True, timeout=timeout, check=False, **options)
    server = _server()
    with tempfile.TemporaryDirectory() as folder:
        files = {name: os.path.join(folder, name) for name in ("out", "err")}
        request = {"arguments": [*map(str, arguments)], "cwd": str(cwd or os.getcwd()), "path": str(path)}
        server.stdin.write(json.dumps({**request, **files, "timeout": timeout}) + "\n")
        server.stdin.flush()
        code = int(server.stdout.readline())
        out, err = (Path(file).read_text("utf-8") for file in files.values())
    return subprocess.CompletedProcess(request["arguments"], code, out, err)


@cache
def _server():
    command = [sys.executable, "-c", "import fresh; fresh.serve()"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    server = subprocess.Popen(command, **pipes, text=True, env=environment)
    atexit.register(server.kill)
    return server


def serve():
    """Import everything, then fork for each request on standard input, and answer with its exit code."""
    # as a user's own process begins: without the folder of the tests
    sys.path.remove(str(HERE))
    os.environ["PYTHONPATH"] = os.pathsep.join(os.environ["PYTHONPATH"].split(os.pathsep)[1:])
    import assay as package

    for module in walk_packages(package.__path__, "assay."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            answers.close()
            _run(**request)
        status = os.waitpid(child, 0)[1]
        print(os.waitstatus_to_exitcode(status), file=answers, flush=True)


def _run(arguments, cwd, path, out, err, timeout):
    """Run the command in this process, and end it."""
    import signal

    from assay.cli import main

    signal.alarm(timeout)
    for number, file in ((0, os.devnull), (1, out), (2, err)):
        os.dup2(os.open(file, os.O_RDWR | os.O_CREAT), number)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
    os.chdir(cwd)
    sys.path[0] = cwd
    if path:
        sys.path.insert(1, path)
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [path, os.environ["PYTHONPATH"]]))
    sys.argv = [import_module("assay").__file__.replace("__init__", "__main__"), *arguments]
    code = 1
    try:
        main()
    except SystemExit as left:
        code = left.code or 0
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

"""`assay` in a new process that need not import everything first: a fork of one that has, and has computed nothing.

Arguments, working folder, module path, streams and exit code are those of `python -m assay`. Worker processes are
forked from a server, as the program's own are; that server is itself a fork, made before the command begins.

Python itself is started for tests of what a fork cannot show: imports, the environment that is read by them, streams
that are broken before Python begins, and signals, for which all has to be as a user's shell starts it (Ctrl-C in
test_cli.py, SIGTERM and an ignored SIGHUP in test_cli_exits.py).
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from weakref import finalize

HERE = Path(__file__).parent
WITH_CHARTS = ("run", "report", "place", "probe", "embeddings")  # commands that may write a page
WITH_WORKERS = ("run", "place", "probe", "doctor")  # commands that may start worker processes

IMPORTED_LATE = ("matplotlib.backends.backend_svg", "PIL.JpegImagePlugin", "sklearn.ensemble")


def assay(*arguments, cwd=None, path="", timeout=200, **options):
    """What a command printed and its exit code; `path` is a folder to import from, too.

    With other options of `subprocess.run` it is Python itself that is started.
    """
    if options:
        command = [sys.executable, "-m", "assay", *map(str, arguments)]
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **options}
        return subprocess.run(command, cwd=cwd, text=True, timeout=timeout, check=False, **options)
    with tempfile.TemporaryDirectory() as folder:
        files = [os.path.join(folder, name) for name in ("out", "err")]
        process = Process(*arguments, cwd=cwd, path=path, out=files[0], err=files[1], timeout=timeout, group=False)
        code = process.wait()
        out, err = (Path(file).read_text("utf-8") for file in files)
    return subprocess.CompletedProcess(process.arguments, code, out, err)


class Process:
    """A command that has been started; `out` and `err` are files that it writes.

    It leads a process group of its own where `group` is true.
    """

    def __init__(self, *arguments, cwd=None, path="", out=os.devnull, err=os.devnull, timeout=200, group=True):
        self.arguments, self.returncode = [*map(str, arguments)], None
        files = {"cwd": str(cwd or os.getcwd()), "path": str(path), "out": str(out), "err": str(err)}
        self.pid = _ask(arguments=self.arguments, **files, timeout=timeout, group=group)

    def poll(self):
        """Its exit code, or None as long as it runs."""
        if self.returncode is None:
            self.returncode = _ask(look=self.pid)
        return self.returncode

    def wait(self):
        """Its exit code, when it has ended."""
        if self.returncode is None:
            self.returncode = _ask(wait=self.pid)
        return self.returncode

    def kill(self):
        """End it, and nothing that it has started."""
        os.kill(self.pid, signal.SIGKILL)


def _ask(**request):
    server = _server()
    server.stdin.write(json.dumps(request) + "\n")
    server.stdin.flush()
    return json.loads(server.stdout.readline())


@cache
def _server():
    command = [sys.executable, "-c", "import fresh; fresh.serve()"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    server = subprocess.Popen(command, **pipes, text=True, env=environment)
    atexit.register(_end, server)
    return server


def _end(server):
    server.kill()
    server.communicate()


def serve():
    """Import everything, then fork for each command that is asked for on standard input, and answer with its process.

    Asked to look at a process or to wait for it, it answers with the exit code.
    """
    # as a user's own process begins: without the folder of the tests
    gc.disable()
    sys.path.remove(str(HERE))
    os.environ["PYTHONPATH"] = os.pathsep.join(os.environ["PYTHONPATH"].split(os.pathsep)[1:])
    from numba.core.registry import cpu_target

    import assay as package

    for module in walk_packages(package.__path__, "assay."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    for name in IMPORTED_LATE:
        import_module(name)
    cpu_target.target_context.refresh()  # numba's tables
    import_module("assay.cli").command()
    for finalizer in list(finalize._registry):  # numba's thousands, which each command would call at its end
        finalizer.detach()
    gc.freeze()  # a command is not to look at all of this again
    gc.enable()
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        request = json.loads(line)
        if "arguments" in request:
            if set(WITH_CHARTS) & set(request["arguments"][:1]):
                _bundle_charts()
            answer = os.fork()
            if answer == 0:
                answers.close()
                _run(**request)
        else:
            pid, status = os.waitpid(request.get("wait") or request["look"], 0 if "wait" in request else os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        print(json.dumps(answer), file=answers, flush=True)


@cache
def _bundle_charts():
    """Put together what draws charts on a page, once for all commands: it takes each a second.

    That is done in a fork, since it starts threads, which no other fork would have.
    """
    from assay.report import vega

    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with os.fdopen(writer, "w", encoding="utf-8") as file:
            file.write(vega._library())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as file:
        library = file.read()
    os.waitpid(child, 0)
    vega._library = lambda: library


def _run(arguments, cwd, path, out, err, timeout, group):
    """Run the command in this process, and end it."""
    from assay.cli import main

    if group:
        os.setsid()
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
    if arguments[:1] and arguments[0] in WITH_WORKERS:
        _start_fork_server()
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


def _start_fork_server():
    """The process that `assay.studies.preloaded` is imported in, forked from this one, which has imported it all."""
    from multiprocessing import forkserver, util

    def forked(_path, command, kept):
        child = os.fork()
        if child == 0:
            for number in set(range(3, 64)) - set(kept):  # else it would wait for its own end of a pipe to be closed
                with suppress(OSError):
                    os.close(number)
            try:
                exec(command[-1], {})
            finally:
                os._exit(0)
        return child

    started, util.spawnv_passfds = util.spawnv_passfds, forked
    forkserver.set_forkserver_preload(["assay.studies.preloaded"])
    forkserver.ensure_running()
    util.spawnv_passfds = started

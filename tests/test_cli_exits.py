"""Exit codes, outputs that cannot be written, signals, and paths that are wrong: mostly in new processes."""

import errno
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from importlib import metadata
from pathlib import Path
from select import select

import numpy as np
import pytest
from typer.testing import CliRunner

from assay import cli
from assay.cli import streams
from assay.cli.exits import ExitCode
from assay.cli.options import app
from assay.cli.streams import SteadyStream
from assay.errors import AssayError, DiskError
from assay.store.files import make_folder, require_folder, require_writable, write_whole
from assay.store.ledger import Ledger
from fresh import Process, assay

COMMAND = [sys.executable, "-m", "assay"]
TINY = Path(__file__).parent / "tiny.toml"
MATCH = ["match2", "--length", "4", "--modulus", "5"]
FULL = "assay: standard output cannot be written: No space left on device; files that were written are whole\n"
needs_full_device = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


def without_reader():
    """The writing end of a pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    return os.fdopen(writer, "w")


def close(*numbers):
    """A function that closes these files in a new process before Python begins, as `>&-` does."""
    return lambda: [os.close(number) for number in numbers]


@pytest.fixture(scope="module")
def altered(tmp_path_factory):
    """A certificate that does not hold, as its weights were altered."""
    folder = tmp_path_factory.mktemp("altered")
    done = assay("build", *MATCH, "--out", "n", "--certificate", "n.json", cwd=folder)
    assert done.returncode == 0, done.stderr
    with open(folder / "n", "ab") as file:
        file.write(b" ")
    return folder / "n.json"


# Codes


def test_every_code_is_in_the_documents():
    page = (Path(__file__).parents[1] / "docs" / "reference" / "index.md").read_text("utf-8")
    (listed,) = re.findall(r"Exit codes:\s(.*?)(?:\n\n|\Z)", page, re.DOTALL)
    assert set(map(int, re.findall(r"\b\d+\b", listed))) == set(ExitCode)
    assert cli.__doc__ is not None
    assert set(map(int, re.findall(r"\b\d+\b", cli.__doc__))) == set(ExitCode)


@pytest.mark.parametrize("code", [0, 1])
def test_a_module_that_ends_the_program_gives_no_verdict(tmp_path, code):
    (tmp_path / "leaver.py").write_text(f"raise SystemExit({code})")
    done = assay("attack", "leaver:Net", "--task", *MATCH, cwd=tmp_path)
    said = f"assay: a module has ended the program with exit code {code}, so that there is no result\n"
    assert (done.returncode, done.stdout, done.stderr) == (70, "", said)


def test_completion_of_command_lines_is_no_fault():
    done = assay("--show-completion", "bash")
    assert (done.returncode, done.stderr) == (0, "")
    assert "complete" in done.stdout


# Outputs


@pytest.mark.parametrize("arguments", [["ls"], ["--help"]], ids=str)
def test_a_reader_that_has_gone_is_no_refutation(arguments):
    with without_reader() as output:
        done = assay(*arguments, stdout=output)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_a_pipe_into_head_is_silent_and_fails_nobody():
    script = '"$@" | head -n 1; echo "${PIPESTATUS[0]}"'
    done = subprocess.run(["bash", "-c", script, "bash", *COMMAND, "ls"], capture_output=True, text=True, check=True)
    first, code = done.stdout.splitlines()
    assert (first, done.stderr) == ("tasks", "")
    assert int(code) in (0, 141)


@needs_full_device
@pytest.mark.parametrize("arguments", [["ls"], ["--help"]], ids=str)
def test_a_full_disk_under_standard_output_is_one_line(arguments):
    with open("/dev/full", "w") as output:
        done = assay(*arguments, stdout=output)
    assert (done.returncode, done.stderr) == (74, FULL)


@pytest.mark.parametrize("closed", [(1,), (1, 2), (0, 1, 2)], ids=str)
def test_a_closed_standard_output_is_noticed(closed):
    done = assay("ls", preexec_fn=close(*closed))
    said = "assay: standard output cannot be written: Bad file descriptor; files that were written are whole\n"
    assert (done.returncode, done.stderr) == (74, said if closed == (1,) else "")


def test_a_verdict_that_cannot_be_delivered_is_none(altered):
    assert assay("verify", altered).returncode == 1
    with without_reader() as output:
        done = assay("verify", altered, stdout=output)
    assert (done.returncode, done.stderr) == (141, "")


@needs_full_device
def test_what_is_wrong_with_standard_error_changes_no_code(altered):
    with open("/dev/full", "w") as full:
        assert assay("verify", altered, stderr=full).returncode == 1
        assert assay("ls", "nothing", stderr=full).returncode == 2
        assert assay("ls", stdout=full, stderr=full).returncode == 74
    with without_reader() as errors:
        assert assay("ls", "nothing", stderr=errors).returncode == 2
    done = assay("ls", "nothing", preexec_fn=close(2))
    assert (done.returncode, done.stdout) == (2, "")


def test_progress_that_nobody_reads_does_not_stop_the_work(tmp_path):
    with without_reader() as gone:
        done = assay("train", *MATCH, "--steps", "20", "--out", "t", cwd=tmp_path, stdout=gone, stderr=gone)
    assert done.returncode == 141
    assert os.listdir(tmp_path) == ["t"]
    assert assay("attack", "t", "--budget", "5", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("encoding", "shown"), [("ascii", "\\xe9\\u2211\\udcff"), ("latin-1", "é\\u2211\\udcff"), ("utf-8", "é∑\\udcff")]
)
def test_characters_that_the_terminal_lacks_are_escaped(encoding, shown):
    reader, writer = os.pipe()
    with os.fdopen(reader, encoding=encoding) as read:
        with os.fdopen(writer, "w", encoding=encoding) as written:
            SteadyStream(written).write("é∑\udcff\n")
        assert read.read() == f"{shown}\n"


@pytest.mark.parametrize("settings", [{"PYTHONIOENCODING": "ascii:strict"}, {"LC_ALL": "C"}], ids=str)
def test_strange_names_are_written_and_shown_whatever_the_terminal(tmp_path, settings):
    name = b"\xc3\xa9\xff"
    command = [*COMMAND, "build", *MATCH, "--out", name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, env={**os.environ, **settings})
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\udcff" in done.stdout
    assert os.listdir(os.fsencode(tmp_path)) == [name]


def test_a_pipe_that_does_not_block_gets_everything(monkeypatch):
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    full, got = threading.Event(), []

    def read():
        full.wait()
        with os.fdopen(reader, "rb") as file:
            got.append(file.read())

    monkeypatch.setattr(streams, "select", lambda *files: (full.set(), select(*files)))
    thread = threading.Thread(target=read)
    thread.start()
    with os.fdopen(writer, "w") as written:
        stream = SteadyStream(written)
        stream.write("x" * 300_000 + "\n")  # more than a pipe holds
    thread.join()
    assert stream.failure is None
    assert got == [b"x" * 300_000 + b"\n"]


# Signals


def started(*arguments, **options):
    """A process that has begun to work, as its first line of progress says, and that line."""
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )
    return process, process.stderr.readline()


def test_sigterm_ends_a_study_and_its_workers_and_keeps_its_ledger(tmp_path):
    process, line = started("run", TINY, "--out", tmp_path, "--workers", "1")
    while "smallest learned width" not in line:  # a slow machine says first how long it takes
        line = process.stderr.readline()
        assert line
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=60)  # which ends when the last process with these pipes does
    assert process.returncode == 143
    assert output == ""
    end = "assay: terminated; what is finished is kept, and the same command goes on from there\n"
    assert [said for said in errors.splitlines(keepends=True) if "of about" not in said] == [end]
    assert os.listdir(tmp_path) == ["ledger.sqlite"]
    with Ledger(tmp_path / "ledger.sqlite", create=False) as ledger:
        assert len(ledger) >= 1


@pytest.mark.parametrize(
    ("numbers", "code", "said"),
    [
        ([signal.SIGINT, signal.SIGINT], 130, "interrupted"),
        ([signal.SIGTERM], 143, "terminated"),
        ([signal.SIGHUP], 129, "ended with its terminal"),
    ],
    ids=str,
)
def test_signals_end_a_training_with_one_line_and_no_file(tmp_path, numbers, code, said):
    folder, errors = tmp_path / "folder", tmp_path / "errors"
    folder.mkdir()
    process = Process("train", *MATCH, "--steps", "100000000", "--out", "t", cwd=folder, err=errors)
    while not (errors.exists() and "step " in errors.read_text()):
        assert process.poll() is None
        time.sleep(0.02)
    for number in numbers:
        os.kill(process.pid, number)
    assert process.wait() == code
    assert [line for line in errors.read_text().splitlines() if not line.startswith("step ")] == [f"assay: {said}"]
    assert list(folder.iterdir()) == []


def test_a_signal_that_the_program_was_started_to_ignore_stays_ignored(tmp_path):
    def nohup():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    arguments = ["train", *MATCH, "--steps", "100000000", "--out", "t"]
    process, _ = started(*arguments, cwd=tmp_path, preexec_fn=nohup)
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143


# Paths that are written

KINDS = {
    "a folder": lambda path: path.mkdir(),
    "a pipe": os.mkfifo,
    "a socket": lambda path: socket.socket(socket.AF_UNIX).bind(path.name),
    "a symbolic link": lambda path: path.symlink_to("real"),
    "a dangling link": lambda path: path.symlink_to("nowhere"),
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("real").write_text("kept")
    return tmp_path


def refused(*arguments):
    """What a command complains of; it is run in this process."""
    error = CliRunner().invoke(app, list(map(str, arguments))).exception
    assert isinstance(error, AssayError), repr(error)
    assert "\n" not in str(error)
    return str(error)


@pytest.mark.filterwarnings("ignore:unclosed.*socket:ResourceWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_only_plain_files_are_replaced(here, kind):
    path = here / "p"
    KINDS[kind](path)
    before = path.lstat()
    said = kind.replace("dangling", "symbolic")
    for write in (require_writable, lambda path: write_whole(path, lambda temporary: temporary.write_text("new"))):
        with pytest.raises(AssayError, match=f"p cannot be written: it is {said}$"):
            write(path)
    assert path.lstat() == before
    assert sorted(os.listdir()) == ["p", "real"]
    assert Path("real").read_text() == "kept"


@pytest.mark.skipif(not Path("/dev/null").is_char_device(), reason="this system has no /dev/null")
def test_a_device_is_no_place_for_a_result():
    with pytest.raises(AssayError, match=r"^/dev/null cannot be written: it is a device$"):
        require_writable(Path("/dev/null"))


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("x" * 256, "File name too long"),
        ("a/" * 3000, "File name too long"),
        ("real/x", "Not a directory"),
        ("gone/x", "No such file or directory"),
        ("a\0b", "null"),
        ("\ud800", "surrogates not allowed"),
    ],
    ids=repr,
)
def test_paths_that_the_system_refuses(here, path, said):
    for write in (require_writable, lambda path: write_whole(path, lambda temporary: temporary.write_text("new"))):
        with pytest.raises(AssayError, match=f"cannot be written: .*{said}") as error:
            write(Path(path))
        assert not isinstance(error.value, DiskError)
    assert os.listdir() == ["real"]


@pytest.fixture
def idle(monkeypatch):
    """Nothing may be worked at: a wrong path is to be found before."""

    def work(*arguments, **options):
        raise AssertionError("it was worked before the path was looked at")

    for place in (
        "assay.constructions.build",
        "assay.training.single.train_one",
        "assay.probing.source.open_heads",
        "assay.sessions.study.run_questions",
        "assay.sessions.study.load_study",
        "assay.store.merging._merged_anew",
    ):
        monkeypatch.setattr(place, work)


@pytest.mark.usefixtures("idle")
@pytest.mark.parametrize(
    "arguments",
    [
        ["build", *MATCH, "--out", "pipe"],
        ["build", *MATCH, "--out", "new", "--certificate", "pipe"],
        ["train", *MATCH, "--out", "pipe"],
        ["probe", "keys.npz", "--set", "1,2", "--certificate", "pipe"],
        ["probe", "keys.npz", "--out", "pipe"],
        ["run", TINY, "--dry-run", "--out", "pipe"],
        ["merge", "ledger", "--into", "pipe"],
        ["merge", "ledger", "--into", "link"],
        ["merge", "ledger", "--into", "x" * 256],
    ],
    ids=str,
)
def test_a_path_that_cannot_be_written_is_refused_before_the_work(here, arguments):
    os.mkfifo("pipe")
    Path("link").symlink_to("nowhere")
    Ledger("ledger").close()
    before = sorted(os.listdir())
    assert re.search("cannot be written|Not a directory", refused(*arguments))
    assert sorted(os.listdir()) == before
    assert Path("pipe").is_fifo()


@pytest.mark.parametrize(
    "command",
    [
        ("run", TINY),
        ("run", TINY, "--dry-run"),
        ("report", TINY),
        ("place", "gru", "--quick"),
        ("place", "gru", "--dry-run"),
        ("probe", "none.gguf"),
    ],
)
def test_a_file_for_out_is_said_to_be_one(command, here):
    Path("here").write_text("")
    for out in ("here", "here/below"):
        assert refused(*command, "--out", out) == "here is a file; out is a folder"  # --out in the terminal
    assert Path("here").read_text() == ""


def test_the_place_of_a_report_is_looked_at_before_the_study_is_run(here, monkeypatch):
    monkeypatch.setattr("assay.sessions.study.run_questions", lambda *_, **__: pytest.fail("it was run"))
    Path("out").mkdir()
    Path("out/tiny.html").symlink_to("nowhere")
    assert refused("run", TINY, "--out", "out") == "out/tiny.html cannot be written: it is a symbolic link"
    Path("out/tiny.html").unlink()
    Path("out/tiny-figures").write_text("")
    assert refused("run", TINY, "--out", "out") == "out/tiny-figures is a file; it must be a folder"
    assert sorted(os.listdir("out")) == ["tiny-figures"]


def test_what_is_read_or_written_already_is_not_written(here):
    assert "named twice" in refused("build", *MATCH, "--out", "f", "--certificate", "../" + here.name + "/f")
    np.savez("keys.npz", keys=np.eye(4)[None])
    keys = Path("keys.npz").read_bytes()
    assert "named twice" in refused("probe", "keys.npz", "--set", "0,1", "--certificate", "./keys.npz")
    assert Path("keys.npz").read_bytes() == keys
    assert sorted(os.listdir()) == ["keys.npz", "real"]


def test_a_file_that_is_there_is_replaced_and_its_other_name_keeps_the_old_one(here):
    os.link("real", "other")
    os.chmod("real", 0o600)
    mask = os.umask(0o027)
    try:
        require_writable(Path("real"))
        write_whole("real", lambda temporary: temporary.write_text("new"))
        write_whole("x" * 255, lambda temporary: temporary.write_text("the longest name"))
    finally:
        os.umask(mask)
    assert (Path("real").read_text(), Path("other").read_text()) == ("new", "kept")
    assert Path("real").stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir()) == ["other", "real", "x" * 255]


def test_folders_of_results(here):
    Path("there").mkdir()
    Path("link").symlink_to("there")
    Path("dangling").symlink_to("nowhere")
    for folder in ("there", "link", "link/new/newer", "gone/../there"):
        require_folder(folder)
    assert os.listdir("there") == []
    assert make_folder("link/new") == Path("link/new")
    assert os.listdir("there/new") == []
    for folder in ("dangling", "new/" + "x" * 256):
        for look in (require_folder, make_folder):
            with pytest.raises(AssayError, match=r"^folder .* cannot be written to: "):
                look(folder)
    for folder in ("real", "real/below"):
        for look in (require_folder, make_folder):
            with pytest.raises(AssayError, match=r"^real is a file; it must be a folder$"):
                look(folder)
            with pytest.raises(AssayError, match=r"^real is a file; out is a folder$"):
                look(folder, is_out=True)
    assert sorted(os.listdir()) == ["dangling", "link", "new", "real", "there"]


# Disks


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_disk_that_is_full_or_fails_is_told_from_a_wrong_path(here, number):
    def write(temporary):
        temporary.write_text("half")
        raise OSError(number, "the disk's own words")

    with pytest.raises(DiskError, match=r"^real cannot be written: the disk's own words$"):
        write_whole("real", write)
    assert os.listdir() == ["real"]
    assert Path("real").read_text() == "kept"


def small_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))


@pytest.mark.parametrize("arguments", [["build", *MATCH, "--out", "f"], ["run", TINY, "--out", "f"]], ids=str)
def test_a_result_that_the_disk_does_not_take_is_one_line(tmp_path, arguments):
    done = assay(*arguments, cwd=tmp_path, preexec_fn=small_files)
    assert (done.returncode, done.stdout) == (74, "")
    assert re.fullmatch(r"assay: (f cannot be written: File too large|ledger .* the disk .* fails; .*)\n", done.stderr)
    assert not (tmp_path / "f").is_file()


# Paths that are read


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "pipe.toml"],
        ["report", "pipe.toml"],
        ["probe", "pipe.npz"],
        ["merge", "ledger", "pipe.toml"],
        ["merge", "pipe.toml", "ledger"],
        ["report", TINY, "--out", "out"],
    ],
    ids=str,
)
def test_a_pipe_is_not_waited_for(here, arguments):
    Path("out").mkdir()
    for pipe in ("pipe.toml", "pipe.npz", "out/ledger.sqlite"):
        os.mkfifo(pipe)
    Ledger("ledger").close()
    assert refused(*arguments).endswith(" cannot be read: it is a pipe")


def test_names_that_are_too_long_are_no_faults(here):
    long = "x" * 256
    assert "File name too long" in refused("run", f"{long}.toml")
    assert "File name too long" in refused("run", TINY, "--out", long)
    assert "File name too long" in refused("run", TINY, "--dry-run", "--out", long)
    Ledger("ledger").close()
    assert "File name too long" in refused("merge", long, "ledger")
    assert "there is no module 'a'" in refused("attack", f"a:{long}", "--task", *MATCH)
    assert sorted(os.listdir()) == ["ledger", "real"]


def test_the_version_is_that_of_the_package():
    found = assay("--version")
    assert (found.returncode, found.stdout) == (0, f"assay {metadata.version('assay-attention')}\n")

"""What the ledger promises when things go wrong: faults are really made, and what was acknowledged is looked for."""

import itertools
import os
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from assay import AssayError, Ledger
from assay.store import ledger
from assay.store.ledger import DamagedLedger, Merge, salvage
from assay.store.merging import merge_files
from fresh import assay
from statements import long_statement, statement
from test_cli import complaint

ROWS = 120


PREAMBLE = f"""
import resource, sys, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
from assay import AssayError, Ledger
from statements import long_statement
path = sys.argv[1]
def say(word):
    sys.stdout.write(f"{{word}}\\n")
    sys.stdout.flush()
"""


@contextmanager
def process(script, path, **options):
    """Another process, which is killed with SIGKILL if it is still there at the end."""
    command = [sys.executable, "-c", PREAMBLE + script, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options) as other:
        try:
            yield other
        finally:
            other.kill()


def numbers_in(path):
    with Ledger(path) as opened:
        rows = {evidence.question["number"]: evidence for evidence in opened}
        assert len(opened) == len(rows)
    assert all(evidence == long_statement(number) for number, evidence in rows.items())
    return set(rows)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of a ledger of ROWS rows."""
    path = tmp_path_factory.mktemp("whole") / "l.sqlite"
    with Ledger(path) as opened:
        for number in range(ROWS):
            opened.add(long_statement(number))
    return path.read_bytes()


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(ledger, "_BUSY_SECONDS", 0.2)


# Killed writers


def test_what_a_killed_writer_was_told_is_there(tmp_path):
    path = tmp_path / "l.sqlite"
    acknowledged = set()
    for beginning, lines in ((0, 1), (1000, 17), (2000, 40)):  # the second and third find what was left behind
        script = f"""
with Ledger(path) as ledger:
    for number in range({beginning}, {beginning} + 1000):
        ledger.add(long_statement(number))
        say(number)
"""
        with process(script, path) as writer:
            acknowledged |= {int(line) for line in itertools.islice(writer.stdout, lines)}
            writer.kill()
            acknowledged |= {int(line) for line in writer.stdout if line.endswith("\n")}
        assert (tmp_path / "l.sqlite-wal").stat().st_size > 0
        found = numbers_in(path)
        assert acknowledged <= found
        assert len(found - acknowledged) <= 3, "one row may have been stored and not told of, in each round"


def test_a_writer_killed_in_the_middle_of_a_transaction(tmp_path):
    path = tmp_path / "l.sqlite"
    script = """
with Ledger(path) as ledger:
    ledger.add(long_statement(1))
    ledger._connection.execute("PRAGMA cache_size = 1")  # so that unfinished work reaches the disk
    ledger._connection.execute("BEGIN IMMEDIATE")
    for number in range(2, 200):
        ledger.add(long_statement(number))
    say("in the middle")
    time.sleep(60)
"""
    with process(script, path) as writer:
        assert writer.stdout.readline() == "in the middle\n"
        writer.kill()
    assert (tmp_path / "l.sqlite-wal").stat().st_size > 100_000
    assert numbers_in(path) == {1}
    with Ledger(path) as again:
        assert again.add(long_statement(2))
    assert numbers_in(path) == {1, 2}


def test_a_merge_that_is_killed_leaves_all_or_nothing(tmp_path):
    path, other = tmp_path / "l.sqlite", tmp_path / "other.sqlite"
    for name, numbers in ((path, [0]), (other, range(1, 200))):
        with Ledger(name) as opened:
            for number in numbers:
                opened.add(long_statement(number))
    script = f"""
from assay.store import ledger as module
read = module.evidence_of
count = 0
def slowly(row):
    global count
    count += 1
    if count == 150:
        say("in the middle")
        time.sleep(60)
    return read(row)
module.evidence_of = slowly
with Ledger(path) as one, Ledger({str(other)!r}) as two:
    one._connection.execute("PRAGMA cache_size = 1")
    one.merge(two)
"""
    with process(script, path) as writer:
        assert writer.stdout.readline() == "in the middle\n"
        writer.kill()
    assert numbers_in(path) == {0}
    with Ledger(path) as one, Ledger(other, create=False) as two:
        assert one.merge(two) == Merge((199,), (0,), ())
    assert numbers_in(path) == set(range(200))


def test_a_ledger_that_was_killed_while_it_was_made(tmp_path):
    path = tmp_path / "l.sqlite"
    script = """
import os, sqlite3
connection = sqlite3.connect(path, isolation_level=None)
connection.execute("PRAGMA journal_mode = WAL")
connection.execute("BEGIN IMMEDIATE")
connection.execute("CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
os.kill(os.getpid(), 9)
"""
    with process(script, path) as writer:
        writer.wait()
    with pytest.raises(AssayError, match="is empty; 'assay run' makes one"):
        Ledger(path, create=False)
    with Ledger(path) as opened:
        assert opened.add(long_statement(1))
    assert numbers_in(path) == {1}


def test_processes_that_make_a_ledger_at_once(tmp_path):
    script = """
sys.stdin.read()  # until all are ready
number = int(sys.argv[2])
with Ledger(path) as ledger:
    say(ledger.add(long_statement(number)))
"""
    for attempt in range(3):
        path = tmp_path / f"{attempt}.sqlite"
        command = [sys.executable, "-c", PREAMBLE + script, str(path)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        others = [subprocess.Popen([*command, str(number)], **pipes) for number in range(4)]
        for other in others:
            other.stdin.close()
        assert [other.stdout.read() for other in others] == ["True\n"] * 4
        for other in others:
            other.stdout.close()
            assert other.wait() == 0
        assert numbers_in(path) == {0, 1, 2, 3}


# Full disks

FILL = """
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
with Ledger(path) as ledger:
    {before}
    number = 0
    try:
        for number in range(3000):
            ledger.add(long_statement(number))
            say(number)
    except AssayError as error:
        say(str(error))
    {after}
    ledger.add(long_statement(number))
    say(number)
"""


def filled(script, path):
    """The numbers that were acknowledged, and the error, of a writer that meets a limit, which is then lifted."""
    with process(script, path) as writer:
        lines = writer.stdout.read().splitlines()
        assert writer.wait() == 0
    *acknowledged, error, last = lines
    assert all(map(str.isdigit, [*acknowledged, last])), lines
    return {*map(int, acknowledged), int(last)}, error


def test_a_file_that_may_not_grow(tmp_path):
    before = "resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))"
    after = "resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))"
    acknowledged, error = filled(FILL.format(before=before, after=after), tmp_path / "l.sqlite")
    assert error == (
        f"ledger {tmp_path / 'l.sqlite'} cannot be written to: the disk or its quota is full, or it fails; what was "
        "stored before is kept"
    )
    assert len(acknowledged) > 20
    assert numbers_in(tmp_path / "l.sqlite") == acknowledged


def test_a_database_that_may_not_grow(tmp_path):
    before = "ledger._connection.execute('PRAGMA max_page_count = 100')"
    after = "ledger._connection.execute('PRAGMA max_page_count = 100000')"
    acknowledged, error = filled(FILL.format(before=before, after=after), tmp_path / "l.sqlite")
    assert error.endswith("cannot be written to: the disk is full; what was stored before is kept")
    assert len(acknowledged) > 20
    assert numbers_in(tmp_path / "l.sqlite") == acknowledged


@contextmanager
def small_disk(folder, kilobytes):
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "none", str(folder)]
    if os.geteuid() != 0 or shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small disk takes rights that are missing here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk(tmp_path):
    with small_disk(tmp_path, 600) as folder:
        (folder / "ballast").write_bytes(bytes(200_000))
        after = f"import os; os.remove({str(folder / 'ballast')!r})"
        acknowledged, error = filled(FILL.format(before="pass", after=after), folder / "l.sqlite")
        assert (
            error
            == f"ledger {folder / 'l.sqlite'} cannot be written to: the disk is full; what was stored before is kept"
        )
        assert len(acknowledged) > 10
        assert numbers_in(folder / "l.sqlite") == acknowledged


def test_a_merge_onto_a_full_disk_takes_nothing(tmp_path, whole):
    (tmp_path / "source.sqlite").write_bytes(whole)
    (tmp_path / "disk").mkdir()
    with small_disk(tmp_path / "disk", 200) as folder, Ledger(tmp_path / "source.sqlite") as source:
        with Ledger(folder / "l.sqlite") as small:
            small.add(statement(-1))
            with pytest.raises(AssayError, match="the disk is full; what was stored before is kept"):
                small.merge(source)
            assert list(small) == [statement(-1)]
        with pytest.raises(AssayError, match="the disk is full; what was stored before is kept"):
            merge_files([tmp_path / "source.sqlite"], folder / "new.sqlite")
        assert {file.name for file in folder.iterdir()} <= {"l.sqlite", "l.sqlite-wal", "l.sqlite-shm"}


def test_no_room_for_a_new_ledger(tmp_path):
    script = """
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
try:
    Ledger(path)
except AssayError as error:
    say(str(error))
"""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    with process(script, tmp_path / "l.sqlite") as writer:
        assert "the disk or its quota is full, or it fails" in writer.stdout.read()
    with Ledger(tmp_path / "l.sqlite") as opened:
        assert opened.add(long_statement(1))


# Locks

HOLD = """
import sqlite3
connection = sqlite3.connect(path, isolation_level=None)
connection.execute("PRAGMA locking_mode = {mode}")
connection.execute("BEGIN EXCLUSIVE")
connection.execute("UPDATE meta SET value = value")
say("held")
time.sleep(60)
"""


def test_a_ledger_that_another_process_keeps_locked(tmp_path, impatient):
    path = tmp_path / "l.sqlite"
    with Ledger(path) as opened:
        opened.add(long_statement(1))
        with process(HOLD.format(mode="NORMAL"), path) as holder:
            assert holder.stdout.readline() == "held\n"
            said = "is locked: for 0.2 seconds another process has kept it from being"
            with pytest.raises(AssayError, match=f"{said} written to; end that process, or try again"):
                opened.add(long_statement(2))
            with pytest.raises(AssayError, match=f"{said} written to"):
                opened.merge(opened)
            with pytest.raises(AssayError, match=f"{said} used"):
                Ledger(path)
            assert list(opened) == [long_statement(1)], "reading waits for nobody"
            with Ledger(path, create=False) as reader:
                assert len(reader) == 1
        assert opened.add(long_statement(2)), "the lock went with its process"
    assert numbers_in(path) == {1, 2}


def test_a_ledger_that_another_process_has_to_itself(tmp_path, impatient):
    path = tmp_path / "l.sqlite"
    Ledger(path).close()
    with process(HOLD.format(mode="EXCLUSIVE"), path) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(
            AssayError, match=r"is locked: for 0\.2 seconds another process has kept it from being used"
        ):
            Ledger(path, create=False)


# Damage


def damaged(path, content):
    for end in ("", "-wal", "-shm"):
        Path(f"{path}{end}").unlink(missing_ok=True)
    path.write_bytes(content)


def saved_from(path):
    """What a merge saves of a ledger, and whether it says so; None if it is refused."""
    into = path.with_name("saved.sqlite")
    into.unlink(missing_ok=True)
    try:
        with salvage(path) as read, Ledger(into) as new:
            new.merge(read)
    except AssayError:
        return None
    return numbers_in(into)


def test_a_truncated_ledger_says_what_can_be_saved(tmp_path, whole):
    path = tmp_path / "l.sqlite"
    counts = []
    for length in [
        *range(1, len(whole), len(whole) // 23),
        100,
        511,
        512,
        4096,
        4097,
        8192,
        len(whole) - 5000,
        len(whole) - 1,
    ]:
        damaged(path, whole[:length])
        try:
            with Ledger(path) as opened:
                error, rows = None, list(opened)
        except AssayError as caught:
            error, rows = caught, []
        if error is None:  # what is missing was unused
            assert length > len(whole) - 4096
            assert len(rows) == ROWS
            continue
        assert path.read_bytes() == whole[:length], "a damaged ledger is left as it is"
        if not isinstance(error, DamagedLedger):
            assert str(error) == f"ledger {path} cannot be used: file is not a database"
            assert length < 512
            continue
        saved = saved_from(path)
        said = f"rows that can be read: {len(saved)}; "
        assert said in str(error)
        assert ("--into NEW' saves them" in str(error)) == bool(saved)
        counts.append((length, len(saved)))
    ordered = [count for _, count in sorted(counts)]
    assert ordered == sorted(ordered), "the more is left, the more is saved"
    assert ordered[0] == 0
    assert ordered[-1] >= ROWS * 9 // 10
    assert len(set(ordered)) > 10


def test_an_emptied_ledger(tmp_path):
    path = tmp_path / "l.sqlite"
    path.write_bytes(b"")
    with pytest.raises(AssayError, match="is empty; 'assay run' makes one"):
        Ledger(path, create=False)


@pytest.mark.parametrize("seed", range(60))
def test_random_bytes_never_pass_for_evidence(tmp_path, whole, seed):
    chance = random.Random(seed)
    content, size = bytearray(whole), chance.choice([8, 64, 512, 4096])
    start = chance.randrange(len(content) - size)
    content[start : start + size] = chance.randbytes(size)
    path = tmp_path / "l.sqlite"
    damaged(path, content)
    try:
        with Ledger(path, create=False) as opened:
            found = {evidence.question["number"]: evidence for evidence in opened}
    except AssayError as caught:
        error = caught
    else:  # what was overwritten was unused
        assert found == {number: long_statement(number) for number in range(ROWS)}
        return
    assert len(str(error).splitlines()) == 1
    if isinstance(error, DamagedLedger):
        assert f"rows that can be read: {len(saved_from(path))}; " in str(error)


def test_bytes_that_are_random_from_the_start(tmp_path):
    (tmp_path / "l.sqlite").write_bytes(random.Random(0).randbytes(50_000))
    with pytest.raises(AssayError, match="file is not a database"):
        merge_files([tmp_path / "l.sqlite"], tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_row_that_was_changed_is_not_believed(tmp_path, whole):
    path = tmp_path / "l.sqlite"
    changes = (
        "error = 0.5",
        "verdict = 'measured'",
        "width = 5",
        "body = '[]'",
        "body = substr(body, 2)",
        "body = replace(body, '\"number\":7', '\"number\":8')",
        "body = replace(body, 'justification', 'rests')",
        "body = CAST(x'ff' AS TEXT)",
    )
    for change in changes:
        damaged(path, whole)
        with closing(sqlite3.connect(path)) as connection, connection:
            key = long_statement(7).key
            assert connection.execute(f"UPDATE evidence SET {change} WHERE key = ?", (key,)).rowcount == 1
        with Ledger(path, create=False) as opened:
            with pytest.raises(DamagedLedger, match=f"rows that can be read: {ROWS - 1}; 'assay merge"):
                opened.get(long_statement(7).question)
            with pytest.raises(DamagedLedger):
                list(opened)
            assert opened.get(long_statement(8).question) == long_statement(8)


def test_commands_refuse_a_damaged_ledger_and_merge_saves_it(tmp_path, whole):
    folder = tmp_path / "out"
    folder.mkdir()
    path, new = folder / "ledger.sqlite", tmp_path / "new.sqlite"
    damaged(path, whole[: len(whole) // 2])
    line = complaint("report", "sparse-averaging", "--out", folder)
    assert "is damaged (database disk image is malformed); rows that can be read: " in line
    count = int(line.split("read: ")[1].split(";")[0])
    assert 10 < count < ROWS
    done = assay("merge", path, "--into", new)
    assert done.returncode == 0
    assert done.stderr == f"{line}\n"
    assert done.stdout == f"{path}: taken {count}, known 0\n{new}: answers {count}\n"
    assert len(numbers_in(new)) == count
    with pytest.raises(DamagedLedger):  # it is not written to
        merge_files([path, new])
    assert path.read_bytes() == whole[: len(whole) // 2]


# Newer versions, files and folders that can only be read, logs left behind


def test_commands_refuse_a_ledger_of_a_newer_version(tmp_path, whole):
    path = tmp_path / "ledger.sqlite"
    damaged(path, whole)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE meta SET value = '4'")
    said = f"assay: ledger {path} has version 4; this Assay reads and writes version 3"
    assert complaint("merge", path, "--into", tmp_path / "new").startswith(said)


@contextmanager
def powerless():
    """As a user who may not do everything, in a folder that such a user can reach."""
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o755)
        yield folder
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
        shutil.rmtree(folder)


def drop_powers():
    if os.getuid() == 0:
        os.seteuid(65534)  # nobody


@pytest.mark.parametrize(
    ("name", "modes", "said"),
    [
        ("l.sqlite", (0o444, 0o777), "cannot be used: this user may only read it, or its folder"),
        ("l ? %41.sqlite", (0o644, 0o555), "cannot be written to: Permission denied"),
    ],
    ids=["a file", "its folder"],
)
def test_what_can_only_be_read(whole, name, modes, said):
    with powerless() as folder:
        path = folder / name
        path.write_bytes(whole)
        for place, mode in zip((path, folder), modes, strict=True):
            place.chmod(mode)
        drop_powers()
        with Ledger(path, create=False) as opened:
            assert len(list(opened)) == ROWS
            with pytest.raises(AssayError, match="cannot be written to: this user may only read it, or its folder"):
                opened.add(statement(-1))
        with pytest.raises(AssayError, match=said):
            Ledger(path)


def test_a_file_that_cannot_even_be_read(whole):
    with powerless() as folder:
        path = folder / "l.sqlite"
        path.write_bytes(whole)
        path.chmod(0o000)
        drop_powers()
        with pytest.raises(AssayError, match="cannot be used: this user may not open it"):
            Ledger(path, create=False)


def left_behind(folder):
    """A ledger whose three rows are in its log, as a killed process leaves it."""
    path = folder / "l.sqlite"
    script = """
ledger = Ledger(path)
for number in range(3):
    ledger.add(long_statement(number))
say("stored")
time.sleep(60)
"""
    with process(script, path) as writer:
        assert writer.stdout.readline() == "stored\n"
        writer.kill()
    return path


def test_a_log_left_behind_is_read(tmp_path):
    path = left_behind(tmp_path)
    (tmp_path / "copy").mkdir()
    for end in ("", "-wal"):  # without -shm, which is made anew
        shutil.copy(f"{path}{end}", tmp_path / "copy")
    assert numbers_in(tmp_path / "copy" / path.name) == {0, 1, 2}
    assert not (tmp_path / "copy" / f"{path.name}-wal").exists(), "closing put the log into the ledger"


def test_a_log_left_behind_in_a_folder_that_can_only_be_read():
    with powerless() as folder:
        path = left_behind(folder)
        (folder / "l.sqlite-shm").unlink()
        folder.chmod(0o555)
        drop_powers()
        with pytest.raises(AssayError, match="cannot be used: this user may not open it, or not write to its folder"):
            Ledger(path, create=False)


@pytest.mark.parametrize("create", [True, False])
def test_a_log_without_its_ledger_is_not_thrown_away(tmp_path, create):
    path = left_behind(tmp_path)
    shutil.move(path, tmp_path / "moved")
    for _ in range(2):
        with pytest.raises(AssayError, match=r"is missing or empty, but its latest rows are in .*l\.sqlite-wal; put"):
            Ledger(path, create=create)
        path.touch()  # nor if an empty file stands in for it
    shutil.move(tmp_path / "moved", path)
    assert numbers_in(path) == {0, 1, 2}


@pytest.mark.parametrize("fault", ["cut early", "cut late", "noise"])
def test_a_damaged_log_gives_the_rows_before_the_damage(tmp_path, fault):
    path = left_behind(tmp_path)
    log = tmp_path / "l.sqlite-wal"
    content = log.read_bytes()
    late = len(content) * 9 // 10
    noise = content[:late] + bytes(byte ^ 0xFF for byte in content[late : late + 64]) + content[late + 64 :]
    log.write_bytes({"cut early": content[:2000], "cut late": content[:late], "noise": noise}[fault])
    if fault == "cut early":  # the tables were in the log too
        assert numbers_in(path) == set()
    else:
        assert numbers_in(path) in ({0}, {0, 1})


def test_rows_are_on_disk_before_they_are_acknowledged(tmp_path):
    with Ledger(tmp_path / "l.sqlite") as opened:
        settings = [
            opened._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")
        ]
        assert settings == ["wal", 2], "2 is FULL: the log is synchronised at every commit"


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_every_row_waits_for_the_disk(tmp_path):
    script = """
with Ledger(path) as ledger:
    for number in range(20):
        ledger.add(long_statement(number))
        say(number)
"""
    calls = tmp_path / "calls"
    trace = ["strace", "-f", "-e", "trace=fsync,fdatasync,write", "-e", "signal=none", "-o", str(calls)]
    command = [*trace, sys.executable, "-c", PREAMBLE + script, str(tmp_path / "l.sqlite")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("strace may not be used here")
    synchronised, waited = False, []
    for line in calls.read_text().splitlines():
        if "fdatasync(" in line or "fsync(" in line:
            synchronised = True
        elif "write(1," in line:
            waited.append(synchronised)
            synchronised = False
    assert waited == [True] * 20

"""The wheel and the archive of sources, as they are built: what is in them, and that a wheel works by itself."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with both."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", folder], cwd=ROOT, check=True, capture_output=True
    )
    return folder


def one(folder, pattern):
    (found,) = folder.glob(pattern)
    return found


def test_a_wheel_has_all_that_is_in_the_package(built):
    with zipfile.ZipFile(one(built, "*.whl")) as wheel:
        names = set(wheel.namelist())
    sources = [
        path for path in (ROOT / "src" / "assay").rglob("*") if path.is_file() and "__pycache__" not in path.parts
    ]
    assert len(sources) > 400
    assert {path.relative_to(ROOT / "src").as_posix() for path in sources} <= names
    assert "assay/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_description_of_a_package_index_has_absolute_links_alone(built):
    with zipfile.ZipFile(one(built, "*.whl")) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith("METADATA"))
        text = wheel.read(name).decode("utf-8")
    links = [part.split(")")[0] for part in text.split("](")[1:]]
    assert len(links) > 5
    assert [link for link in links if not link.startswith("https://")] == []
    for url in ("Homepage", "Documentation", "Changelog"):
        assert f"Project-URL: {url}, https://" in text


def test_the_archive_of_sources_has_tests_and_docs(built):
    with tarfile.open(one(built, "*.tar.gz")) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}
    assert {"README.md", "CITATION.cff", "CHANGELOG.md", "constraints.txt", "tests/test_package.py"} <= names
    assert any(name.startswith("docs/") for name in names)


def test_a_wheel_works_from_its_own_files_alone(built, tmp_path):
    """Unpacked, with nothing of the checkout on the path: listings, and a study that writes its page."""
    with zipfile.ZipFile(one(built, "*.whl")) as wheel:
        wheel.extractall(tmp_path / "site")
    (tmp_path / "tiny.toml").write_text((ROOT / "tests" / "tiny.toml").read_text("utf-8"), "utf-8")
    said = [
        assay(tmp_path, *words)
        for words in (
            ["-c", "import assay; print(assay.__file__)"],
            ["-m", "assay", "ls", "studies"],
            ["-m", "assay", "run", "tiny.toml", "--out", "out", "--workers", "1"],
        )
    ]
    assert Path(said[0].strip()).is_relative_to(tmp_path / "site")
    assert "sparse-averaging" in said[1]
    assert (tmp_path / "out" / "tiny.html").stat().st_size > 100_000


def assay(folder, *words):
    environment = {**os.environ, "PYTHONPATH": str(folder / "site")}
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout

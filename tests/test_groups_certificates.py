"""Files of weights for groups: proved again from the file alone; what is altered is refuted or refused in one line."""

import json

import pytest

from assay.groups.answer import answer_group
from assay.groups.certificate_file import verify_group, write_group_certificate
from assay.groups.reading import group_from
from fresh import assay


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The file of S3 as JSON: transpositions, reflections, and phases in two layers."""
    path = tmp_path_factory.mktemp("group") / "s3.json"
    group = group_from("S3")
    write_group_certificate(path, group, answer_group(group).networks)
    return json.loads(path.read_text("utf-8"))


def verified(data, folder):
    path = folder / "group.json"
    path.write_text(json.dumps(data), "utf-8")
    return verify_group(path)


@pytest.mark.parametrize("name", ["Z2", "Z5", "Q8", "A4", "A5", "(1 2 3 4 5),(2 3 5 4)"])
def test_what_is_written_holds(name, tmp_path):
    group, path = group_from(name), tmp_path / "g.json"
    found = answer_group(group)
    write_group_certificate(path, group, found.networks)
    again = verify_group(path)
    assert again.holds, again
    assert f"a group of {group.order} elements" in again.claim
    for one in found.weights[1:]:
        assert ("any length" if one.horizon is None else f"{one.horizon:,} tokens") in again.claim


def change(data, *path):
    """A deep copy in which a number is another one."""
    data = json.loads(json.dumps(data))
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = (1 - place[path[-1]]) if isinstance(place[path[-1]], int) else place[path[-1]] + 0.5
    return data


def test_altered_weights_are_refuted(written, tmp_path):
    kinds = [one["kind"] for one in written["weights"]]
    assert kinds == ["reflections"] * 4 + ["diagonal"]
    for path in (
        ("weights", 0, "codes", 3, 0),
        ("weights", 1, "vectors", 4, 0, 1),
        ("weights", 1, "strengths", 4, 0),
        ("weights", 2, "letters", 1),
        ("weights", 4, "layers", 0, "exponents", 0, 1, 0),
        ("weights", 4, "elements", 1),
    ):
        found = verified(change(written, *path), tmp_path)
        assert not found.holds, path
        assert "\n" not in found.reason


def test_a_longer_horizon_than_is_proved_is_refuted(written, tmp_path):
    data = json.loads(json.dumps(written))
    data["weights"][1]["horizon"] += 1
    assert "tokens are proved" in verified(data, tmp_path).reason
    data["weights"][1]["horizon"] = None
    assert "any length is claimed" in verified(data, tmp_path).reason
    data["weights"][1]["horizon"] = 10  # less than is proved holds
    assert verified(data, tmp_path).holds


@pytest.mark.parametrize(
    ("alter", "says"),
    [
        (lambda data: data.update(table=[[0, 1], [1, 1]]), "1 has no inverse"),
        (lambda data: data.update(table=[[0]]), "a letter is no element"),
        (lambda data: data.update(table=[[0, 1], [1]]), "its table is not square"),
        (lambda data: data["table"][0].__setitem__(0, 1), "element 0 is not the identity"),
        (lambda data: data["weights"][0]["codes"].pop(), "do not fit together"),
        (lambda data: data["weights"][0]["strengths"].pop(), "do not fit together"),
        (lambda data: data["weights"][0]["vectors"].__setitem__(0, [[1.0]]), "differ in length"),
        (lambda data: data["weights"][0]["codes"][1].__setitem__(0, 1e300), "too large"),
        (lambda data: data["weights"][4]["elements"].pop(), "elements do not fit the last layer"),
        (lambda data: data["weights"][4]["layers"].clear(), "elements do not fit the last layer"),
        (lambda data: data["weights"][4].update(kind="no"), "weights.4"),
        (lambda data: data.update(more=1), "more: Extra inputs"),
        (lambda data: data.update(weights=[]), "weights: List should have at least 1"),
        (lambda data: data["weights"][0].update(horizon=-5), "horizon"),
    ],
)
def test_what_is_no_certificate_is_refused_in_one_line(written, alter, says, tmp_path):
    data = json.loads(json.dumps(written))
    alter(data)
    (tmp_path / "group.json").write_text(json.dumps(data), "utf-8")
    done = assay("verify", "group.json", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert says in done.stderr


def test_the_command_writes_what_verify_reads(tmp_path):
    done = assay("group", "D4", "--certificate", "d4.json", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["certificate"] == "d4.json"
    again = assay("verify", "d4.json", "--json", cwd=tmp_path)
    assert json.loads(again.stdout)["holds"] is True
    data = change(json.loads((tmp_path / "d4.json").read_text("utf-8")), "weights", 0, "codes", 1, 0)
    (tmp_path / "d4.json").write_text(json.dumps(data), "utf-8")
    assert assay("verify", "d4.json", cwd=tmp_path).returncode == 1


def test_nothing_to_write_is_refused(tmp_path):
    done = assay("group", "S6", "--certificate", "s6.json", cwd=tmp_path)
    assert done.returncode == 2
    assert "no reflections or phases are written down" in done.stderr
    assert list(tmp_path.iterdir()) == []

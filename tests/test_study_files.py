"""Study files: what may be left out, what is refused and in which words, and that the page on them says the same."""

import copy
import re
import tomllib
from pathlib import Path
from types import UnionType
from typing import Union, get_args, get_origin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import PydanticUndefined

from assay import AssayError
from assay.questions import question_from_json
from assay.studies import schema, shipped
from assay.studies.checks import Must
from assay.studies.faults import read_tables
from assay.studies.keys import STEPS
from assay.studies.schema_boolean import BackboneTable, HeadsTrainingTable
from assay.studies.schema_vectors import SettingTable
from assay.studies.study_file import _study, load_study
from assay.training.loop import Recipe
from fresh import assay
from test_cli import TINY

DOCS = Path(__file__).parent.parent / "docs" / "studies.md"
LINE = "sweeps.averaging"
SEARCH = f"{LINE}.search[1]"
SEEDS = f"it must be a list of different integers from 0 to {2**63 - 1}"
PLACES = "it must be a list of different positive integers"
COUNT = "it must be an integer from 1 to 1000000000"
RATES = "it must be different learning rates, above 0 and at most 1"
WRONG = [
    ("bounds = [3, 4]", "bound = [3, 4]", f"{LINE}.key 'bound' is not known; did you mean 'bounds'?"),
    ('title = "', 'titel = "', "key 'titel' is not known; did you mean 'title'?"),
    ('name = "tiny"', "", "it has no name"),
    ('name = "tiny"', 'name = "../tiny"', "name = '../tiny' is not allowed; it must be lower-case letters, digits and"),
    ('name = "tiny"', "name = 5", "name = 5 is not allowed; it must be lower-case letters, digits and dashes"),
    ("ratio = 1.5", 'ratio = "x"', "ratio = 'x' is not allowed; it must be a number above 1, at most 1000"),
    ("ratio = 1.5", "ratio = 1", "ratio = 1 is not allowed; it must be a number above 1, at most 1000"),
    ("ratio = 1.5", "ratio = nan", "ratio = nan is not allowed; it must be a number above 1, at most 1000"),
    ("precision = 32", "precision = 65", "precision = 65 is not allowed; it must be an integer from 1 to 64"),
    ("precision = 32", "precision = true", "precision = True is not allowed; it must be an integer from 1 to 64"),
    ("seeds = [0, 1, 2]", "seeds = 3", f"seeds = 3 is not allowed; {SEEDS}"),
    ("seeds = [0, 1, 2]", "seeds = []", f"seeds = [] is not allowed; {SEEDS}"),
    ("seeds = [0, 1, 2]", "seeds = [0, 0]", f"seeds = [0, 0] is not allowed; {SEEDS}"),
    ("seeds = [0, 1, 2]", "seeds = [-1]", f"seeds = [-1] is not allowed; {SEEDS}"),
    ("seeds = [0, 1, 2]", f"seeds = [{2**63}]", f"seeds = [{2**63}] is not allowed; {SEEDS}"),
    ("draws = 5\n\n", "draws = 0\n\n", f"draws = 0 is not allowed; {COUNT}"),
    ("draws = 5\n\n", f"draws = 0x{'f' * 9000}\n\n", "draws = a number of thousands of digits is not allowed"),
    ("batch = 16", "bach = 16", "recipe.key 'bach' is not known; did you mean 'batch'?"),
    ("batch = 16", "batch = 0", f"recipe.batch = 0 is not allowed; {COUNT}"),
    ("batch = 16", "averaging = 1", "recipe.averaging = 1 is not allowed; it must be a number from 0 up to below 1"),
    ("batch = 16", "decay = 1.5", "recipe.decay = 1.5 is not allowed; it must be a number from 0 to 1"),
    ("batch = 16", "clip = inf", "recipe.clip = inf is not allowed; it must be a finite number above 0"),
    ('distribution = "gaussian"', 'distribution = "gausian"', "distribution 'gausian' is not known; did you mean 'gau"),
    ('distribution = "gaussian"', 'distribution = "adversarial"', ".at: 'adversarial' inputs at N = 3 need the keys"),
    ('distribution = "gaussian"', "distribution = 5", "recipe.distribution = 5 is not allowed; it must be a text"),
    ("sweeps.averaging", "sweeps.'../x'", "the name of a sweep = '../x' is not allowed; it must be lower-case letters"),
    ("sparsity = 1", "sparsity = 9", "at N = 3: sparsity = 9 is not allowed; it must be an integer from 1 to length"),
    ("sparsity = 1", "sparsity = 1.5", f"{LINE}.task.sparsity = 1.5 is not allowed; it must be an integer"),
    ("sparsity = 1", "sparsty = 1", "parameter of sparse-averaging 'sparsty' is not known; did you mean 'sparsity'?"),
    ("sparsity = 1", "sparsity = 1, length = 3", "task.length must not be given, since the sweep goes along it"),
    ('name = "sparse-averaging", sparsity', "sparsity", f"{LINE}.task: task has no name"),
    ('name = "sparse-averaging", s', 'name = "sparse-averagin", s', "did you mean 'sparse-averaging'?"),
    ('along = "length"', 'along = "lenght"', f"{LINE}.along: parameter of sparse-averaging to go along 'lenght' is"),
    (
        'along = "length"',
        'along = "dimension"',
        "to go along 'dimension' is not known. Known: length, queries, sparsity",
    ),
    ("bounds = [3, 4]", "bounds = [3, 3]", f"{LINE}.bounds = [3, 3] is not allowed; {PLACES}"),
    ("bounds = [3, 4]", "bounds = []", f"{LINE}.bounds = [] is not allowed; {PLACES}"),
    ("at = [3, 4]", "at = []", f"{LINE}.search[0].at = [] is not allowed; {PLACES}"),
    ("at = [3, 4]", "at = [3, 4000000000]", "at N = 4000000000: length = 4000000000 is not allowed; it must be below"),
    ('methods = ["sign", "heads", "recurrent"]', "", f"{LINE}.constructions: needs methods, the constructions to be"),
    ("constructions = [3, 4]", "", f"{LINE}.search: methods are asked about nowhere; they need constructions or cert"),
    ('"recurrent"]', '"recurent"]', f"{LINE}.methods[2]: construction 'recurent' is not known; did you mean"),
    ('"recurrent"]', '"parabola"]', "construction 'parabola' solves match2, not sparse-averaging"),
    ('"recurrent"]', '"sign"]', f"{LINE}.methods: ['sign', 'heads', 'sign'] has an entry twice"),
    ("steps = [60, 60]", "steps = [60, 1, 2]", ".steps = [60, 1, 2] must have one entry, or one for each of [3, 4]"),
    ("steps = [60]", "steps = [0]", f"{SEARCH}.steps = [0] is not allowed; {COUNT}, or a list of them"),
    ('architecture = "gru"', 'architecture = "grv"', f"{SEARCH}.architecture: architecture 'grv' is not known; did y"),
    ('architecture = "gru"', 'architecture = "os:path"', "os:path is neither a Module class nor a function"),
    ('architecture = "gru"', 'architecture = ":"', f"{SEARCH}.architecture: there is no module ''"),
    ('architecture = "gru"', 'architecture = "attention"', "it must be different architectures or shapes"),
    ('architecture = "gru"', "", f"{SEARCH} has no architecture"),
    ("rates = [0.02]", "rates = []", f"rates = [] is not allowed; {RATES}"),
    ("rates = [0.02]", "rates = [-0.1]", f"rates = [-0.1] is not allowed; {RATES}"),
    ("rates = [0.02]", "depth = 0", "depth = 0 is not allowed; it must be an integer from 1 to 1000"),
    ("rates = [0.02]", "head_width = 2", "head_width = 2 is not allowed; it must be 0 for gru, which has no heads"),
    ("lowest = 2", "lowest = 7", "lowest width = 7 is not allowed; it must be from 1 to the highest, 6"),
    ("highest = 6", "highest = 10000000", "highest = 10000000 is not allowed; it must be an integer from 1 to 100000"),
    ("width = 6", "width = 0", "attention_maps[0].width = 0 is not allowed; it must be an integer from 1 to 100000"),
    ("width = 6", "", "attention_maps[0] has no width"),
    ("[[attention_maps]]", "[attention_maps]", "attention_maps = {"),
    (
        "[[attention_maps]]",
        "[quick]\nseeds = [-1]\n[[attention_maps]]",
        f"in the quick form, seeds = [-1] is not allowed; {SEEDS}",
    ),
    ('name = "tiny"', 'name = "tiny"\nquick = 5', "quick = 5 is not allowed; it must be a table"),
    ("[sweeps.averaging]", "[sweeps]\n[sweep.averaging]", "key 'sweep' is not known; did you mean 'sweeps'"),
    ("[recipe]", "[recipe", "cannot be read: Expected ']' at the end of a table declaration (at line 8, column 8)"),
    ("seeds = [0, 1, 2]", f"seeds = [{'9' * 5000}]", "cannot be read: Exceeds the limit"),
]


def refusals(folder, text):
    """The lines that refuse a study file."""
    (folder / "s.toml").write_text(text, "utf-8")
    with pytest.raises(AssayError) as refused:
        load_study(str(folder / "s.toml"))
    assert all("\n" not in line and "pydantic" not in line for line in refused.value.lines)
    return refused.value.lines


def changed(old, new):
    text = TINY.read_text("utf-8")
    assert old in text
    return text.replace(old, new)


@pytest.mark.parametrize(("old", "new", "says"), WRONG)
def test_a_wrong_file_is_refused_with_the_place_the_value_and_what_is_allowed(old, new, says, tmp_path):
    assert says in "\n".join(refusals(tmp_path, changed(old, new)))


def test_every_fault_has_one_line(tmp_path):
    text = changed("seeds = [0, 1, 2]", "seeds = []").replace("ratio = 1.5", "ratio = 1").replace("bounds", "bound")
    text = text.replace("sparsity = 1", "sparsity = 9").replace('"gru"', '"grv"').replace("width = 6", "width = -6")
    lines = refusals(tmp_path, text)
    places = [
        "seeds",
        "ratio",
        f"{LINE}.constructions: at N = 3",
        f"{SEARCH}.architecture",
        f"{LINE}.key 'bound'",
        "attention_maps[0].width",
    ]
    assert len(lines) == len(places)
    for line, place in zip(lines, places, strict=True):
        assert line.startswith(f"study s.toml: {place}")


def test_the_same_fault_at_several_places_is_said_at_each(tmp_path):
    text = changed('architecture = "attention"\nat', 'architecture = "grv"\nat').replace('"gru"', '"grv"')
    lines = refusals(tmp_path, text.replace('method = "sign"', 'method = "sing"').replace('["sign"', '["sing"'))
    places = ["sweeps.averaging.methods[0]", "sweeps.averaging.search[0].architecture", f"{SEARCH}.architecture"]
    assert [line.split(": ")[1] for line in lines] == [*places, "attention_maps[0].method"]


def test_the_shortest_study_has_a_default_for_everything_else(tmp_path):
    block, capacity, state = re.findall(r"```toml\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    (tmp_path / "capacity.toml").write_text('name = "capacity"\n' + capacity, "utf-8")
    assert [search.field for search in load_study(str(tmp_path / "capacity.toml")).searches()] == ["K"] * 6
    (tmp_path / "state.toml").write_text('name = "state"\n' + state, "utf-8")
    assert [search.grid for search in load_study(str(tmp_path / "state.toml")).searches()] == [True] * 9
    (tmp_path / "mine.toml").write_text(block, "utf-8")
    study = load_study(str(tmp_path / "mine.toml"))
    assert (study.title, study.seeds, study.precision) == ("mine", (0, 1, 2), 32)
    search = study.searches()[0]
    assert search.rates == (0.01,)
    assert (search.values[0], search.values[-1]) == (2, 64)
    assert search.candidates[0].recipe.steps == STEPS
    assert search.candidates[0].recipe.distribution == study.sweeps[0].distribution == "gaussian"


def test_steps_of_a_search_come_before_those_of_the_line_and_the_file(tmp_path):
    text = changed("batch = 16", "batch = 16\nsteps = 7").replace("steps = [60]\n", "").replace("[60, 60]", "9")
    (tmp_path / "s.toml").write_text(text, "utf-8")
    steps = [search.candidates[0].recipe.steps for search in load_study(str(tmp_path / "s.toml")).sweeps[0].searches]
    assert steps == [9, 9, 7]


@pytest.mark.parametrize("seeds", [(5,), (3, 2**63 - 1), tuple(range(7))])
def test_a_study_has_any_number_of_seeds(seeds, tmp_path):
    (tmp_path / "s.toml").write_text(changed("[0, 1, 2]", str(list(seeds))), "utf-8")
    assert load_study(str(tmp_path / "s.toml")).seeds == seeds


def test_quick_is_checked_with_or_without_the_option_and_its_faults_are_its_own(tmp_path):
    text = changed("ratio = 1.5", "ratio = 1") + "\n[quick]\nseeds = [1, 1]\n"
    lines = refusals(tmp_path, text)
    assert [line.partition(" is not allowed")[0] for line in lines] == [
        "study s.toml: ratio = 1",
        "study s.toml: in the quick form, seeds = [1, 1]",
    ]


TABLES = [tomllib.loads(path.read_text("utf-8")) for path in (TINY, *shipped().values())]
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 40),
    st.sampled_from([2**31, 10**9, 2**63, 10**20, 0.5, 1e300, -1e-9]),
    st.sampled_from([float("nan"), float("inf"), "", ":", "x", "é\n", "sign", "match2", "lstm", "..:x", "os:path"]),
    st.lists(st.sampled_from([0, 3, 2**40, "gru", 0.1, [], {}]), max_size=3),
    st.just({}),
    st.just({"name": "match3"}),
)


def mutated(draw, value):
    """The value with one thing changed, removed or added, somewhere in it."""
    if isinstance(value, dict | list) and value and draw(st.integers(0, 4)):
        whole = copy.copy(value)
        keys = list(value) if isinstance(value, dict) else range(len(value))
        key = draw(st.sampled_from(keys))
        match draw(st.integers(0, 9)):
            case 0:
                del whole[key]
            case 1 if isinstance(whole, dict):
                whole[draw(st.sampled_from(["x", "", "width", "steps", "length", "bits", "quick"]))] = draw(ODD)
            case _:
                whole[key] = mutated(draw, value[key])
        return whole
    return draw(ODD)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_changed_file_is_read_or_refused_with_lines_and_nothing_else(data):
    tables = data.draw(st.sampled_from(TABLES))
    for _ in range(data.draw(st.integers(1, 3))):
        tables = mutated(data.draw, tables)
        tables = tables if isinstance(tables, dict) else {"name": tables}
    for line in read(tables):
        assert line.startswith("study s.toml: ")
        assert line.isprintable()
        assert not re.search("pydantic|input_value|Input should|type=", line)


def read(tables):
    """The lines that refuse these tables; none where they are a study, whose questions can be made."""
    try:
        whole, _ = read_tables(tables, "s.toml", Path())
    except AssayError as refused:
        return refused.lines
    with pytest.MonkeyPatch.context() as patch:  # building constructions to begin at takes long, and is not tried here
        patch.setattr("assay.studies.study_file.proved_start", lambda *_: 0)
        study = _study(whole, quick=False)
    asked = [*study.singles(), *(one for search in study.searches() for one in search.candidates)]
    assert all(question.key == question_from_json(question.to_json()).key for question in asked)
    return []


def shown_default(field):
    """As the page has it; empty where words stand for it."""
    if field.is_required():
        return "required"
    value = field.default
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, schema.RecipeTable):
        return "empty"
    if value in (None, "", PydanticUndefined):
        return ""
    if value in ([], {}):
        return "none"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`".replace("'", '"')


def allowed(field):
    """What a key must be, as refusals have it; empty where they are of several kinds, or it is a name of something."""
    parts = get_args(field.annotation) if get_origin(field.annotation) in (Union, UnionType) else ()
    inner = [one for part in parts for one in getattr(part, "__metadata__", ())]
    said = [one.be for one in (*field.metadata, *inner) if isinstance(one, Must)]
    return said[0] if len(said) == 1 and said != ["a text"] else ""


SECTIONS = {
    "The file": schema.StudyTable,
    "A sweep": schema.SweepTable,
    "A search": schema.SearchTable,
    "Bits per number": schema.PrecisionTable,
    "A recipe": schema.RecipeTable,
    "A attention_map": schema.AttentionMapTable,
    "A protocol": schema.ProtocolTable,
    "A trained network": schema.TrainedTable,
    "Retrieval": schema.RetrievalTable,
    "A setting": SettingTable,
    "A comparison": schema.ComparisonTable,
    "A compared network": schema.ComparedTable,
    "Memories": schema.MemoryTable,
    "Boolean functions": schema.BooleanTable,
    "Heads that are trained": HeadsTrainingTable,
    "A backbone that is trained": BackboneTable,
}


@pytest.mark.parametrize("section", SECTIONS)
def test_the_page_states_the_default_and_the_range_of_every_key(section):
    (text,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", DOCS.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    rows = {
        key: (default, range_)
        for key, default, range_, _ in re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*?)\|$", text, re.MULTILINE)
    }
    assert set(rows) == set(SECTIONS[section].model_fields)
    for key, field in SECTIONS[section].model_fields.items():
        default, range_ = rows[key]
        assert default == (shown_default(field) or default), key
        assert range_ == (allowed(field) or range_), key


def test_every_number_has_a_range_and_recipes_their_own_defaults():
    for table in SECTIONS.values():
        for key, field in table.model_fields.items():
            assert allowed(field) or not re.search(r"\b(int|float)\b", str(field.annotation)), (table, key)
    for key, field in schema.RecipeTable.model_fields.items():
        default = tuple(field.default) if isinstance(field.default, list) else field.default
        assert key in ("distribution", "steps") or default == getattr(Recipe, key)


def test_the_command_line_says_all_faults_at_once_and_writes_nothing(tmp_path):
    (tmp_path / "s.toml").write_text(
        changed("seeds = [0, 1, 2]", f"seeds = [{10**20}]").replace("highest", "higest"), "utf-8"
    )
    for options in ([], ["--json"], ["--dry-run"]):
        done = assay("run", "s.toml", *options, cwd=tmp_path)
        assert done.returncode == 2
        assert done.stdout == ""
        seeds, first, second = done.stderr.splitlines()
        assert seeds == f"assay: study s.toml: seeds = [{10**20}] is not allowed; {SEEDS}"
        assert first.startswith(f"assay: study s.toml: {LINE}.search[0].key 'higest' is not known; did you mean 'highe")
        assert second.startswith(f"assay: study s.toml: {SEARCH}.key 'higest' is not known; did you mean 'highest'")
    assert [path.name for path in tmp_path.iterdir()] == ["s.toml"]

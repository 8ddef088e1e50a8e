"""The study file: which questions to ask, in TOML, and the questions it stands for.

A study has sweeps. A sweep asks about one task along one of its parameters: `bounds` and `constructions`, which are
cheap and reach far, and searches for the smallest width that learns, which are what takes time. Beside its sweeps a
study may have `attention_maps`, single attention units to be looked at. A `quick` table holds what is different in a
quick run.
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

from assay.bounds import bounds_of
from assay.constructions import CONSTRUCTIONS
from assay.errors import AssayError, ParameterError, unknown
from assay.evidence import Json
from assay.models.candidates import Candidates, all_candidates
from assay.models.shape import with_field
from assay.question import Question
from assay.questions.boolean import BackboneTraining, BareTraining, BooleanPlan
from assay.questions.bound import BoundQuestion
from assay.questions.certificate import CertificateQuestion
from assay.questions.construction import ConstructionQuestion
from assay.questions.memory import MemoryPlan
from assay.questions.precision import PrecisionQuestion
from assay.questions.protocol import ProtocolQuestion
from assay.questions.retrieval import Learning, RetrievalPlan
from assay.retrieval.learned import Setting
from assay.store.files import read_text
from assay.studies import shipped
from assay.studies.checks import WIDTH_SYMBOL, at_place, is_of_task, varied
from assay.studies.faults import read_tables
from assay.studies.keys import STEPS
from assay.studies.schema import (
    AttentionMapTable,
    BooleanTable,
    ComparedTable,
    ComparisonTable,
    GridTable,
    PrecisionTable,
    ProtocolTable,
    RecipeTable,
    SearchTable,
    StudyTable,
    SweepTable,
)
from assay.studies.schema_networks import VariedTable
from assay.studies.schema_vectors import MemoryTable, RetrievalTable, SettingTable
from assay.studies.start import proved_start
from assay.studies.study import Asked, Comparison, Study, Sweep, declared_resources
from assay.tasks import Task, task_from_json
from assay.training.question import TrainingQuestion
from assay.training.search import Search, ladder

LARGEST = 1 << 20  # bytes of a study file


def load_study(name: str, *, quick: bool = False) -> Study:
    """The shipped study of this name, or the one in this TOML file, from whose folder paths to a user's code start.

    Raises:
        AssayError: there is none, or the file is not a study; with a line for each of its faults.
    """
    path = shipped().get(name) or Path(name)
    if path.suffix != ".toml":
        raise unknown("study", name, shipped())
    text = read_text(path, LARGEST).removeprefix("\ufeff")  # which some editors begin a file with
    try:
        tables = tomllib.loads(text)
    except ValueError as error:
        raise AssayError(f"study {name} cannot be read: {error}") from error
    except RecursionError:
        raise AssayError(f"study {name} cannot be read: it is nested too deeply") from None
    whole, shortened = read_tables(tables, path.name, path.parent)
    if quick and shortened is None:
        raise ParameterError("study {} has no quick form; leave {quick} out", path.name)
    return _study(shortened if quick and shortened else whole, quick=quick)


def study_of(tables: Json, name: str, folder: Path) -> Study:
    """The study of a file's tables, which need not be in a file; paths to a user's code start from `folder`.

    Raises:
        AssayErrors: a line for each fault.
    """
    return _study(read_tables(tables, name, folder)[0], quick=False)


def _study(file: StudyTable, *, quick: bool) -> Study:
    return Study(
        name=file.name + ("-quick" if quick else ""),
        title=file.title or file.name,
        seeds=tuple(file.seeds),
        precision=file.precision,
        sweeps=tuple(_sweep(name, sweep, file) for name, sweep in file.sweeps.items()),
        attention_maps=tuple(
            question for attention_map in file.attention_maps for question in _attention_map(attention_map, file)
        ),
        protocols=tuple(_protocol(protocol, file) for protocol in file.protocols),
        retrieval=None if file.retrieval is None else _retrieval(file.retrieval, file),
        memory=None if file.memory is None else _memory(file.memory, file),
        comparisons=tuple(_comparison(comparison, file) for comparison in file.comparisons),
        boolean=None if file.boolean is None else _boolean(file.boolean, file),
    )


def _comparison(comparison: ComparisonTable, file: StudyTable) -> Comparison:
    tasks = [task_from_json(task) for task in comparison.tasks]
    recipe = {**file.recipe.given(), **comparison.recipe.given()}
    distribution = recipe.setdefault("distribution", tasks[0].usual_distribution)
    cells = (_cell(task, network, recipe, file) for task in tasks for network in comparison.networks)
    return Comparison(comparison.title, distribution, tuple(cells))


def _cell(task: Task, table: ComparedTable, recipe: Json, file: StudyTable) -> Search:
    network = Candidates.of(table.architecture, **table.shape)
    training = {"steps": STEPS, **recipe, **({} if table.steps is None else {"steps": table.steps})}
    asked = TrainingQuestion.usual(network, task, training, table.width, seed=file.seeds[0], rate=table.rates[0])
    given = {key: value for key, value in task.to_json().items() if key not in ("name", *task.symbols) and value != ""}
    named = ", ".join([network.name, *(f"{key} {value}" for key, value in given.items())])
    return Search((table.width,), (asked,), 0, tuple(file.seeds), tuple(table.rates), name=named, grid=True)


def _retrieval(table: RetrievalTable, file: StudyTable) -> RetrievalPlan:
    margins = table.margins
    return RetrievalPlan(
        top=table.top,
        seeds=tuple(file.seeds),
        learning=tuple(Learning(_setting(one), tuple(one.dimensions)) for one in table.trained),
        vectors=tuple(table.vectors),
        explicit=tuple(table.explicit),
        formats=tuple(table.formats),
        margins=() if margins is None else tuple(margins.dimensions),
        documents=tuple(table.documents),
        margin_setting=Setting() if margins is None else _setting(margins),
    )


def _setting(table: SettingTable) -> Setting:
    return Setting(table.loss, tuple(table.temperatures), table.steps, table.rate)


def _memory(table: MemoryTable, file: StudyTable) -> MemoryPlan:
    return MemoryPlan(
        tuple(table.dimensions), tuple(table.loads), tuple(table.kinds), tuple(table.formats), tuple(file.seeds)
    )


def _boolean(table: BooleanTable, file: StudyTable) -> BooleanPlan:
    one = table.backbone
    return BooleanPlan(
        tuple(table.functions),
        tuple(table.inputs),
        tuple(table.margins),
        tuple(file.seeds),
        tuple(BareTraining(tuple(one.inputs), one.restarts, one.steps, one.extra) for one in table.trained),
        None if one is None else BackboneTraining(tuple(one.inputs), one.heads, one.width, one.steps),
    )


def _sweep(name: str, sweep: SweepTable, file: StudyTable) -> Sweep:
    """The sweep of this name, with all its questions."""
    symbol = varied(sweep.task["name"]).get(sweep.along, WIDTH_SYMBOL)
    precision = sweep.precision or PrecisionTable.model_construct(at=[], methods=[])
    places = {*sweep.bounds, *sweep.constructions, *sweep.certificates, *precision.at}
    varied_tables = [*sweep.search, *sweep.grid]
    places |= {x for table in varied_tables for x in table.at}
    # Where searches vary a parameter of the task, what is said of the sweep is said of the first one's largest value.
    tried = next((_of_task(table, sweep) for table in varied_tables), [{}])[0]
    tasks = {x: task_from_json({**sweep.task, **at_place(sweep.along, x), **tried}) for x in sorted(places)}
    recipe = {**file.recipe.given(), **sweep.recipe.given()}
    distribution = recipe.setdefault("distribution", next(iter(tasks.values())).usual_distribution)
    bounds = [
        Asked(x, BoundQuestion(bound, tasks[x], networks, file.precision, distribution))
        for x in sweep.bounds
        for networks in _candidates(sweep, tasks[x])
        for bound in _bounds_on(tasks[x], networks, distribution)
    ]
    constructions = [
        Asked(x, ConstructionQuestion(method, tasks[x], tasks[x].tolerance, file.draws))
        for x in sweep.constructions
        for method in sweep.methods
    ]
    searches = [
        search
        for table in varied_tables
        for place in range(len(table.at))
        for search in _searches(table, sweep, place, recipe, file)
    ]
    certificates = [
        Asked(x, CertificateQuestion(method, tasks[x], tasks[x].tolerance))
        for x in sweep.certificates
        for method in sweep.methods
    ]
    precisions = [
        Asked(x, PrecisionQuestion(method, tasks[x], tasks[x].tolerance, precision.draws))
        for x in precision.at
        for method in precision.methods
    ]
    return Sweep(
        name=name,
        title=sweep.title or f"{sweep.task['name']} against {symbol}",
        along=sweep.along,
        symbol=symbol,
        tasks=tasks,
        distribution=distribution,
        stated=(*bounds, *constructions),
        searches=tuple(searches),
        certificates=tuple(certificates),
        precisions=tuple(precisions),
        varied=tuple({s.vary: None for s in varied_tables if is_of_task(s.vary, sweep.task, sweep.along)}),
    )


def _candidates(sweep: SweepTable, task: Task) -> list[Candidates]:
    """What the bounds of a sweep are asked about: what it trains and the models of what it constructs, or everything.

    Beside a layer that averages stands the same layer in fixed point: theorems speak of that one only.
    """
    widths = [table for table in (*sweep.search, *sweep.grid) if table.vary == "width"]
    trained = [Candidates.of(table.architecture, **table.shape) for table in widths]
    models = [Candidates(CONSTRUCTIONS[method].model) for method in sweep.methods]
    models += [
        Candidates("fixed-point-attention", head_width=one.head_width)
        for one in trained
        if declared_resources(one, task, one.multiple).averages is not None
    ]
    return list(dict.fromkeys([*trained, *models])) or all_candidates()


def _bounds_on(task: Task, networks: Candidates, distribution: str) -> list[str]:
    """Names of the proved bounds whose hypotheses these networks meet, and whose resource they declare."""
    declared = declared_resources(networks, task, networks.multiple)
    return [
        bound.name
        for bound in bounds_of(task)
        if bound.justified == "proved"
        and bound.available(task, declared) is not None
        and not bound.unmet(task, bound.goal(task), distribution, declared)
    ]


def _of_task(search: VariedTable, sweep: SweepTable) -> list[dict[str, int]]:
    """What the values of a search add to the sweep's task, the largest value first; nothing unless they vary it."""
    if not is_of_task(search.vary, sweep.task, sweep.along):
        return [{}]
    return [{search.vary: value} for value in sorted(search.values, reverse=True)]


def _searches(table: VariedTable, sweep: SweepTable, place: int, recipe: Json, file: StudyTable) -> list[Search]:
    """The search at one of its places; of a grid one for each value, so that one that fails costs no other."""
    search = _search(table, sweep, place, recipe, file)
    if not isinstance(table, GridTable):
        return [search]
    parts = zip(search.values, search.candidates, strict=True)
    return [
        replace(search, values=(value,), candidates=(asked,), start=0, grid=True, axis=table.axis)
        for value, asked in parts
    ]


def _search(table: VariedTable, sweep: SweepTable, place: int, recipe: Json, file: StudyTable) -> Search:
    """The search or grid at one of its places."""
    x, networks = table.at[place], Candidates.of(table.architecture, **table.shape)
    tasks = [task_from_json({**sweep.task, **at_place(sweep.along, x), **tried}) for tried in _of_task(table, sweep)]
    training = {"steps": STEPS, **recipe, **({"steps": table.steps[place]} if table.steps else {})}
    width = x if sweep.along == "width" else table.width
    first = TrainingQuestion.usual(networks, tasks[0], training, width, seed=file.seeds[0], rate=table.rates[0])
    seeds, rates, of_task = tuple(file.seeds), tuple(table.rates), is_of_task(table.vary, sweep.task, sweep.along)
    others = _others(table, sweep, tasks[0])
    if table.vary == "width" and isinstance(table, SearchTable):
        values = ladder(table.lowest, table.highest, file.ratio, table.head_width or 1)
        proved = table.start is None
        start = proved_start(networks, tasks[0], values) if proved else _nearest(values, table.start[place])
        said = [networks.name, *others] if others else []
    else:
        values = tuple(sorted(table.values, reverse=of_task))
        wanted = table.start[place] if isinstance(table, SearchTable) and table.start else None
        start = len(values) // 2 if wanted is None else _nearest(values, wanted)
        said = [networks.name, *[f"width {table.width}"] * bool(table.width), *others]
    return Search(
        values=values,
        candidates=tuple(_varied(first, table, value) for value in values)
        if not of_task
        else tuple(replace(first, task=task) for task in tasks),
        start=start,
        seeds=seeds,
        rates=rates,
        field=varied(sweep.task["name"])[table.vary] if of_task else table.vary.replace("_", " "),
        name=", ".join(said),
        largest=of_task,
        x=x,
    )


def _others(search: VariedTable, sweep: SweepTable, task: Task) -> list[str]:
    """Parameters of the task that other tables of the sweep vary and this one does not, in words."""
    varying = {one.vary for one in (*sweep.search, *sweep.grid) if is_of_task(one.vary, sweep.task, sweep.along)}
    return [f"{task.symbols[name]} = {task.to_json()[name]}" for name in sorted(varying - {search.vary})]


def _varied(question: TrainingQuestion, table: VariedTable, value: int) -> TrainingQuestion:
    """The question with another value of what varies of its networks."""
    if table.vary == "width":
        return replace(question, width=value)
    shape = with_field(table.shape, table.vary, value, width=table.width)
    return replace(question, networks=Candidates.of(table.architecture, **shape))


def _nearest(values: tuple[int, ...], wanted: int) -> int:
    return min(range(len(values)), key=lambda place: abs(values[place] - wanted))


def _attention_map(attention_map: AttentionMapTable, file: StudyTable) -> list[Question]:
    """A unit that is constructed and one that is trained, on the same task."""
    task, networks = task_from_json(attention_map.task), Candidates(attention_map.architecture)
    constructed = ConstructionQuestion(
        attention_map.method, task, task.tolerance, attention_map.draws, attention_map=True
    )
    trained = TrainingQuestion.usual(
        networks,
        task,
        _own(attention_map.recipe, file),
        attention_map.width,
        seed=0,
        rate=attention_map.rate,
        attention_map=True,
    )
    return [constructed, trained]


def _protocol(protocol: ProtocolTable, file: StudyTable) -> ProtocolQuestion:
    """A protocol on a network that is constructed or trained."""
    task, trained, numbers = task_from_json(protocol.task), protocol.trained, None
    if protocol.bits is not None and protocol.fraction is not None:
        numbers = protocol.bits, protocol.fraction
    if trained is None:
        network = ConstructionQuestion(protocol.constructed or "", task, task.tolerance, 1)
    else:
        networks, recipe = Candidates.of(trained.architecture, **trained.shape), _own(trained.recipe, file)
        network = TrainingQuestion.usual(networks, task, recipe, trained.width, seed=trained.seed, rate=trained.rate)
    return ProtocolQuestion(protocol.protocol, network, numbers, protocol.instances)


def _own(recipe: RecipeTable, file: StudyTable) -> Json:
    """The recipe of a network outside the sweeps: of the study's it has the inputs alone."""
    inputs = {key: value for key, value in file.recipe.given().items() if key == "distribution"}
    return {"steps": STEPS, **inputs, **recipe.given()}

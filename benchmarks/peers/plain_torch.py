"""Plain torch and Assay on the same inputs: third-order attention, and sparse averaging. Time, and wrong answers.

    python -m benchmarks.peers.plain_torch [--rounds 3]

Third-order attention: einsum and softmax over all scores, and Assay's kernel. First Match3 with the weights of Assay's
construction, width 5 and keys of N tokens and a blank, where an answer is wrong that is on the wrong side of 1/2. The
usual modulus is of order N^2: float64, and scores so large that the kernel takes its streaming form. "Unit" is all of
the construction, from residues, which may take a way without scores. Then Gaussian inputs of width 16 in float32, with
the largest difference from einsum in float64. Gradients and memory are in benchmarks/third_order.py, whose einsum this
is.

Sparse averaging (every token asks): `embedding_bag` and Assay's labels compute the mean itself, and no network. The
others are attention with the keys of Assay's unit in its dtype: a query that is the sum of the keys it names, at the
unit's temperature, through torch's scaled_dot_product_attention; Assay's own queries through the same; and Assay's
unit, which computes these queries, too. An answer is wrong that is further than 1/(2q) from the mean. Pointers are
uniform, or picked against the keys.

Milliseconds of processor time per sequence on one thread, medians of interleaved rounds.
"""

import statistics

import torch
import torch.nn.functional as F
from benchmarks.match_labels import naive_match3
from benchmarks.peers.record import keep, options, show
from benchmarks.strassen import interleaved
from benchmarks.third_order import draw, naive

from assay import Match3, SparseAveraging
from assay.constructions import build
from assay.constructions.s_order_unit import match_factors
from assay.layers.kernels.third_order import third_order_attention


def third_order(length, batch, rounds):
    task = Match3(length=length)
    unit = build(task, method="third-order")
    inputs = task.sample(batch, seed=0).inputs
    exact = torch.from_numpy(naive_match3(inputs.numpy(), task.modulus))
    query, keys, value = match_factors(inputs, task.modulus, 3, unit.arithmetic)
    forms = {"einsum": naive, "assay kernel": third_order_attention}
    actions = {name: lambda form=form: form(query, *keys, value, value).squeeze(2) for name, form in forms.items()}
    actions["assay unit"] = lambda: unit(inputs)
    answers = {name: action() > 0.5 for name, action in actions.items()}
    return rows_of(
        {"what": "match3", "N": length, "M": task.modulus, "dtype": str(query.dtype)[6:], "answers": exact.numel()},
        actions,
        {name: int((answer != exact).sum()) for name, answer in answers.items()},
        batch,
        rounds,
    )


def gaussian(length, rounds):
    inputs = draw(1, length, 16, trained=False)
    exact = naive(*(tensor.double() for tensor in inputs))
    actions = {"einsum": lambda: naive(*inputs), "assay kernel": lambda: third_order_attention(*inputs)}
    apart = {name: (action().double() - exact).abs().max().item() for name, action in actions.items()}
    case = {"what": "gaussian", "N": length, "M": "", "dtype": "float32", "answers": exact.numel()}
    return rows_of(case, actions, dict.fromkeys(actions, ""), 1, rounds, largest=apart)


def averaging(length, sparsity, distribution, batch, rounds):
    task = SparseAveraging(length=length, sparsity=sparsity)
    unit = build(task, method="sign")
    inputs, _, _ = task.sample(batch, seed=0, distribution=distribution, keys=unit.position_keys())
    values, pointers = inputs
    offsets = length * torch.arange(batch).view(-1, 1, 1)
    picked = values[torch.arange(batch)[:, None, None], pointers].double()  # from the definition
    exact = picked.mean(dim=2)
    own = unit.embed(inputs)[:, :, unit.blocks["query"]]

    def bag():
        return F.embedding_bag((pointers + offsets).flatten(0, 1), values.flatten(0, 1), mode="mean").view_as(values)

    def attention(queries):
        keys = unit.keys.expand(batch, -1, -1)
        return F.scaled_dot_product_attention(unit.temperature * queries, keys, values.to(unit.dtype), scale=1.0)

    actions = {
        "embedding_bag": bag,
        "assay labels": lambda: task.targets(inputs),
        "attention, sums of keys": lambda: attention(unit.keys[pointers].sum(dim=2)),
        "attention, assay's queries": lambda: attention(own),
        "assay unit": lambda: unit(inputs),
    }
    distances = {name: torch.linalg.vector_norm(action().double() - exact, dim=2) for name, action in actions.items()}
    return rows_of(
        {
            "what": f"averaging, {distribution}",
            "N": length,
            "q": sparsity,
            "dtype": str(unit.dtype)[6:],
            "answers": batch * length,
        },
        actions,
        {name: int((distance > task.tolerance).sum()) for name, distance in distances.items()},
        batch,
        rounds,
        largest={name: distance.max().item() for name, distance in distances.items()},
    )


def rows_of(case, actions, wrong, batch, rounds, largest=None):
    """One row for each way; the ratio is its time to that of the last, Assay's."""
    times = dict(zip(actions, interleaved(rounds, *actions.values()), strict=True))
    last = list(times.values())[-1]
    return [
        case
        | {"way": name, "wrong": wrong[name], "ms": 1e3 * statistics.median(taken) / batch}
        | {"ratio": statistics.median(a / b for a, b in zip(taken, last, strict=True))}
        | ({"largest error": largest[name]} if largest else {})
        for name, taken in times.items()
    ]


def main(arguments=None):
    chosen = options(__doc__.splitlines()[0], rounds=3).parse_args(arguments)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with torch.inference_mode():
        lengths = [16] if chosen.tiny else [64, 128, 256]
        triples = [row for n in lengths for row in third_order(n, max(1, min(16, 4096 // n**2 * 4)), chosen.rounds)]
        triples = [{**row, "largest error": ""} for row in triples]
        triples += [row for n in [*lengths, *[512][: not chosen.tiny]] for row in gaussian(n, chosen.rounds)]
        show("Third-order attention: milliseconds per sequence; ratio to the last of each case", triples)
        sizes = [(16, 2)] if chosen.tiny else [(256, 4), (1024, 8)]
        kinds = ("uniform", "adversarial")
        means = [row for n, q in sizes for kind in kinds for row in averaging(n, q, kind, 4, chosen.rounds)]
        show("Sparse averaging: milliseconds per sequence; ratio to the last of each case", means)
    keep("peers/plain_torch", triples + means, chosen.json)


if __name__ == "__main__":
    main()

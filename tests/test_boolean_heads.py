"""Explicit weights for Boolean functions: exact certificates, what rounding may do, and what it can do by itself."""

import itertools
import math
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
import torch
from flint import arb, ctx
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from assay.booleans.bare import BareHeads, all_words, counted_words
from assay.booleans.float_heads import answers_are_exact, parity_by_rounding
from assay.booleans.function import BooleanFunction
from assay.booleans.symmetric_heads import HIDDEN, check_symmetric_heads, symmetric_heads
from assay.booleans.two_layers import LEAK, CountAndLookUp, UniformLookUp, longest_proved
from assay.errors import AssayError, Refuted

DTYPES = (torch.float32, torch.float64)
VALUES = {
    "parity": lambda n: lambda ones: ones % 2,
    "majority": lambda n: lambda ones: 2 * ones > n,
    "half": lambda n: lambda ones: ones == n // 2,
    "mod-3": lambda n: lambda ones: ones % 3 == 0,
}


def made(name, n):
    return BooleanFunction.symmetric(name, n, VALUES[name](n))


def random_network(heads, inputs, seed, width=1):
    g = torch.Generator().manual_seed(seed)
    scores, values = (torch.randn(heads, inputs + 1, 2, generator=g, dtype=torch.float64) for _ in range(2))
    values = values[..., None] * torch.randn(width, generator=g, dtype=torch.float64)
    readout = torch.randn(heads, width, generator=g, dtype=torch.float64)
    return BareHeads(scores, values, readout, torch.randn((), generator=g, dtype=torch.float64))


# The bare form.


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(0, 1000), st.integers(1, 3))
def test_outputs_are_those_of_the_formula_and_exact_ones_hold_them(heads, inputs, seed, width):
    """c + sum of N / D, term by term, in decimals of 60 digits."""
    network, words = random_network(heads, inputs, seed, width), all_words(inputs)
    with localcontext() as context:
        context.prec = 60
        for word, got, ball in zip(words.tolist(), network(words).tolist(), network.exact_outputs(words), strict=True):
            total = Decimal(network.constant.item())
            for h in range(heads):
                above = below = Decimal(0)
                for j, bit in enumerate([*word, 0]):
                    weight = Decimal(network.scores[h, j, bit].item()).exp()
                    value = sum(
                        Decimal(v) * Decimal(r)
                        for v, r in zip(network.values[h, j, bit].tolist(), network.readout[h].tolist(), strict=True)
                    )
                    above, below = above + weight * value, below + weight
                total += above / below
            assert abs(got - float(total)) < 1e-11 * (1 + abs(float(total)))
            with ctx.workprec(256):
                assert abs(ball - arb(str(total))) < arb("1e-30")


@pytest.mark.parametrize(("heads", "inputs"), [(1, 4), (2, 4), (2, 5), (3, 5)])
def test_the_sign_is_that_of_a_polynomial_of_degree_at_most_the_heads(heads, inputs):
    """Times all denominators, the coefficient of every product of more than H bits is 0 (Moebius inversion)."""
    network, words = random_network(heads, inputs, seed=heads + inputs), all_words(inputs)
    with ctx.workprec(256):
        weights = [[[arb(s).exp() for s in pair] for pair in head] for head in network.scores.tolist()]
        cleared = []
        for word, output in zip(words.tolist(), network.exact_outputs(words, 256), strict=True):
            for head in weights:
                output *= sum((head[j][bit] for j, bit in enumerate([*word, 0])), arb(0))
            cleared.append(output)
        largest = []
        for size in range(inputs + 1):
            coefficients = []
            for chosen in itertools.combinations(range(inputs), size):
                subsets = itertools.chain.from_iterable(itertools.combinations(chosen, k) for k in range(size + 1))
                signed = [(-1) ** (size - len(some)) * cleared[sum(1 << j for j in some)] for some in subsets]
                coefficients.append(abs(sum(signed, arb(0))))
            largest.append(coefficients)
        assert all(one < arb("1e-40") for some in largest[heads + 1 :] for one in some)
        assert all(one > arb("1e-12") for one in largest[heads])


def test_an_output_that_is_exactly_0_is_decided_by_no_number_of_bits():
    zero = torch.zeros(1, 3, 2)
    values = torch.tensor([[[-1.0, 1], [-1, 1], [0, 0]]]).unsqueeze(3)
    network = BareHeads(zero, values, torch.ones(1, 1), torch.zeros(()))
    assert network.exact_answers(all_words(2)) == [False, None, None, True]
    found = answers_are_exact(network)
    assert (found.words, found.undecided, found.held) == (4, 2, False)


def test_shapes_and_words_that_do_not_fit_are_refused():
    zero = torch.zeros(2, 4, 2)
    with pytest.raises(AssayError, match=r"values of shape \(2, 4, 1\) do not fit; \(2, 4, 2, 1\) would"):
        BareHeads(zero, torch.zeros(2, 4, 1), torch.ones(2, 1), torch.zeros(()))
    with pytest.raises(AssayError, match="scores = a number that is not finite is not allowed"):
        BareHeads(zero + math.nan, torch.zeros(2, 4, 2, 1), torch.ones(2, 1), torch.zeros(()))
    network = random_network(1, 3, 0)
    with pytest.raises(AssayError, match=r"must be int64 \(batch, 3\)"):
        network(torch.zeros(1, 4, dtype=torch.int64))
    with pytest.raises(AssayError, match="it must be 0 or 1"):
        network(torch.full((1, 3), 2))
    with pytest.raises(AssayError, match="inputs = 17 is not allowed"):
        all_words(17)


# Rounding alone.


def test_one_rounded_head_computes_the_parity_of_7_bits_and_is_not_held_against_the_bound():
    words = all_words(7)
    odd = words.sum(dim=1) % 2 == 1
    single, double = parity_by_rounding(), parity_by_rounding(torch.float64)
    assert single.heads == 1
    assert torch.equal(single.answers(words), odd)
    assert int((double.answers(words) != odd).sum()) == 64
    found = answers_are_exact(single)
    assert (found.words, found.differing, found.held) == (128, 64, False)
    assert "64 of 128 answers come from rounding" in found.justification
    assert answers_are_exact(double).held
    same = BareHeads(*(getattr(single, name).double() for name in ("scores", "values", "readout", "constant")))
    assert answers_are_exact(same).held  # the same weights in float64: wrong, but exactly so


@pytest.mark.parametrize("seed", range(5))
def test_networks_whose_outputs_are_not_near_0_are_exact(seed):
    network = random_network(3, 6, seed)
    assert float(network(all_words(6)).abs().min()) > 1e-9
    assert answers_are_exact(network).held


# One layer, as many heads as sign changes.


def exact_output(certificate, word):
    """A softmax over the tokens of a word, written out in fractions."""
    hidden, total = Fraction(certificate["hidden"]), Fraction(certificate["constant"])
    for head in certificate["poles"]:
        asker = Fraction(head["weight"])
        seen = 0 if head["mirrored"] else 1
        weights = [asker, *(Fraction(1) if bit == seen else hidden for bit in word)]
        total += Fraction(head["coefficient"]) * asker / sum(weights)
    return total


@settings(max_examples=40, deadline=None)
@given(st.lists(st.booleans(), min_size=2, max_size=9))
def test_any_symmetric_function_has_as_many_heads_as_sign_changes_and_is_right_everywhere(values):
    function = BooleanFunction.symmetric("any", len(values) - 1, lambda ones: values[ones])
    found = symmetric_heads(function)
    assert found.heads == function.sign_changes
    certificate = found.certificate
    assert check_symmetric_heads(certificate) == found.margin > 0
    total = abs(found.constant) + sum(map(abs, found.coefficients))
    outputs = []
    for number, word in enumerate(all_words(function.inputs).tolist()):
        outputs.append(exact_output(certificate, word))
        assert (outputs[-1] > 0) == bool(function.table[number])
    assert min(map(abs, outputs)) / total == found.margin
    words = all_words(function.inputs)
    network = found.network()
    assert network.answers(words).tolist() == network.exact_answers(words) == function.table.tolist()
    assert found.proved_format == "float32" or found.margin < 1e-4


@pytest.mark.parametrize(
    ("name", "n"),
    [
        ("parity", 4),
        ("parity", 7),
        ("majority", 9),
        ("majority", 16),
        ("half", 8),
        ("half", 20),
        ("mod-3", 7),
        ("mod-3", 8),
    ],
)
def test_coefficients_have_the_largest_margin_for_their_poles(name, n):
    """A linear program: the largest g with sign * output >= g at every count, and coefficients of sum 1."""
    found = symmetric_heads(made(name, n))
    rows = np.array([[*(float(pole.output(n, c)) for pole in found.poles), 1.0] for c in range(n + 1)])
    signs = np.where(found.function.by_count, 1.0, -1.0)[:, None]
    columns = rows.shape[1]
    upper = np.hstack([-signs * rows, signs * rows, np.ones((n + 1, 1))])
    best = linprog(
        [*[0.0] * (2 * columns), -1.0],
        A_ub=np.vstack([upper, [*[1.0] * (2 * columns), 0.0]]),
        b_ub=[*[0.0] * (n + 1), 1.0],
        bounds=[(0, None)] * (2 * columns + 1),
    )
    assert 0.98 * -best.fun <= float(found.margin) <= -best.fun * (1 + 1e-4) + 1e-9


@pytest.mark.parametrize(
    ("name", "n", "known"),
    [
        ("parity", 2, 0.19),
        ("parity", 3, 0.035),
        ("parity", 4, 8.7e-3),
        ("parity", 6, 4.7e-4),
        ("parity", 8, 2.2e-5),
        ("parity", 12, 4.0e-8),
        ("parity", 16, 8.0e-11),
        ("parity", 20, 1.4e-13),
        ("parity", 24, 2.3e-16),
        ("majority", 8, 0.023),
        ("majority", 16, 0.011),
        ("majority", 64, 0.0026),
        ("half", 8, 3.5e-3),
        ("half", 16, 8.4e-4),
        ("half", 64, 5.2e-5),
        ("mod-3", 8, 1.3e-4),
        ("mod-3", 12, 8e-6),
    ],
)
def test_margins_are_at_least_half_of_those_known(name, n, known):
    found = symmetric_heads(made(name, n))
    assert check_symmetric_heads(found.certificate) == found.margin
    assert found.margin > known / 2


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "n"), [("parity", 6), ("majority", 10), ("half", 10), ("mod-3", 8)])
def test_rounding_stays_below_its_bound_in_any_order_of_the_bits(name, n, dtype):
    found = symmetric_heads(made(name, n))
    network, words = found.network(dtype), all_words(n)
    bound = found.rounding(dtype)
    outputs = network(words)
    for word, got in zip(words.tolist(), outputs.tolist(), strict=True):
        assert abs(got - float(exact_output(found.certificate, word))) <= bound
    if bound < found.margin:
        assert torch.equal(outputs > 0, torch.from_numpy(found.function.table))


def test_the_formats_that_are_proved():
    assert symmetric_heads(made("parity", 8)).proved_format == "float32"
    assert symmetric_heads(made("parity", 16)).proved_format == "float64"
    assert symmetric_heads(made("parity", 32)).proved_format is None
    assert symmetric_heads(made("parity", 32)).smallest_format is None
    assert symmetric_heads(made("majority", 64)).smallest_format == "float32"


def rounded_answer(found, ones, whole, fraction):
    """In fixed point, every operation rounded, with numpy."""

    def fix(numbers):
        limit = 2.0 ** (whole + fraction - 1)
        return np.clip(np.round(np.asarray(numbers, dtype=float) * 2.0**fraction), -limit, limit - 1) / 2.0**fraction

    n, total = found.function.inputs, fix(0.0)
    for pole, coefficient in zip(found.poles, found.coefficients, strict=True):
        low = math.log(HIDDEN)
        bits = [(low if pole.mirrored else 0.0) if j < ones else (0.0 if pole.mirrored else low) for j in range(n)]
        scores = fix([*bits, math.log(pole.weight)])
        shares = np.exp(scores - scores.max())
        share = fix(shares / shares.sum())[-1]
        total = fix(total + fix(fix(float(coefficient)) * share))
    return bool(fix(total + fix(float(found.constant))) > 0)


@pytest.mark.parametrize(("name", "n"), [("parity", 3), ("parity", 5), ("majority", 8), ("half", 6), ("mod-3", 6)])
def test_the_fixed_point_format_is_right_and_all_of_fewer_bits_behind_the_point_are_wrong(name, n):
    found = symmetric_heads(made(name, n))
    numbers = found.smallest_fixed_point
    whole = numbers.bits - numbers.fraction
    right = [
        all(rounded_answer(found, ones, whole, f) == found.function.by_count[ones] for ones in range(n + 1))
        for f in range(1, numbers.fraction + 1)
    ]
    assert right == [False] * (numbers.fraction - 1) + [True]


def test_what_has_no_such_weights_is_refused():
    with pytest.raises(AssayError, match="first is not symmetric"):
        symmetric_heads(BooleanFunction.of_table("first", [0, 1, 0, 1]))
    with pytest.raises(AssayError, match="sign changes = 41 is not allowed; it must be an integer from 0 to 40"):
        symmetric_heads(made("parity", 41))
    with pytest.raises(AssayError, match="inputs = 4097 is not allowed"):
        symmetric_heads(made("majority", 4097))


def test_certificates_that_were_changed_are_refuted_or_refused():
    certificate = symmetric_heads(made("half", 4)).certificate
    flipped = {**certificate, "values": "1" + certificate["values"][1:]}
    with pytest.raises(Refuted, match=r"at 0 ones the output -?[0-9.e-]+ has the wrong sign"):
        check_symmetric_heads(flipped)
    with pytest.raises(Refuted, match="the margin is"):
        check_symmetric_heads({**certificate, "margin": str(Fraction(certificate["margin"]) * 2)})
    first = {**certificate["poles"][0], "coefficient": "0"}
    with pytest.raises(Refuted, match="wrong sign"):
        check_symmetric_heads({**certificate, "poles": [first, *certificate["poles"][1:]]})
    for wrong in (
        {**certificate, "margin": "1/0"},
        {**certificate, "values": "01"},
        {**certificate, "hidden": "0"},
        {**certificate, "values": "0120"},
        {"inputs": 4},
        {**certificate, "poles": 5},
    ):
        with pytest.raises(AssayError, match="the certificate cannot be read"):
            check_symmetric_heads(wrong)


# Two layers.


def of_all_lengths(name):
    return {"parity": lambda ones: ones % 2, "mod-3": lambda ones: ones % 3 == 0, "few": lambda ones: ones in (1, 2)}[
        name
    ]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["parity", "mod-3", "few"])
def test_two_layers_are_right_on_all_words_up_to_12_bits_within_the_proved_error(name, dtype):
    value = of_all_lengths(name)
    uniform = UniformLookUp(value, dtype)
    for n in range(1, 13):
        words = all_words(n)
        wanted = torch.tensor([1.0 if value(ones) else -1.0 for ones in range(n + 1)])[words.sum(dim=1)]
        for network in (CountAndLookUp(BooleanFunction.symmetric(name, n, value), dtype), uniform):
            outputs = network(words)
            assert float((outputs - wanted).abs().max()) <= network.error_bound(n, dtype) < 1
            assert torch.equal(network.answers(words), wanted > 0)


@pytest.mark.parametrize(
    ("kind", "dtype", "n"),
    [
        (CountAndLookUp, torch.float32, None),
        (UniformLookUp, torch.float32, None),
        (CountAndLookUp, torch.float64, 3000),
        (UniformLookUp, torch.float64, 3000),
    ],
)
def test_two_layers_are_right_on_1000_random_words_of_the_longest_length_that_is_proved(kind, dtype, n):
    n = n or longest_proved(kind.error_bound, dtype)
    g = torch.Generator().manual_seed(n)
    words = (torch.rand(1000, n, generator=g) < torch.rand(1000, 1, generator=g)).long()
    words[0], words[1] = 0, 1
    network = CountAndLookUp(made("parity", n), dtype) if kind is CountAndLookUp else kind(lambda ones: ones % 2, dtype)
    wanted = words.sum(dim=1) % 2 == 1
    outputs = network(words)
    assert torch.equal(outputs > 0, wanted)
    assert float((outputs - (2.0 * wanted - 1)).abs().max()) <= kind.error_bound(n, dtype)


@pytest.mark.parametrize("kind", [CountAndLookUp, UniformLookUp])
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_longest_length_is_the_last_whose_error_is_proved(kind, dtype):
    n = longest_proved(kind.error_bound, dtype)
    assert kind.error_bound(n, dtype) < 1 <= kind.error_bound(n + 1, dtype)
    assert kind.error_bound(8, dtype) < kind.error_bound(n // 2, dtype)


def share_off(gaps):
    off = sum(math.exp(-gap) for gap in gaps if gap)
    return 2 * off / (1 + off)


def test_the_error_bounds_hold_the_shares_that_all_counts_give_in_exact_arithmetic():
    """Scores of every position, written out, for all counts of all n up to 60."""
    worst_count = worst_uniform = 0.0
    for n in range(1, 61):
        for c in range(n + 1):
            worst_count = max(worst_count, share_off(4.0 * (i - c) ** 2 for i in range(n + 1)))
            sees = c + sum(math.exp(-LEAK - j) for j in range(1, n - c + 1))  # zeros first, where they leak most
            score = [8.0 * (sees * (j * j / 2 + j) - (j**3 / 3 + j * j / 2)) / (sees + 1) for j in range(n + 1)]
            worst_uniform = max(worst_uniform, share_off(score[c] - one for one in score))
    assert 0.99 * CountAndLookUp.error_bound(60) < worst_count <= CountAndLookUp.error_bound(60)
    assert 0.8 * UniformLookUp.error_bound() < worst_uniform <= UniformLookUp.error_bound()


def test_the_uniform_network_reads_a_table_that_differs_between_lengths_as_one():
    """Its weights do not depend on n: on a word with zeros appended it gives almost the same."""
    network = UniformLookUp(of_all_lengths("few"), torch.float64)
    words = all_words(5)
    longer = torch.cat([words, torch.zeros(len(words), 40, dtype=torch.int64)], dim=1)
    assert float((network(words) - network(longer)).abs().max()) < UniformLookUp.error_bound()
    assert torch.equal(network.answers(words), network.answers(longer))


def test_what_two_layers_refuse():
    with pytest.raises(AssayError, match="first is not symmetric"):
        CountAndLookUp(BooleanFunction.of_table("first", [0, 1, 0, 1]))
    with pytest.raises(AssayError, match="length = 3 is not allowed; it must be 4, the function's"):
        CountAndLookUp(made("parity", 4))(torch.zeros(1, 3, dtype=torch.int64))
    with pytest.raises(AssayError, match=r"dtype = torch\.float16 is not allowed"):
        UniformLookUp(lambda ones: ones, torch.float16)
    with pytest.raises(AssayError, match="it must be 0 or 1"):
        UniformLookUp(lambda ones: ones)(torch.full((1, 3), 2))
    with pytest.raises(AssayError, match="they must be int64"):
        UniformLookUp(lambda ones: ones)(torch.zeros(1, 3))
    assert counted_words(2).tolist() == [[0, 0], [1, 0], [1, 1]]

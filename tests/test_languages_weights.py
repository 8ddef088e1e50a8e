"""Explicit weights for regular languages: right, and exactly 0 or 1, on all words that were enumerated or drawn."""

import numpy as np
import pytest
import torch
from sympy.combinatorics import Permutation, PermutationGroup

from assay.errors import AssayError, Refuted
from assay.languages.automaton import make_automaton
from assay.languages.classes import classify
from assay.languages.expression import automaton_of
from assay.languages.programs import Compare, Writer
from assay.languages.synthesis import program_of
from assay.languages.weights.counting import CountingTransformer, clip, gate, longest_counted
from assay.languages.weights.permutations import permutation_automata
from assay.languages.weights.prefix import PrefixAutomaton, compose, longest_word, restore
from assay.languages.weights.recurrent import RecurrentAutomaton
from assay.languages.words import AcceptedWords, all_words
from language_twins import alternating
from test_languages import random_automata, small_automata

COUNTED = ("(ab)*", "(bbac)*", "(ab|ba)*", "a*b*a*", "acabcc(c)*", "(ab)*|c+", "(ab|ba)*c(ab)*")
SHOWN = ("(ab)*", "(ab)*|c+")  # of these, on long words; the rest with what takes longer
LONGER = (pytest.mark.long,)
OTHERS = ("(bab|b)*", "(bc(c)*)*", "(aa)*", "(b*ab*a)*b*")


def automata():
    yield from map(automaton_of, (*COUNTED, *OTHERS))
    yield make_automaton("ab", alternating(5), 0, [0])


def drawn(automaton, count, length, seed):
    """Words at random, words of the language where there are some, and such words with one letter changed."""
    rng = np.random.default_rng(seed)
    words = rng.integers(0, len(automaton.letters), (count, length))
    accepted = AcceptedWords.of(automaton, length)
    if accepted.whole != length:  # there is none of this length
        return words
    good = accepted.words(np.random.default_rng(seed).random((count // 2, length)))
    words[: len(good)] = good
    changed = rng.random(len(good)) < 0.5
    places = rng.integers(0, length, len(good))
    words[np.flatnonzero(changed), places[changed]] = rng.integers(0, len(automaton.letters), changed.sum())
    return words


def expected(automaton, words):
    """Whether each word is accepted after every letter, from the table."""
    return automaton.accepting[automaton.run(words)]


def ends(automaton, words):
    return expected(automaton, words)[:, -1] if words.shape[1] else np.full(len(words), automaton.accepting[0])


def same(found, wanted):
    """Exactly 0 and 1, and right."""
    return torch.equal(found, torch.from_numpy(np.asarray(wanted)).to(found.dtype))


def exhaustive(letters, most=10_000):
    """Lengths up to which all words are tried: at most so many words of the longest."""
    return range(int(np.log(most) / np.log(max(letters, 2))) + 1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_recurrent_layer_is_right_on_all_short_words(dtype):
    for automaton in automata():
        layer = RecurrentAutomaton(automaton, dtype)
        assert layer.guarantee().longest is None
        for length in exhaustive(len(automaton.letters)):
            words = all_words(len(automaton.letters), length)
            assert same(layer(torch.from_numpy(words)), expected(automaton, words))


def test_the_recurrent_layer_is_right_on_1000_words_of_4096_letters():
    automaton = automaton_of("(b*ab*a)*b*")
    words = drawn(automaton, 1000, 4096, seed=0)
    wanted = expected(automaton, words)
    assert same(RecurrentAutomaton(automaton)(torch.from_numpy(words)), wanted)
    assert 100 < wanted[:, -1].sum() < 900


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_attention_of_logarithmic_depth_is_right_on_all_short_words(dtype):
    for automaton in automata():
        for length in exhaustive(len(automaton.letters), 3000):
            words = all_words(len(automaton.letters), length)
            for longest in {max(length, 1), 1000} if dtype == torch.float32 else {1000}:
                network = PrefixAutomaton(automaton, longest, dtype)
                assert same(network(torch.from_numpy(words)), expected(automaton, words))


def check_512(automaton, seed):
    """How many of 1,000 words of 512 letters are accepted, after their network was found right on all of them."""
    network = PrefixAutomaton(automaton, 512)
    guarantee = network.guarantee()
    assert (guarantee.layers, guarantee.longest, guarantee.dtype) == (9, 512, "float32")
    words = drawn(automaton, 1000, 512, seed)
    wanted = expected(automaton, words)
    for first in range(0, 1000, 250):
        part = slice(first, first + 250)
        assert same(network(torch.from_numpy(words[part])), wanted[part])
    return int(wanted[:, -1].sum())


def test_attention_of_logarithmic_depth_is_right_on_1000_words_of_512_letters():
    assert check_512(automaton_of("(b*ab*a)*b*"), seed=0) > 100


@pytest.mark.long
@pytest.mark.parametrize("number", range(len(COUNTED) + len(OTHERS) + 1))
def test_attention_of_logarithmic_depth_is_right_on_1000_words_of_512_letters_of_each_language(number):
    automaton = list(automata())[number]
    assert check_512(automaton, number) > 100 or AcceptedWords.of(automaton, 512).whole != 512


@pytest.mark.long
@pytest.mark.parametrize("expression", COUNTED)
def test_attention_is_right_on_words_of_4096_letters(expression):
    automaton = automaton_of(expression)
    words = drawn(automaton, 10, 4096, seed=0)
    tensor, wanted = torch.from_numpy(words), expected(automaton, words)
    assert same(PrefixAutomaton(automaton, 4096)(tensor), wanted)
    assert same(CountingTransformer(program_of(automaton), 4096, torch.float64)(tensor), wanted[:, -1])


def test_attention_reads_within_a_third_of_what_it_should():
    network = PrefixAutomaton(automaton_of("a", "ab"), 600)
    for back in (1, 2, 64, 256, 512):
        weights = network.attention(600, back)
        places = (torch.arange(601) - back).clamp(min=0)
        assert weights.gather(1, places[:, None]).min() > 1 - 0.036  # theta / (1 + theta), and rounding
    assert longest_word(torch.float32) == 4728
    assert restore(torch.tensor([-0.3, 0.3, 0.7, 0.999, 1.3])).tolist() == [0, 0, 1, 1, 1]


def test_maps_are_composed_in_the_order_of_letters():
    for old in all_words(3, 3):
        for new in all_words(3, 3):
            one, two = (torch.eye(3)[torch.from_numpy(image)] for image in (old, new))
            assert compose(one, two).argmax(1).tolist() == new[old].tolist()


def test_programs_of_all_small_automata_say_what_the_automaton_says():
    known = {make_automaton("ab", rows, 0, accepting) for rows, accepting in small_automata()}
    counted = [one for one in known if classify(one).c_rasp.holds]
    assert 0 < len(counted) < len(known)
    for automaton in counted:
        program = program_of(automaton)
        for length in range(9):
            words = all_words(2, length)
            assert (program.accepts(words) == ends(automaton, words)).all()


def test_programs_of_random_automata_say_what_the_automaton_says():
    rounds = made = 0
    for automaton in random_automata(2000, seed=0):
        decision = classify(automaton).c_rasp
        if not decision.holds:
            with pytest.raises(AssayError, match="not in C-RASP"):
                program_of(automaton)
            continue
        if not decision.witness:
            continue
        made += 1
        rounds += max(len(one.rounds) for one in decision.witness) > 1
        program = program_of(automaton)
        for length in range(7):
            words = all_words(len(automaton.letters), length)
            assert (program.accepts(words) == ends(automaton, words)).all()
        words = drawn(automaton, 50, 60, made)
        assert (program.accepts(words) == ends(automaton, words)).all()
    assert made > 100
    assert rounds > 0  # labels were made finer


@pytest.mark.parametrize("expression", COUNTED)
def test_attention_that_counts_is_right_on_all_short_words(expression):
    automaton = automaton_of(expression)
    program = program_of(automaton)
    for dtype in (torch.float32, torch.float64):
        for longest in (11, longest_counted(program, torch.float32)):
            network = CountingTransformer(program, longest, dtype)
            assert network.guarantee().longest == longest
            for length in exhaustive(len(automaton.letters), 3000):
                words = all_words(len(automaton.letters), length)
                lines = network.lines(torch.from_numpy(words))
                assert same(lines, program.run(words).transpose(1, 2, 0))
                assert same(network(torch.from_numpy(words)), ends(automaton, words))


@pytest.mark.parametrize("expression", [pytest.param(one, marks=LONGER * (one not in SHOWN)) for one in COUNTED])
def test_attention_that_counts_is_right_on_1000_words_of_512_letters(expression):
    automaton = automaton_of(expression)
    network = CountingTransformer(program_of(automaton), 512)
    words = drawn(automaton, 1000, 512, seed=1)
    wanted, accepted = ends(automaton, words), 0
    for first in range(0, 1000, 250):
        found = network(torch.from_numpy(words[first : first + 250]))
        assert same(found, wanted[first : first + 250])
        accepted += int(found.sum())
    assert accepted > 100 or AcceptedWords.of(automaton, 512).whole != 512


def nested(seed):
    """A program of depth 3 with factors up to 3."""
    rng = np.random.default_rng(seed)
    write = Writer("ab")
    lines = [write.letter("a"), write.letter("b")]
    for _ in range(3):
        terms = [(int(rng.integers(-3, 4)), int(one)) for one in rng.choice(lines, 2)]
        compared = write.at_least([*terms, (int(rng.integers(1, 4)), lines[-1])], int(rng.integers(-3, 4)))
        lines += [compared, write.no(compared), write.any(compared, write.all(lines[0], lines[-1]))]
    return write.program(write.any(lines[-1], lines[2]))


def test_programs_of_any_depth_are_computed_exactly_to_the_last_length_that_is_proved():
    depths = set()
    for seed in range(10):
        program = nested(seed)
        depths.add(program.depth)
        network = CountingTransformer(program, longest_counted(program, torch.float32))
        for words in (all_words(2, 10), drawn(automaton_of("(ab)*"), 4, network.longest // 2 * 2, seed)):
            assert same(network.lines(torch.from_numpy(words)), program.run(words).transpose(1, 2, 0))
        with pytest.raises(AssayError, match="longest = "):
            CountingTransformer(program, network.longest + 1)
    assert 3 in depths


def test_the_interpreter_counts_places_before_this_one():
    write = Writer("ab")
    a = write.letter("a")
    program = write.program(write.at_least([(2, a)], -3))
    for word in ("", "a", "aa", "aba", "bb"):
        wanted = [2 * word[:place].count("a") - 3 >= 0 for place in range(len(word) + 1)]
        numbers = np.array([["ab".index(letter) for letter in word]], dtype=np.int64)
        assert program.run(numbers)[program.answer, 0].tolist() == wanted
    assert program.weight == 2 + 2.5


def test_longest_words_follow_the_square_root_of_the_weight():
    for factor in (1, 4, 16, 64):
        write = Writer("a")
        program = write.program(write.at_least([(factor, write.letter("a"))], 0))
        longest = longest_counted(program, torch.float32)
        assert 2048 < longest * (factor + 0.5) ** 0.5 < 2896  # sqrt(2^23)
        network = CountingTransformer(program, longest)
        words = torch.zeros(1, longest, dtype=torch.int64)
        assert same(network.lines(words), program.run(words.numpy()).transpose(1, 2, 0))


def test_gates_and_clips_are_exact():
    bits = torch.from_numpy(all_words(2, 5)).float()
    assert same(gate("all", bits), bits.numpy().all(1))
    assert same(gate("any", bits), bits.numpy().any(1))
    assert clip(torch.tensor([-1e6, -0.5, 0.5, 1e6])).tolist() == [0, 0, 1, 1]


def test_a_cast_network_has_the_guarantee_of_its_new_arithmetic_or_none():
    automaton = automaton_of("(ab)*")
    for network in (
        PrefixAutomaton(automaton, 10**4, torch.float64),
        CountingTransformer(program_of(automaton), 10**4, torch.float64),
    ):
        assert network.guarantee().dtype == "float64"
        with pytest.raises(AssayError, match="longest = 10000"):
            network.float().guarantee()
        with pytest.raises(AssayError, match=r"dtype = torch\.bfloat16"):
            network.bfloat16().guarantee()


def test_changed_weights_are_refuted():
    automaton = automaton_of("(ab)*")
    layer = RecurrentAutomaton(automaton)
    layer.step[0, 0, 0] += 0.5
    with pytest.raises(Refuted, match="step"):
        layer.guarantee()
    network = CountingTransformer(program_of(automaton), 10)
    number = next(n for n, line in enumerate(network.program.lines) if isinstance(line, Compare))
    network.factors[number, 0] += 1
    with pytest.raises(Refuted, match=f"line {number}"):
        network.guarantee()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: PrefixAutomaton(automaton_of("a"), 5000), "longest = 5000"),
        (lambda: PrefixAutomaton(automaton_of("a"), 0), "longest = 0"),
        (lambda: PrefixAutomaton(automaton_of("a"), 5, torch.float16), "dtype = torch.float16"),
        (lambda: PrefixAutomaton(automaton_of("a"), 5)(torch.zeros(1, 6, dtype=torch.int64)), "length = 6"),
        (
            lambda: RecurrentAutomaton(automaton_of("a"))(torch.ones(1, 2, dtype=torch.int64)),
            "letters = another number",
        ),
        (lambda: RecurrentAutomaton(automaton_of("a"))(torch.zeros(2)), "must be int64"),
        (lambda: CountingTransformer(program_of(automaton_of("(ab)*")), 10**5), "longest = 100000"),
        (lambda: program_of(automaton_of("(aa)*")), "not in C-RASP"),
        (lambda: Writer("ab").letter("c"), "letter = 'c'"),
    ],
)
def test_what_cannot_be_built_gets_one_line(make, says):
    with pytest.raises(AssayError) as error:
        make()
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("states", [2, 3, 4, 5])
def test_automata_whose_letters_permute_states_are_tracked_by_layers_for_their_group(states):
    draw = np.random.default_rng(states)
    tried = 0
    for _ in range(6):
        table = np.stack([draw.permutation(states) for _ in range(2)], axis=1)
        automaton = make_automaton("ab", table.tolist(), 0, [0])
        found = permutation_automata(automaton)
        group = PermutationGroup([Permutation(column) for column in automaton.table.T.tolist()])
        kinds = [True, False] if group.is_solvable else [True]
        assert [one.certificate.steps > 0 for one in found] == kinds * (group.order() > 1)
        for one in found:
            tried += 1
            short = all_words(2, 7)
            assert np.array_equal(one.run(short), automaton.run(short))
            long = draw.integers(0, 2, (200, 400))
            assert np.array_equal(one.run(long), automaton.run(long))
            assert one.certificate.horizon is None or one.certificate.horizon > 1e6
    assert tried > 6 - states


def test_other_languages_have_no_layers_of_groups():
    assert [permutation_automata(automaton_of(other)) for other in ("(ab)*", "a*b*", "(a|b)*", "(aa)*b")] == [()] * 4
    large = make_automaton("ab", [[(q + 1) % 7, [1, 0, 2, 3, 4, 5, 6][q]] for q in range(7)], 0, [0])  # S7
    assert permutation_automata(large) == ()


def test_steps_are_points_less_cycles():
    (product_, _) = permutation_automata(make_automaton("a", [[1], [2], [3], [0]], 0, [0]))
    assert (product_.certificate.steps, product_.certificate.horizon) == (3, None)

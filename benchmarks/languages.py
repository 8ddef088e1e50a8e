"""How many languages are decided in a second, beside a plain training loop; and how long large automata take.

    python -m benchmarks.languages [--automata 2000] [--tiny]

Random automata of 5 states over two letters, made minimal, R-trivial and C-RASP decided; the same with everything that
`assay language` decides; then automata of 200 states, of several kinds, R-trivial and C-RASP. The unit is that of
benchmarks.place: 1,000 steps of a hand-written loop.
"""

import argparse
import time

import numpy as np
import torch
from benchmarks.place import unit

from assay.languages.automaton import components, make_automaton
from assay.languages.classes import classify, decide_c_rasp, decide_r_trivial


def random_tables(states, letters, count, seed=0):
    """Transition tables of uniform automata, and their accepting states."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield rng.integers(0, states, (states, letters)).tolist(), np.flatnonzero(rng.random(states) < 0.5).tolist()


def large(states=200):
    """Automata of many states whose components are large: name, letters, table."""
    rng = np.random.default_rng(1)
    dead = states - 1
    ring = np.full((states, 2), dead)
    ring[: dead - 1, 0], ring[dead - 1, 1] = np.arange(1, dead), 0
    turns = ring.copy()
    turns[np.arange(0, dead, 2)] = turns[np.arange(0, dead, 2)][:, ::-1]
    chord = ring.copy()
    chord[5, 1] = dead - 5
    counter = np.stack(
        [np.minimum(np.arange(states) + 1, dead), np.where(np.arange(states) > 0, np.arange(states) - 1, dead)], 1
    )
    counter[dead] = counter[dead - 1, 0] = dead
    words = rng.integers(0, 3, dead)
    cycle = np.full((states, 3), dead)
    cycle[np.arange(dead), words] = (np.arange(dead) + 1) % dead
    chords = cycle.copy()
    for source in rng.choice(dead, 20, replace=False):
        chords[source, (words[source] + 1) % 3] = rng.integers(dead)
    return {
        "uniform": rng.integers(0, states, (states, 2)),
        "one cycle": ring,
        "one cycle of turns": turns,
        "one chord": chord,
        "bounded counter": counter,
        "random cycle": cycle,
        "random cycle, 20 chords": chords,
    }


def main(arguments=None):
    """Print the unit, decisions a second, and seconds at 200 states."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--automata", type=int, default=2000)
    parser.add_argument("--tiny", action="store_true")
    given = parser.parse_args(arguments)
    count, states = (20, 20) if given.tiny else (given.automata, 200)
    torch.set_num_threads(1)
    before = unit(20 if given.tiny else 1000)
    tables = list(random_tables(5, 2, count))
    begin = time.perf_counter()
    for table, accepting in tables:
        automaton = make_automaton("ab", table, 0, accepting)
        parts = components(automaton)
        decide_r_trivial(automaton, parts)
        decide_c_rasp(automaton, parts)
    two = time.perf_counter() - begin
    begin = time.perf_counter()
    for table, accepting in tables:
        classify(make_automaton("ab", table, 0, accepting))
    everything = time.perf_counter() - begin
    after = unit(20 if given.tiny else 1000)
    print(f"unit {(before + after) / 2:.2f} s ({before:.2f} before, {after:.2f} after)")
    print(f"5 states: R-trivial and C-RASP {count / two:,.0f} a second, everything {count / everything:,.0f} a second")
    for name, table in large(states).items():
        begin = time.perf_counter()
        automaton = make_automaton("abc"[: table.shape[1]], table.tolist(), 0, [0])
        parts = components(automaton)
        decide_r_trivial(automaton, parts)
        decision = decide_c_rasp(automaton, parts)
        seconds = time.perf_counter() - begin
        print(f"{name}: {automaton.states} states, {seconds:.3f} s, C-RASP {decision.holds}: {decision.why[:60]}")


if __name__ == "__main__":
    main()

"""The side of benchmarks/peers/tracr.py that runs in tracr's own environment: one request and one answer per line."""

import contextlib
import json
import resource
import sys
import time

import haiku  # noqa: F401  (imports are not part of what is timed)
import jax
import jax.numpy as jnp
import numpy as np
from tracr.compiler import compiling, lib
from tracr.rasp import rasp

BOS = "bos"


def partners(modulus):
    return rasp.Select(rasp.tokens, rasp.tokens, lambda key, query: (key + query) % modulus == 0)


def programs(length, modulus):
    """RASP program and vocabulary of each function."""
    ones = rasp.numerical(rasp.Map(lambda _: 1, rasp.tokens))
    found = rasp.Aggregate(partners(modulus), ones, default=0) if modulus else None
    return {
        "match2": lambda: (rasp.numerical(found), range(modulus)),
        "match2, counted": lambda: (rasp.SelectorWidth(partners(modulus)) > 0, range(modulus)),
        "length": lambda: (lib.make_length(), range(2)),
        "reverse": lambda: (lib.make_reverse(rasp.tokens), range(2)),
        "sort": lambda: (lib.make_sort_unique(rasp.tokens, rasp.tokens), range(length)),
    }


def compiled(request):
    program, vocabulary = programs(request["length"], request["modulus"])[request["function"]]()
    return compiling.compile_rasp_to_model(
        program, vocab=set(vocabulary), max_seq_len=request["length"], compiler_bos=BOS
    )


def prepared(request):
    """Compile; size, seconds, and the decoded answers to all sequences, position by position without the first."""
    begin = time.process_time()
    model = compiled(request)
    took = time.process_time() - begin
    sequences = [[BOS, *sequence] for sequence in request["sequences"]]
    encoded = jnp.array([model.input_encoder.encode(sequence) for sequence in sequences])
    forward = jax.jit(lambda parameters, tokens: model.forward(parameters, tokens).unembedded_output)
    outputs = np.asarray(forward(model.params, encoded)).tolist()
    decode = model.output_encoder.decode if model.output_encoder else list
    reply = {
        "width": len(model.residual_labels),
        "layers": model.model_config.num_layers,
        "parameters": int(sum(part.size for layer in model.params.values() for part in layer.values())),
        "compile": took,
        "answers": [[float(x) for x in decode(row)[1:]] for row in outputs],
    }
    return reply, lambda: forward(model.params, encoded).block_until_ready()


def seconds(action):
    """Processor time of one call, repeated for at least 50 ms."""
    begin, calls = time.process_time(), 0
    while calls == 0 or time.process_time() - begin < 0.05:
        action()
        calls += 1
    return (time.process_time() - begin) / calls


def main():
    sys.setrecursionlimit(100_000)
    replies = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):  # whatever else is printed
        forward = None
        for line in sys.stdin:
            request = json.loads(line)
            if request.get("time"):
                reply = {"seconds": seconds(forward)}
            elif request.get("cap"):
                memory = request["cap"]
                resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
                reply = {}
            else:
                reply, forward = prepared(request)
            print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    main()

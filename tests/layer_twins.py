"""Layers written token by token from their equations, for tests of the fast forms: nothing but weights is shared.

`TWINS[name](layer, tokens)` gives the outputs of all tokens (batch, length, width).
"""

import torch


def affine(linear, x):
    return x @ linear.weight.T + (0 if linear.bias is None else linear.bias)


def heads_of(layer, x):
    """(batch, width) -> (batch, heads, width / heads)."""
    return x.reshape(len(x), layer.heads, -1)


def normed(layer, y):
    """y over its root mean square in each head, times the gain: (batch, heads, e) -> the same."""
    return y / (y.square().mean(-1, keepdim=True) + 1e-5).sqrt() * layer.norm.weight


def rows(layer, x, *names):
    """Each projection's image of a token, by head."""
    return [heads_of(layer, affine(getattr(layer, name), x)) for name in names]


def memory(layer, x):
    """Zeros, (batch, heads, d, e)."""
    return x.new_zeros(len(x), layer.heads, layer.key_width // layer.heads, layer.value_width // layer.heads)


def write(s, k, v):
    return s + k.unsqueeze(-1) * v.unsqueeze(-2)


def read(s, q):
    return (q.unsqueeze(-1) * s).sum(-2)


def linear(layer, tokens):
    s, z, outputs = memory(layer, tokens[:, 0]), 0, []
    for x in tokens.unbind(1):
        q, k, v = rows(layer, x, "query", "key", "value")
        if layer.feature == "elu":
            q, k = (torch.where(a > 0, a + 1, a.exp()) for a in (q, k))
        s, z = write(s, k, v), z + k
        y = read(s, q) / (q * z).sum(-1, keepdim=True) if layer.feature == "elu" else normed(layer, read(s, q))
        outputs.append(affine(layer.out, y.flatten(1)))
    return torch.stack(outputs, 1)


def retnet(layer, tokens):
    s, outputs = memory(layer, tokens[:, 0]), []
    c = tokens.new_tensor(layer.decays)[:, None, None]
    for x in tokens.unbind(1):
        q, k, v = rows(layer, x, "query", "key", "value")
        s = write(c * s, k, v)
        outputs.append(affine(layer.out, normed(layer, read(s, q)).flatten(1)))
    return torch.stack(outputs, 1)


def gated_linear(layer, tokens):
    s, outputs = memory(layer, tokens[:, 0]), []
    for x in tokens.unbind(1):
        q, k, v, a = rows(layer, x, "query", "key", "value", "decay")
        s = write(torch.sigmoid(a).pow(1 / 16).unsqueeze(-1) * s, k, v)
        outputs.append(affine(layer.out, normed(layer, read(s, q)).flatten(1)))
    return torch.stack(outputs, 1)


def delta(layer, tokens, steps=1, gated=False):
    s, outputs = memory(layer, tokens[:, 0]), []
    for x in tokens.unbind(1):
        (q,) = rows(layer, x, "query")
        images = [affine(getattr(layer, name), x) for name in ("key", "value", "strength")]
        if gated:
            s = torch.exp(-torch.log1p(affine(layer.decay, x).exp()))[..., None, None] * s
        for write_of in zip(*(image.chunk(steps, 1) for image in images), strict=True):
            k, v, b = (heads_of(layer, part) for part in write_of)
            k = k / k.square().sum(-1, keepdim=True).sqrt()
            b = layer.largest / (1 + torch.exp(-b))
            s = write(s, k, b * (v - read(s, k)))
        outputs.append(affine(layer.out, normed(layer, read(s, q)).flatten(1)))
    return torch.stack(outputs, 1)


def mlstm(layer, tokens):
    """As it stands, without a stabiliser: for moderate gates."""
    c, n, outputs = memory(layer, tokens[:, 0]), 0, []
    for x in tokens.unbind(1):
        q, k, v, i, f, o = rows(layer, x, "query", "key", "value", "input", "forget", "gate")
        k, i, f = k / k.shape[-1] ** 0.5, i.exp(), 1 / (1 + torch.exp(-f))
        c, n = write(f.unsqueeze(-1) * c, i * k, v), f * n + i * k
        h = read(c, q) / (q * n).sum(-1, keepdim=True).abs().clamp(min=1)
        outputs.append(affine(layer.out, (torch.sigmoid(o) * normed(layer, h)).flatten(1)))
    return torch.stack(outputs, 1)


def s4d(layer, tokens):
    a = torch.complex(-layer.log_rate.exp(), layer.frequency)
    decay = torch.exp(layer.log_step.exp().unsqueeze(1) * a)
    c = torch.complex(layer.c[..., 0], layer.c[..., 1]) * (decay - 1) / a
    h, outputs = torch.zeros_like(decay).expand(len(tokens), -1, -1), []
    for x in tokens.unbind(1):
        h = decay * h + x.unsqueeze(-1)
        outputs.append(affine(layer.out, 2 * (c * h).sum(-1).real + layer.skip * x))
    return torch.stack(outputs, 1)


def selective(layer, tokens):
    h, outputs = tokens.new_zeros(len(tokens), layer.width, layer.states), []
    for x in tokens.unbind(1):
        step, u = torch.log1p(affine(layer.step, x).exp()), affine(layer.input, x)
        decay = torch.exp(-step.unsqueeze(2) * layer.log_a.exp())
        h = (2 * decay - 1 if layer.signed else decay) * h + (step * u).unsqueeze(2) * affine(layer.b, x).unsqueeze(1)
        outputs.append(affine(layer.out, (h * affine(layer.c, x).unsqueeze(1)).sum(2) + layer.skip * u))
    return torch.stack(outputs, 1)


def min_gru(layer, tokens):
    h, outputs = 0, []
    for x in tokens.unbind(1):
        candidate, z = affine(layer.gates, x).chunk(2, 1)
        z = torch.sigmoid(z)
        h = (1 - z) * h + z * candidate
        outputs.append(h)
    return torch.stack(outputs, 1)


def min_lstm(layer, tokens):
    h, outputs = 0, []
    for x in tokens.unbind(1):
        candidate, f, i = affine(layer.gates, x).chunk(3, 1)
        f, i = torch.sigmoid(f), torch.sigmoid(i)
        h = (f * h + i * candidate) / (f + i)
        outputs.append(h)
    return torch.stack(outputs, 1)


def turned(x, position):
    """Rotary: pairs of coordinates i and i + half as complex numbers."""
    half = x.shape[-1] // 2
    angles = position * 10000.0 ** (-torch.arange(half, dtype=torch.float64) / half)
    z = torch.complex(x[..., :half], x[..., half:]) * torch.polar(torch.ones_like(angles), angles).to(
        x.dtype.to_complex()
    )
    return torch.cat([z.real, z.imag], -1)


def attention(layer, tokens, score=lambda head, distance: 0.0):
    """`score` of a head and a distance is added; tokens with -inf, and later ones, are not seen."""
    parts, outputs = [rows(layer, x, "query", "key", "value") for x in tokens.unbind(1)], []
    for t, (q, _, _) in enumerate(parts):
        heads = []
        for head in range(layer.heads):
            scores, values = [], []
            for s, (_, k, v) in enumerate(parts[: t + 1] if layer.causal else parts):
                one, other = q[:, head], k[:, head]
                if layer.rotary:
                    one, other = turned(one, t), turned(other, s)
                scores.append((one * other).sum(-1) / one.shape[-1] ** 0.5 + score(head, abs(t - s)))
                values.append(v[:, head])
            weights = torch.softmax(torch.stack(scores, 1), 1)
            heads.append((weights.unsqueeze(-1) * torch.stack(values, 1)).sum(1))
        outputs.append(affine(layer.out, torch.cat(heads, 1)))
    return torch.stack(outputs, 1)


def hard(layer):
    near = layer.heads // 2
    return lambda head, distance: -torch.inf if head < near and distance > head + 1 else 0.0


def convolved(layer, tokens):
    """The kernel's first row is of the token itself."""
    outputs = []
    for t in range(tokens.shape[1]):
        taps = [layer.kernel[j] * tokens[:, t - j] for j in range(min(layer.taps, t + 1))]
        outputs.append(sum(taps) + layer.bias)
    return torch.stack(outputs, 1)


TWINS = {
    "linear": linear,
    "retnet": retnet,
    "gated-linear": gated_linear,
    "delta-net": delta,
    "gated-delta-net": lambda layer, x: delta(layer, x, gated=True),
    "delta-product": lambda layer, x: delta(layer, x, steps=layer.steps),
    "mlstm": mlstm,
    "s4d": s4d,
    "selective": selective,
    "min-gru": min_gru,
    "min-lstm": min_lstm,
    "attention": attention,
    "window-attention": lambda layer, x: attention(
        layer, x, lambda head, distance: 0.0 if distance < layer.reach[head] else -torch.inf
    ),
    "alibi": lambda layer, x: attention(layer, x, lambda head, d: -d * 2.0 ** (-8 * (head + 1) / layer.heads)),
    "hard-alibi": lambda layer, x: attention(layer, x, hard(layer)),
}

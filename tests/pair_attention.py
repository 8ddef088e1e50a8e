"""What the tests of attention over pairs of positions share: the softmax over all pairs, and random inputs."""

import torch

MASKS = [(False, None), (True, None), (False, 2), (True, 1), (False, 0)]


def over_pairs(scores, value1, value2, causal=False, window=None):
    """softmax over the pairs (j, k) of scores (..., T, N, N) that the masks allow, then v1_j * v2_k."""
    rows, length = scores.shape[-3], scores.shape[-1]
    place = torch.arange(length)
    for row in range(rows):
        at = length - rows + row
        outside = torch.zeros(length, dtype=torch.bool)
        if causal:
            outside |= place > at
        if window is not None:
            outside |= (place - at).abs() > window
        scores[..., row, outside, :] = -torch.inf
        scores[..., row, :, outside] = -torch.inf
    weights = torch.softmax(scores.flatten(-2), dim=-1).view_as(scores)
    return torch.einsum("...ijk,...jc,...kc->...ic", weights, value1, value2)


def draw(rows, length, width, value_width, *leading, dtype=torch.float64, seed=0):
    source = torch.Generator().manual_seed(seed)
    shapes = [(rows, width), (length, width), (length, width), (length, value_width), (length, value_width)]
    tensors = [torch.randn(*leading, *shape, generator=source, dtype=torch.float64).to(dtype) for shape in shapes]
    return [tensor.requires_grad_() for tensor in tensors]


def assert_same_as(attention, formula, inputs, slack=1e-12, gradients_of=slice(None), **options):
    """Outputs and gradients are the formula's."""
    outputs, expected = attention(*inputs, **options), formula(*inputs, **options)
    assert outputs.shape == expected.shape
    assert outputs.dtype == inputs[0].dtype
    torch.testing.assert_close(outputs, expected, atol=slack, rtol=slack)
    direction = torch.randn_like(expected)
    found, wanted = (torch.autograd.grad(y, inputs[gradients_of], direction) for y in (outputs, expected))
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, atol=10 * slack, rtol=10 * slack)

"""Whether a layer is what it declares, measured on small random instances before anything is trained.

A network's answers after token t depend on the tokens before only through what its layers carry on. So the Jacobian of
all later outputs by the first t tokens has at most as many independent directions as numbers are carried: a rank above
the declared state refutes the declaration. A lower rank refutes nothing: declaring too much only weakens bounds.
"""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from assay.errors import AssayError, one_line
from assay.layers.common.short_conv import ShortConv
from assay.layers.layer import Layer

# Differences of outputs, relative, that are rounding; and singular values that are, as shares of the largest.
_EXACT, _ROUNDED = (1e-9, 1e-10), (1e-3, 1e-4)
_TOKENS = 8  # of the sequences that are looked at; some layers take multiples of 4 or 8 only
_OTHER_LENGTHS = (13, 24)  # that causality is measured at, where the layer takes them
_MOST_STATE = 512  # numbers of state up to which the rank of the Jacobian is computed


@dataclass(frozen=True)
class LayerFacts:
    """What was declared and what was measured of a layer.

    Attributes:
        name: of the layer.
        width: of the instance that was measured.
        causal: whether its outputs depend on no later token: as declared, or as measured where it is not declared.
        causality_declared: whether it was declared.
        tokens: of the prefix that the state is spoken of after.
        state: declared numbers of state there; None if it declares none.
        rank: independent directions of the prefix that later outputs see; None for a layer that looks ahead, or where
            that cannot be measured: the declared state is too large, or outputs change by jumps.
    """

    name: str
    width: int
    causal: bool
    causality_declared: bool
    tokens: int
    state: int | None
    rank: int | None

    @property
    def line(self) -> str:
        """One line for people."""
        how = "declared and measured" if self.causality_declared else "measured, not declared"
        said = [f"{'causal' if self.causal else 'looks ahead'} ({how})"]
        if self.causal:
            declared = "not declared" if self.state is None else f"{self.state} numbers declared"
            observed = "not measured" if self.rank is None else f"rank {self.rank} observed"
            said.append(f"state after {self.tokens} tokens at width {self.width}: {declared}, {observed}")
        return "; ".join(said)

    @property
    def how_to_declare(self) -> str:
        """How a layer that carries on a state and does not declare it can do so, and what its rank hints at."""
        if not self.causal or self.state is not None:
            return ""
        how = (
            "Declare it with a method state(tokens) that returns how many numbers it carries on (docs/how-to/layer.md)"
        )
        if not self.rank:
            return f"{how}."
        whole = ", all that there are" * (self.rank == self.tokens * self.width)
        return (
            f"{how}. A hint, and no declaration: at width {self.width} later outputs depend on {self.rank} independent "
            f"directions of {self.tokens} tokens{whole}, so it carries on at least {self.rank} numbers there."
        )


def check_layer(make: Callable[[int], Layer], name: str, *, width: int = 6) -> LayerFacts:
    """Hold a layer against what it declares. `make(width)` makes one; about a second.

    Raises:
        AssayError: it has complex parameters; gives outputs of another shape, or outputs or gradients that are not
            finite; changes between calls, mixes the examples of a batch, looks ahead though it declares that it does
            not, declares fewer numbers of state than later outputs see of a prefix, or gives with `run` another result
            in two halves than in one. One line, which begins with `name`.
        Exception: whatever the layer itself raises.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer = make(width)
        for parameter, values in layer.named_parameters():
            if values.is_complex():
                raise AssayError(
                    f"{name} has a parameter {parameter.removeprefix('module.')} of {values.dtype}; only real ones are "
                    "trained: keep both of its parts in one, and put them together with torch.view_as_complex"
                )
        return _Measured(layer, name, width).facts()


def is_causal(layer: Layer, width: int) -> bool:
    """Whether outputs of the layer depend on no later token: as it declares, else measured on a copy."""
    if layer.causal is not None:
        return layer.causal
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return not _Measured(layer, type(layer).__name__, width).looks_ahead()


def declared_state(layer: Layer, tokens: int, name: str = "") -> int | None:
    """What a layer says that it carries on after so many tokens.

    Raises:
        AssayError: it raises, or says what is no number of numbers.
    """
    said, name = None, name or type(layer).__name__
    try:
        said = layer.state(tokens)
        number = None if said is None else operator.index(said)
    except AssayError:
        raise
    except Exception as error:  # whatever a user's layer does
        raise AssayError(one_line(f"{name}.state({tokens}) fails: {type(error).__name__}: {error}")) from error
    if number is not None and number < 0:
        raise AssayError(f"{name}.state({tokens}) = {said!r} is not allowed; it must be an integer of at least 0")
    return number


def hands_on_state(layer: Layer) -> bool:
    """Whether the layer has `run`; a short convolution has it if the layer behind it does."""
    return hands_on_state(layer.layer) if isinstance(layer, ShortConv) else type(layer).run is not Layer.run


class _Measured:
    """A copy of a layer whose weights are all a little away from where they start, as many start at 0."""

    def __init__(self, layer: Layer, name: str, width: int) -> None:
        self.name, self.width, self.dtype = name, width, torch.float64
        self.layer = self._moved(layer)
        try:
            self.layer(self._tokens(_TOKENS), _TOKENS)
        except Exception:  # tables of another dtype, a kernel for float32
            self.dtype = torch.float32
            self.layer = self._moved(layer)
        rounded = self.dtype == torch.float32 or not self._is_smooth()
        self.same, self.clear = _ROUNDED if rounded else _EXACT

    def facts(self) -> LayerFacts:
        tokens = self._tokens(_TOKENS)
        outputs = self.layer(tokens, _TOKENS)
        self._require_function(tokens, outputs)
        ahead, declared = self.looks_ahead(), self.layer.causal
        if declared and ahead:
            raise AssayError(f"{self.name} declares that it is causal, but its outputs change when later tokens do")
        if ahead:
            if self._state(_TOKENS) is not None:
                raise AssayError(
                    f"{self.name} declares a state, but its outputs change when later tokens do: it has none"
                )
            return LayerFacts(self.name, self.width, False, declared is not None, 0, None, None)
        prefix, state = self._prefix()
        facts = LayerFacts(self.name, self.width, True, declared is not None, prefix, state, None)
        self._require_equal_halves()
        if state is not None and state > _MOST_STATE:
            return facts
        rank = self._rank(prefix)
        if rank == 0 and self._changes_with(prefix):
            return facts
        if state is not None and rank > state:
            raise AssayError(
                f"{self.name} declares {state} numbers of state after {prefix} tokens at width {self.width}, but later "
                f"outputs depend on {rank} independent directions of these tokens"
            )
        return replace(facts, rank=rank)

    def looks_ahead(self) -> bool:
        """Whether any output changes when tokens after it do."""
        return any(self._looks_ahead(length) for length in (_TOKENS, *_OTHER_LENGTHS))

    def _looks_ahead(self, length: int) -> bool:
        tokens = self._tokens(length)
        try:
            before = self.layer(tokens, length)
            for cut in range(1, length):
                changed = torch.cat([tokens[:, :cut], torch.randn_like(tokens[:, cut:])], dim=1)
                if self._differ(self.layer(changed, length)[:, :cut], before[:, :cut]):
                    return True
        except Exception:
            if length == _TOKENS:
                raise
        return False

    def _require_function(self, tokens: Tensor, outputs: Tensor) -> None:
        """Outputs are of the right shape, finite, the same at every call, and each example's own."""
        if outputs.shape != tokens.shape:
            raise AssayError(
                f"{self.name} gives outputs of shape {tuple(outputs.shape)} for tokens of {tuple(tokens.shape)}"
            )
        if not bool(outputs.isfinite().all()):
            raise AssayError(f"{self.name} gives outputs that are not finite for finite tokens")
        as_trained = copy.deepcopy(self.layer).float()
        for layer, shown in ((self.layer, tokens), (as_trained, tokens.float())):
            one, other = layer(shown, _TOKENS), layer(shown, _TOKENS)
            if not torch.equal(one, other):
                raise AssayError(
                    f"{self.name} changes between calls: the same tokens gave outputs that differ by "
                    f"{(one - other).abs().max().item():.2g}"
                )
        trained = self._trained(as_trained, tokens.float())
        if not all(bool(gradient.isfinite().all()) for gradient in trained):
            raise AssayError(f"{self.name} gives gradients that are not finite for finite tokens")
        if self._differ(self.layer(tokens[:1], _TOKENS), outputs[:1]):
            raise AssayError(f"{self.name} mixes the examples of a batch: one alone has other outputs")
        if self._differ(self.layer(tokens, 3), outputs[:, -3:]):
            raise AssayError(f"{self.name} gives other outputs where only the last tokens' are asked for")

    def _trained(self, layer: Layer, tokens: Tensor) -> list[Tensor]:
        """Gradients of a sum of squares by the tokens and by all weights that it depends on."""
        shown = tokens.clone().requires_grad_()
        weights = [shown, *(weight for weight in layer.parameters() if weight.requires_grad)]
        loss = layer(shown, _TOKENS).square().sum()
        if not loss.requires_grad:
            return []
        return [gradient for gradient in torch.autograd.grad(loss, weights, allow_unused=True) if gradient is not None]

    def _prefix(self) -> tuple[int, int | None]:
        """Tokens of a prefix with more numbers than the state declared after them, where there is such a prefix."""
        for tokens in range(2, 2 + 2 * _MOST_STATE // self.width):
            declared = self._state(tokens)
            if declared is None:
                return _TOKENS, None
            if tokens * self.width > declared + self.width or declared > _MOST_STATE:
                return tokens, declared
        return _TOKENS, self._state(_TOKENS)

    def _rank(self, prefix: int) -> int:
        """Independent directions of the prefix that as many later tokens' outputs see, at a random point."""
        first, later = self._tokens(prefix)[:1], self._later(prefix)[:1]

        def outputs(tokens: Tensor) -> Tensor:
            return self.layer(torch.cat([tokens, later], dim=1), later.shape[1])

        jacobian = torch.autograd.functional.jacobian(outputs, first, vectorize=False)
        singular = torch.linalg.svdvals(jacobian.reshape(-1, prefix * self.width).double())
        return int((singular > self.clear * singular.max()).sum()) if bool(singular.max() > 0) else 0

    def _changes_with(self, prefix: int) -> bool:
        later = self._later(prefix)
        one, other = (self.layer(torch.cat([self._tokens(prefix), later], dim=1), later.shape[1]) for _ in range(2))
        return self._differ(one, other)

    def _require_equal_halves(self) -> None:
        """Where the layer hands on its state: the second half from the first half's state equals the whole's."""
        if not hands_on_state(self.layer):
            return
        tokens = self._tokens(2 * _TOKENS)
        whole = self.layer(tokens, _TOKENS)
        _, state = self.layer.run(tokens[:, :_TOKENS])
        second, _ = self.layer.run(tokens[:, _TOKENS:], state)
        declared = self._state(_TOKENS)
        if declared is not None and state.shape[1] != declared:
            raise AssayError(
                f"{self.name}.run hands on {state.shape[1]} numbers after {_TOKENS} tokens, not the {declared} that it "
                "declares"
            )
        if self._differ(second, whole):
            raise AssayError(f"{self.name}.run gives other outputs in two halves than in one")

    def _is_smooth(self) -> bool:
        """Whether outputs move in proportion as tokens do by a billionth: not so if it computes in float32 inside."""
        tokens = self._tokens(_TOKENS)
        step = torch.randn_like(tokens)
        before = self.layer(tokens, _TOKENS)
        far, near = ((self.layer(tokens + size * step, _TOKENS) - before) / size for size in (1e-6, 1e-9))
        return bool((far - near).norm() <= 1e-2 * far.norm())

    def _moved(self, layer: Layer) -> Layer:
        moved = copy.deepcopy(layer).to(self.dtype).eval()
        with torch.no_grad():
            for parameter in moved.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
        return moved

    def _tokens(self, length: int) -> Tensor:
        return torch.randn(2, length, self.width, dtype=self.dtype)

    def _later(self, prefix: int) -> Tensor:
        """More tokens than the prefix has; in all a multiple of 8."""
        return self._tokens(-(-2 * (prefix + 1) // _TOKENS) * _TOKENS - prefix)

    def _differ(self, one: Tensor, other: Tensor) -> bool:
        return not bool((one - other).abs().max() <= self.same * other.abs().max().clamp(min=1.0))

    def _state(self, tokens: int) -> int | None:
        return declared_state(self.layer, tokens, self.name)

"""Layers that cannot be placed, each for one reason, and one that can."""

import time

import torch
from torch import nn


class Mean(nn.Module):
    """Running means."""

    causal = True

    def __init__(self, width):
        super().__init__()
        self.enter, self.leave = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x):
        counts = torch.arange(1, x.shape[1] + 1, device=x.device).unsqueeze(1)
        return self.leave(self.enter(x).cumsum(dim=1) / counts)

    def state(self, tokens):
        return self.enter.out_features + 1


class Talker(Mean):
    def forward(self, x):
        print("a layer that talks")
        return super().forward(x)


class Silent(Mean):
    """Declares no state."""

    def state(self, tokens):
        return None


class OneNumber(Mean):
    """Declares less than it carries on, which only a measurement finds."""

    def state(self, tokens):
        return 1


class Ahead(Mean):
    def forward(self, x):
        return super().forward(x.flip(1))


class TooLittle(Mean):
    def state(self, tokens):
        return 2


class NoGradient(Mean):
    def forward(self, x):
        return super().forward(x) + 0 * (x - x).abs().sqrt()


class Narrow(Mean):
    def forward(self, x):
        return super().forward(x)[:, :, :-1]


class Moody(Mean):
    def forward(self, x):
        return super().forward(x) + torch.rand(())


class Slow(Mean):
    def forward(self, x):
        time.sleep(0.6)
        return super().forward(x)


class OtherDevice(Mean):
    def forward(self, x):
        raise RuntimeError("selective_scan_cuda needs a GPU")


class Whole(Mean):
    """With a residual of its own."""

    block = True

    def forward(self, x):
        return x + super().forward(x)

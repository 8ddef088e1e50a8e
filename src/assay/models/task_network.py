"""A network that learns and the task that it is called on."""

from __future__ import annotations

from torch import Tensor, nn

from assay.models.backbone import Backbone
from assay.models.network import Network
from assay.resources import Resources
from assay.sizes import Size
from assay.tasks.task import AnyInputs, Task


class TaskNetwork(nn.Module):
    """`network`, which knows no task, called on the inputs of `task`: what trains and examines networks takes it so.

    The task may have another length than the network's spec, where the network takes other lengths.

    >>> from assay import SparseAveraging
    >>> from assay.models import make_network
    >>> task = SparseAveraging(length=8, sparsity=2, layout="last")
    >>> make_network("attention", task, width=6, seed=0)(task.sample(3, seed=0).inputs).shape
    torch.Size([3, 1, 1])
    """

    def __init__(self, task: Task, network: Network) -> None:
        super().__init__()
        self.task, self.network = task, network

    @property
    def family(self) -> str:
        """Whose colour the network has in charts."""
        return self.network.family

    @property
    def size(self) -> Size:
        """That the network declares."""
        return self.network.size

    @property
    def resources(self) -> Resources:
        """That the network declares at its spec's length."""
        return self.network.resources

    def forward(self, inputs: AnyInputs) -> Tensor:
        """Outputs at the query positions: (batch, queries, *output shape of the answer)."""
        return self.network(self.task.encode(inputs), self.task.spec.queries)


class TaskBackbone(TaskNetwork):
    """The same of a backbone, in two halves: what each token knows by itself, and the rest."""

    network: Backbone

    @property
    def passes(self) -> int:
        """How often the sequence is shown."""
        return self.network.passes

    def embedded(self, inputs: AnyInputs) -> Tensor:
        """Tokens as the first block sees them: (batch, positions, width)."""
        return self.network.embedded(self.task.encode(inputs))

    def answers(self, embedded: Tensor) -> Tensor:
        """Outputs at the query positions, from embedded tokens."""
        return self.network.answers(embedded, self.task.spec.queries)

    def attention(self, inputs: AnyInputs) -> Tensor:
        """Attention map of the query positions in the last block: (batch, heads, queries, positions)."""
        return self.network.attention(self.task.encode(inputs))


def joined(task: Task, network: Network) -> TaskNetwork:
    """The network on the task."""
    return TaskBackbone(task, network) if isinstance(network, Backbone) else TaskNetwork(task, network)

"""The networks of one experiment, batched or in a loop, behind one face."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mlp_code.batched import BatchedDagMlp
from mlp_code.config import MlpConfig
from mlp_code.model import DagMlp, MlpShape


class DagMlpLoop(nn.Module):
    """Members, used as they are, one after the other; the interface of `BatchedDagMlp`."""

    def __init__(self, members: Sequence[DagMlp]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def __len__(self) -> int:
        return len(self.members)

    def forward(self, x: Tensor) -> Tensor:
        """[members, batch, in_features] -> logits [members, batch, num_classes]."""
        return torch.stack([member(part) for member, part in zip(self.members, x)])

    def member_state(self, member: int) -> dict[str, Tensor]:
        """State dict of one member; the tensors are copies."""
        return copy.deepcopy(self.members[member].state_dict())


def mlp_shape(config: MlpConfig, in_features: int, num_classes: int) -> MlpShape:
    """Sizes of the config's networks on a dataset."""
    keys = ("bias", "batch_norm", "parameterization", "init")
    more = {key: getattr(config, key) for key in keys}
    return MlpShape(in_features, config.width, num_classes, **more)


def build_members(
    config: MlpConfig, shape: MlpShape, device: torch.device
) -> BatchedDagMlp | DagMlpLoop:
    """One network per DAG and seed; a seed gives all DAGs the same stem."""
    members = [
        DagMlp(config.dags[name], shape, torch.Generator().manual_seed(seed))
        for name, seed in config.labels
    ]
    same_nodes = len({member.dag.num_nodes for member in members}) == 1
    plain = device.type == "cpu" and (config.width > 128 or len(members) == 1)
    loop = config.batched == "never" or (config.batched == "auto" and plain)
    joined = DagMlpLoop(members) if loop or not same_nodes else BatchedDagMlp(members)
    return joined.to(device)

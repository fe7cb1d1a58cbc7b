"""The plain WOT score: the network as modules, a hook on every ReLU, two products per ReLU.

As the published procedure does, a backward pass comes first, and the codes are taken in a
second forward pass. Oracle and yardstick.
"""

import numpy as np
from torch import Tensor, nn


def plain_wot_score(network: nn.Module, images: Tensor) -> tuple[float, np.ndarray]:
    """(log|det K|, K [n, n]) of a network in train mode on images [n, c, h, w]."""
    K = np.zeros((len(images), len(images)))

    def count(_module: nn.Module, inputs: tuple[Tensor, ...], _output: Tensor) -> None:
        x = inputs[0].reshape(len(images), -1)
        active = (x > 0).float()
        K_active = active @ active.t()
        K_inactive = (1.0 - active) @ (1.0 - active.t())
        K.__iadd__((K_active + K_inactive).cpu().numpy())

    network.train()
    x = images.clone().requires_grad_(True)
    network(x).backward(images.new_ones(len(images), 1))
    handles = [
        module.register_forward_hook(count)
        for module in network.modules()
        if isinstance(module, nn.ReLU)
    ]
    network(images)
    for handle in handles:
        handle.remove()
    return float(np.linalg.slogdet(K)[1]), K

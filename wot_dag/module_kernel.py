"""WOT's kernel of any network of modules, by hooks on its ReLUs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from wot_dag.kernel import CodeKernel


@torch.inference_mode()
def module_kernel(network: nn.Module, images: Tensor) -> Tensor:
    """K [n, n], float64, of a network in train mode on images [n, c, h, w]; forward pass only.

    Raises:
        ValueError: the network has no nn.ReLU.
    """
    kernel = CodeKernel(len(images), images.device)
    counted = 0

    def count(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal counted
        counted += 1
        channels_last = output.dim() == 4 and not output.is_contiguous()
        kernel.add(output.permute(0, 2, 3, 1) if channels_last else output)

    relus = [module for module in network.modules() if isinstance(module, nn.ReLU)]
    handles = [module.register_forward_hook(count) for module in relus]
    try:
        network.train()(images)
    finally:
        for handle in handles:
            handle.remove()
    if not counted:
        raise ValueError("WOT needs a network with nn.ReLU modules, found none")
    return kernel.matrix()

"""Outputs of a network's modules, seen as they are computed; networks that cannot be scored."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from wot_dag.kernel import CodeKernel
from wot_dag.store import ScoreError


def logits(network: nn.Module, images: Tensor) -> Tensor:
    """What the network makes of images [n, c, h, w].

    Raises:
        ScoreError: it cannot take them, or returns something else than a tensor.
    """
    try:
        found = network(images)
    except RuntimeError as error:
        why = (str(error).splitlines() or ["no reason given"])[0]
        shape = "x".join(map(str, images.shape[1:]))
        raise ScoreError(
            f"found images of {shape}, which the network does not take ({why}): expected those "
            f"that it was made for"
        ) from error
    if not isinstance(found, Tensor):
        raise ScoreError(
            f"the network returned {type(found).__name__}, expected one tensor of logits: "
            f"wrap it in a module that returns that alone"
        )
    return found


def watch(
    network: nn.Module,
    images: Tensor,
    kinds: type | tuple[type, ...],
    see: Callable[[Tensor], None],
) -> None:
    """Runs a network in train mode and hands each output of modules of some kinds to `see`.

    A module that is called twice is seen twice; functions such as F.relu are not seen.

    Raises:
        ScoreError: nothing was seen, or as `logits`.
    """
    seen = 0

    def hook(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal seen
        seen += 1
        see(output)

    chosen = [module for module in network.modules() if isinstance(module, kinds)]
    handles = [module.register_forward_hook(hook) for module in chosen]
    try:
        if chosen:
            logits(network.train(), images)
    finally:
        for handle in handles:
            handle.remove()
    if not seen:
        names = kinds if isinstance(kinds, tuple) else (kinds,)
        wanted = " or ".join(f"nn.{kind.__name__}" for kind in names)
        raise ScoreError(f"found no {wanted} among the network's modules, expected at least one")


@torch.inference_mode()
def module_kernel(network: nn.Module, images: Tensor) -> Tensor:
    """WOT's K [n, n], float64, of any network on images [n, c, h, w]; forward pass only.

    Raises:
        ScoreError: as `watch`, of nn.ReLU.
    """
    kernel = CodeKernel(len(images), images.device)

    def count(output: Tensor) -> None:
        channels_last = output.dim() == 4 and not output.is_contiguous()
        kernel.add(output.permute(0, 2, 3, 1) if channels_last else output)

    watch(network, images, nn.ReLU, count)
    return kernel.matrix()

"""Convolution and BatchNorm as one function whose reverse pass takes many cotangents at once.

The NTK of n images needs n reverse passes over one forward pass. `torch.func.vmap` over the
backward of PyTorch's own layers turns each weight gradient into a grouped convolution and streams
every BatchNorm's statistics; here they are matrix products with what the cotangents share.

With z = K * x, s = 1 / std(z), xhat = s (z - mean(z)), y = gamma xhat + beta, m values per channel
and G the cotangent of y, G enters only by three quantities: the sums S0 = sum G, the correlations
A = sum G P with the centred patches P of x, and the transposed convolution K' * G:

    S1 = sum G xhat = s <A, K>            d gamma = S1,  d beta = S0
    dK = gamma s (A - S1 / m sum xhat P)
    dx = K' * (gamma s G) - gamma s (S0 / m  K' * 1 + S1 / m  K' * xhat)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EPS = 1e-5  # PyTorch's BatchNorm


class Step(NamedTuple):
    """How the window of a convolution moves."""

    stride: int = 1
    padding: int = 0


class _Kept(NamedTuple):
    """What one forward pass leaves for its reverse passes."""

    x: Tensor
    weight: Tensor
    gamma: Tensor
    z: Tensor
    mean: Tensor
    scale: Tensor  # 1 / std


def conv_bn(x: Tensor, weight: Tensor, gamma: Tensor, beta: Tensor, step: Step) -> Tensor:
    """BatchNorm with batch statistics of a convolution without bias: [n, c_out, h', w'].

    Args:
        x: [n, c_in, h, w].
        weight: [c_out, c_in, k, k].
        gamma: scales [c_out].
        beta: shifts [c_out].
        step: stride and padding of the convolution.
    """
    return _ConvBn.apply(x, weight, gamma, beta, step)[0]


class ConvBn(nn.Sequential):
    """Layers that end in a convolution without bias and a BatchNorm; these two run as one."""

    def forward(self, x: Tensor) -> Tensor:
        """[n, c_in, h, w] to [n, c_out, h', w']."""
        *before, conv, bn = self
        for layer in before:
            x = layer(x)
        step = Step(conv.stride[0], conv.padding[0])
        return conv_bn(x, conv.weight, bn.weight, bn.bias, step)


def fuse_conv_bn_(module: nn.Module) -> None:
    """Replaces every nn.Sequential that ends in convolution and BatchNorm by a ConvBn."""
    for name, child in module.named_children():
        kinds = [type(layer) for layer in child][-2:] if type(child) is nn.Sequential else []
        if kinds == [nn.Conv2d, nn.BatchNorm2d]:
            setattr(module, name, ConvBn(*child))
        else:
            fuse_conv_bn_(child)


class _ConvBn(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(
        x: Tensor, weight: Tensor, gamma: Tensor, beta: Tensor, step: Step
    ) -> tuple[Tensor, ...]:
        z = F.conv2d(x, weight, None, *step)
        # var_mean sums pairwise; batch_norm in channels-last order loses two digits of float32
        variance, mean = torch.var_mean(z, dim=(0, 2, 3), correction=0)
        scale = (variance + EPS).rsqrt()
        columns = (z - mean[:, None, None]) * (gamma * scale)[:, None, None]
        return columns + beta[:, None, None], mean, scale, z

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: tuple) -> None:
        x, weight, gamma, _, ctx.step = inputs
        _, mean, scale, z = output
        ctx.mark_non_differentiable(mean, scale, z)
        ctx.save_for_backward(x, weight, gamma, z, mean, scale)
        ctx.set_materialize_grads(False)  # mean, scale and z come back as None, not as zeros
        ctx.shared = _Lazy()

    @staticmethod
    def backward(ctx: Any, grad: Tensor | None, *_: None) -> tuple[Tensor | None, ...]:
        if grad is None:
            return (None,) * 5
        call = _Call(ctx.step, ctx.needs_input_grad[0], ctx.shared)
        grads = _ConvBnBackward.apply(grad, *ctx.saved_tensors, call)
        return (grads[0] if call.needs_x else None, *grads[1:], None)


class _ConvBnBackward(torch.autograd.Function):
    """The reverse pass; under vmap the cotangents come as one tensor [B, n, c_out, h', w']."""

    @staticmethod
    def forward(grad: Tensor, *args: Any) -> tuple[Tensor, ...]:
        *saved, call = args
        return tuple(g[0] for g in _reverse(grad[None], _Kept(*saved), call))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: tuple) -> None:
        pass

    @staticmethod
    def vmap(info: Any, in_dims: tuple, grad: Tensor, *args: Any) -> tuple:
        *saved, call = args
        if any(dim is not None for dim in in_dims[1:-1]):
            raise NotImplementedError("reverse passes for a batch of weights share nothing")
        grads = _reverse(grad.movedim(in_dims[0], 0), _Kept(*saved), call)
        return grads, (0,) * len(grads)


class _Shared(NamedTuple):
    """Of one forward pass, for all cotangents. o outputs, q patch entries, m pixels."""

    patches: Tensor  # centred [q, m]
    weight: Tensor  # [o, q]
    xhat_patches: Tensor  # sum xhat P / m [o, q]
    xhat_maps: Tensor | None  # K' * xhat per channel [o, elements of x]
    one_maps: Tensor | None  # K' * 1 per channel [o, elements of one image]


class _Lazy:
    """Holds what all cotangents share once the first reverse pass has made it."""

    value: _Shared | None = None


class _Call:
    """A reverse pass' arguments that are no tensors; a plain class, so that vmap hands it on."""

    def __init__(self, step: Step, needs_x: bool, shared: _Lazy) -> None:
        self.step, self.needs_x, self.shared = step, needs_x, shared


def _share(f: _Kept, step: Step, needs_x: bool) -> _Shared:
    patches = _patches(f.x, len(f.weight[0, 0]), step)
    # z - mean(z) = K * (P - mean(P)): centred once here, no cotangent needs the mean of z again
    patches = patches - patches.mean(dim=1, keepdim=True)
    xhat = (f.z - f.mean[:, None, None]) * f.scale[:, None, None]
    xhat_patches = xhat.transpose(0, 1).flatten(1) @ patches.T / patches.shape[1]
    weight = f.weight.flatten(1)
    if not needs_x:
        return _Shared(patches, weight, xhat_patches, None, None)
    maps = (_channel_maps(values, f, step) for values in (xhat, torch.ones_like(xhat[:1])))
    return _Shared(patches, weight, xhat_patches, *maps)


def _patches(x: Tensor, kernel: int, step: Step) -> Tensor:
    """[c_in k k, n h' w'], the pixels in the order of [n, h', w']."""
    padded = F.pad(x, (step.padding,) * 4)
    windows = padded.unfold(2, kernel, step.stride).unfold(3, kernel, step.stride)
    return windows.permute(1, 4, 5, 0, 2, 3).flatten(3).flatten(0, 2)


def _transposed(grad: Tensor, weight: Tensor, size: torch.Size, step: Step, groups: int) -> Tensor:
    """K' * grad: the gradient of a convolution with respect to its input of `size`."""
    reach = weight.shape[-1] - 2 * step.padding
    # border pixels that the stride left unread belong to the input all the same
    extra = tuple(s - (g - 1) * step.stride - reach for s, g in zip(size[2:], grad.shape[2:]))
    return F.conv_transpose2d(grad, weight, None, *step, extra, groups)


def _channel_maps(values: Tensor, f: _Kept, step: Step) -> Tensor:
    """K' applied to each channel of values [n, o, h', w'] on its own [o, elements of x]."""
    # a group for each output channel keeps the maps apart that a plain convolution would add up
    image = _transposed(values, f.weight, f.x.shape, step, groups=len(f.weight))
    return image.unflatten(1, f.weight.shape[:2]).permute(1, 0, 3, 4, 2).flatten(1)


def _reverse(grad: Tensor, f: _Kept, call: _Call) -> tuple[Tensor, ...]:
    """(dx or an empty tensor, dK, dgamma, dbeta) for cotangents grad [B, n, o, h', w']."""
    if call.shared.value is None:
        call.shared.value = _share(f, call.step, call.needs_x)
    shared = call.shared.value
    # pixels as rows: sums over them are matrix products for all cotangents at once
    grad = grad.permute(0, 1, 3, 4, 2).contiguous()  # [B, n, h', w', o]
    flat = grad.flatten(1, 3)
    sums, correlations = flat.sum(dim=1), (shared.patches @ flat).transpose(1, 2)  # [B, o, q]
    xhat_sums = f.scale * (correlations * shared.weight).sum(dim=2)  # [B, o]
    a = f.gamma * f.scale
    dweight = a[:, None] * (correlations - xhat_sums[..., None] * shared.xhat_patches)
    dx = grad.new_empty(len(grad), 0)
    if call.needs_x:
        dx = _input_gradient(grad, f, a, call.step)
        # What the variance and the mean hand back are two fixed maps per channel, made once per
        # forward pass: every cotangent only scales them, where autograd would convolve anew.
        dx.addmm_(xhat_sums * a, shared.xhat_maps, alpha=-1 / flat.shape[1])
        means = (sums * a) @ shared.one_maps / flat.shape[1]
        n, c, h, w = f.x.shape  # K' * 1 is alike for all n images: one image's map is kept
        dx = dx.view(-1, n, h * w * c).sub_(means[:, None]).view(-1, n, h, w, c)
        dx = dx.permute(0, 1, 4, 2, 3)
    return dx, dweight.reshape(-1, *f.weight.shape), xhat_sums, sums


def _input_gradient(grad: Tensor, f: _Kept, a: Tensor, step: Step) -> Tensor:
    """K' * (a G) [B, elements of x]."""
    columns = grad.flatten(0, 1).permute(0, 3, 1, 2)
    size = torch.Size((len(columns), *f.x.shape[1:]))
    dx = _transposed(columns, f.weight * a[:, None, None, None], size, step, groups=1)
    return dx.permute(0, 2, 3, 1).contiguous().view(len(grad), -1)

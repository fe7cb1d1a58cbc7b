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

Rows of K whose results are added up share G: one correlation and one transposed convolution, by
sum_r gamma_r s_r K_r, serve them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_EPS = 1e-5  # PyTorch's BatchNorm


class ConvShape(NamedTuple):
    """What a convolution does beside its weight [c_out, c_in / groups, k, k]."""

    stride: int = 1
    padding: int = 0
    dilation: int = 1
    groups: int = 1


class _Kept(NamedTuple):
    """What one forward pass leaves for its reverse passes."""

    x: Tensor
    weight: Tensor
    gamma: Tensor
    z: Tensor
    mean: Tensor
    scale: Tensor  # 1 / std


def conv_bn(
    x: Tensor,
    weight: Tensor,
    gamma: Tensor,
    beta: Tensor,
    shape: ConvShape,
    targets: tuple[int, ...] | None = None,
) -> Tensor:
    """BatchNorm with batch statistics of a convolution without bias: [n, c_out, h', w'].

    Args:
        x: [n, c_in, h, w].
        weight: [c_out, c_in / groups, k, k].
        gamma: scales [c_out].
        beta: shifts [c_out].
        shape: stride, padding, dilation and groups of the convolution.
        targets: channel of the result that each of the c_out rows is added to, none left out;
            with one group only. Each row is a channel of its own by default.
    """
    return _Forward.apply(x, weight, gamma, beta, shape, targets)[0]


class ConvBn(nn.Sequential):
    """Layers that end in a convolution without bias and a BatchNorm; these two run as one."""

    def forward(self, x: Tensor) -> Tensor:
        """[n, c_in, h, w] to [n, c_out, h', w']."""
        *before, conv, bn = self
        for layer in before:
            x = layer(x)
        shape = ConvShape(conv.stride[0], conv.padding[0], conv.dilation[0], conv.groups)
        return conv_bn(x, conv.weight, bn.weight, bn.bias, shape)


def fuse_conv_bn_(module: nn.Module) -> None:
    """Replaces every nn.Sequential that ends in convolution and BatchNorm by a ConvBn."""
    for name, child in module.named_children():
        kinds = [type(layer) for layer in child][-2:] if type(child) is nn.Sequential else []
        if kinds == [nn.Conv2d, nn.BatchNorm2d]:
            setattr(module, name, ConvBn(*child))
        else:
            fuse_conv_bn_(child)


class _Forward(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(
        x: Tensor,
        weight: Tensor,
        gamma: Tensor,
        beta: Tensor,
        shape: ConvShape,
        targets: tuple[int, ...] | None,
    ) -> tuple[Tensor, ...]:
        z = F.conv2d(x, weight, None, *shape)
        # var_mean sums pairwise; batch_norm in channels-last order loses two digits of float32
        variance, mean = torch.var_mean(z, dim=(0, 2, 3), correction=0)
        scale = (variance + _EPS).rsqrt()
        columns = (z - mean[:, None, None]) * (gamma * scale)[:, None, None]
        y = columns + beta[:, None, None]
        if targets is not None:  # channels last, as everything else on this way
            y = _add_rows(y.movedim(1, -1), targets, 3).movedim(-1, 1)
        return y, mean, scale, z

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: tuple) -> None:
        x, weight, gamma, _, ctx.shape, ctx.targets = inputs
        _, mean, scale, z = output
        ctx.mark_non_differentiable(mean, scale, z)
        ctx.save_for_backward(x, weight, gamma, z, mean, scale)
        ctx.set_materialize_grads(False)  # mean, scale and z come back as None, not as zeros
        ctx.shared = _Lazy()

    @staticmethod
    def backward(ctx: Any, grad: Tensor | None, *_: None) -> tuple[Tensor | None, ...]:
        if grad is None:
            return (None,) * 6
        saved = _Kept(*ctx.saved_tensors)
        call = _Call(ctx.shape, ctx.targets, ctx.needs_input_grad[0], ctx.shared)
        grads = _Backward.apply(grad, *saved, call)
        return (grads[0] if call.needs_x else None, *grads[1:], None, None)


class _Backward(torch.autograd.Function):
    """The reverse pass; under vmap the cotangents come as one tensor [B, n, c_out, h', w']."""

    @staticmethod
    def forward(grad: Tensor, *args: Any) -> tuple[Tensor, ...]:
        *saved, call = args
        return tuple(g[0] for g in _reverse(grad[None], _Kept(*saved), call))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: tuple) -> None:
        pass

    @staticmethod
    def vmap(_info: Any, in_dims: tuple, grad: Tensor, *args: Any) -> tuple:
        *saved, call = args
        if any(dim is not None for dim in in_dims[1:-1]):
            raise NotImplementedError("conv_bn: reverse passes of batches of weights, not of one")
        grads = _reverse(grad.movedim(in_dims[0], 0), _Kept(*saved), call)
        return grads, (0,) * len(grads)


def _add_rows(values: Tensor, targets: Sequence[int], dim: int) -> Tensor:
    """Sums of the rows along `dim` that have the same target."""
    shape = list(values.shape)
    shape[dim] = max(targets) + 1
    index = torch.tensor(targets, device=values.device)
    return values.new_zeros(shape).index_add(dim, index, values)


class _Shared(NamedTuple):
    """Of one forward pass, for all cotangents. g groups of o outputs and q patch entries."""

    patches: Tensor  # centred [g, q, m]
    weight: Tensor  # [g, o, q]
    xhat_patches: Tensor  # sum xhat P / m [g, o, q]
    xhat_maps: Tensor | None  # K' * xhat per channel [c_out, elements of x]
    one_maps: Tensor | None  # K' * 1 per channel [c_out, elements of one image]


class _Lazy:
    """Holds what all cotangents share once the first reverse pass has made it."""

    value: _Shared | None = None


class _Call:
    """A reverse pass' arguments that are no tensors; a plain class, so that vmap hands it on."""

    def __init__(
        self, shape: ConvShape, targets: tuple[int, ...] | None, needs_x: bool, shared: _Lazy
    ) -> None:
        self.shape, self.targets, self.needs_x, self.shared = shape, targets, needs_x, shared


def _share(f: _Kept, shape: ConvShape, needs_x: bool) -> _Shared:
    groups, c_out = shape.groups, len(f.weight)
    weight = f.weight.reshape(groups, c_out // groups, -1)
    patches = _patches(f.x, f.weight.shape[2:], shape).reshape(groups, weight.shape[2], -1)
    # z - mean(z) = K * (P - mean(P)): centred once here, no cotangent needs the mean of z again
    patches = patches - patches.mean(dim=2, keepdim=True)
    xhat = (f.z - f.mean[:, None, None]) * f.scale[:, None, None]
    columns = xhat.transpose(0, 1).reshape(groups, c_out // groups, -1)
    xhat_patches = columns @ patches.transpose(1, 2) / patches.shape[2]
    if not needs_x:
        return _Shared(patches, weight, xhat_patches, None, None)
    maps = (_channel_maps(values, f, shape) for values in (xhat, torch.ones_like(xhat[:1])))
    return _Shared(patches, weight, xhat_patches, *maps)


def _patches(x: Tensor, kernel: torch.Size, shape: ConvShape) -> Tensor:
    """[c_in, k * k, n * h' * w'], the pixels in the order of [n, h', w']."""
    pad, step, stride = shape.padding, shape.dilation, shape.stride
    padded = F.pad(x, (pad,) * 4).permute(1, 0, 2, 3)
    height, width = (
        (size - step * (k - 1) - 1) // stride + 1 for size, k in zip(padded.shape[2:], kernel)
    )
    rows = [
        padded[
            :,
            :,
            dy * step : dy * step + (height - 1) * stride + 1 : stride,
            dx * step : dx * step + (width - 1) * stride + 1 : stride,
        ].flatten(1)
        for dy in range(kernel[0])
        for dx in range(kernel[1])
    ]
    return torch.stack(rows, dim=1)


def _transposed(grad: Tensor, weight: Tensor, size: torch.Size, shape: ConvShape) -> Tensor:
    """K' * grad: the gradient of a convolution with respect to its input of `size`."""
    reach = shape.dilation * (weight.shape[-1] - 1) + 1 - 2 * shape.padding
    # border pixels that the stride left unread belong to the input all the same
    extra = tuple(s - (g - 1) * shape.stride - reach for s, g in zip(size[2:], grad.shape[2:]))
    return F.conv_transpose2d(
        grad, weight, None, shape.stride, shape.padding, extra, shape.groups, shape.dilation
    )


def _channel_maps(values: Tensor, f: _Kept, shape: ConvShape) -> Tensor:
    """K' applied to each channel of values [n, c_out, h', w'] on its own [c_out, elements of x]."""
    groups, c_out, c = shape.groups, len(f.weight), f.weight.shape[1]
    # a group for each output channel keeps the maps apart that a plain convolution would add up
    size = torch.Size((len(values), c_out * c, *f.x.shape[2:]))
    image = _transposed(values, f.weight, size, shape._replace(groups=c_out))
    image = image.unflatten(1, (groups, c_out // groups, c)).permute(1, 2, 0, 4, 5, 3)
    if groups == 1:
        return image[0].flatten(1)
    maps = image.new_zeros(*image.shape[:-1], groups, c)
    for group in range(groups):
        maps[group, ..., group, :] = image[group]
    return maps.flatten(0, 1).flatten(1)


def _reverse(grad: Tensor, f: _Kept, call: _Call) -> tuple[Tensor, ...]:
    """(dx or an empty tensor, dK, dgamma, dbeta) for cotangents grad [B, n, c, h', w']."""
    if call.shared.value is None:
        call.shared.value = _share(f, call.shape, call.needs_x)
    shared, groups = call.shared.value, call.shape.groups
    # pixels as rows: sums over them are matrix products for all cotangents at once
    grad = grad.permute(0, 1, 3, 4, 2).contiguous()  # [B, n, h', w', c]
    flat = grad.view(len(grad), -1, groups, grad.shape[4] // groups)
    sums, correlations = flat.sum(dim=1), _correlate(flat, shared.patches)
    if call.targets is not None:
        sums, correlations = (t[:, :, call.targets] for t in (sums, correlations))
    scale = f.scale.view(groups, -1)
    xhat_sums = scale * (correlations * shared.weight).sum(dim=3)  # [B, g, o]
    a = f.gamma.view(groups, -1) * scale
    dweight = a[..., None] * (correlations - xhat_sums[..., None] * shared.xhat_patches)
    dx = grad.new_empty(len(grad), 0)
    if call.needs_x:
        dx = _input_gradient(grad, f, a.flatten(), call)
        # What the variance and the mean hand back are two fixed maps per channel, made once per
        # forward pass: every cotangent only scales them, where autograd would convolve anew.
        dx.addmm_((xhat_sums * a).flatten(1), shared.xhat_maps, alpha=-1 / flat.shape[1])
        means = (sums * a).flatten(1) @ shared.one_maps / flat.shape[1]
        n, c, h, w = f.x.shape  # K' * 1 is alike for all n images: one image's map is kept
        dx = dx.view(-1, n, h * w * c).sub_(means[:, None]).view(-1, n, h, w, c)
        dx = dx.permute(0, 1, 4, 2, 3)
    return dx, dweight.reshape(-1, *f.weight.shape), xhat_sums.flatten(1), sums.flatten(1)


def _correlate(flat: Tensor, patches: Tensor) -> Tensor:
    """sum G P: [B, m, g, o] and [g, q, m] to [B, g, o, q]."""
    if len(patches) == 1:
        return torch.matmul(patches[0], flat[:, :, 0]).transpose(1, 2)[:, None]
    return torch.einsum("bmgo,gqm->bgoq", flat, patches)


def _input_gradient(grad: Tensor, f: _Kept, a: Tensor, call: _Call) -> Tensor:
    """K' * (a G) [B, elements of x]."""
    scaled = f.weight * a[:, None, None, None]
    if call.targets is not None:  # rows that were added up share G: one kernel, their sum, does
        scaled = _add_rows(scaled, call.targets, 0)
    columns = grad.flatten(0, 1).permute(0, 3, 1, 2)
    size = torch.Size((len(columns), *f.x.shape[1:]))
    dx = _transposed(columns, scaled, size, call.shape)
    return dx.permute(0, 2, 3, 1).contiguous().view(len(grad), -1)

"""A node's values and what the edges that leave it share; sums of what enters a node."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from wot_dag.kernel import code_gram

EPS = 1e-5  # of BatchNorm

Shape = tuple[int, int, int, int]  # n, h, w, c


class Feature:
    """Values of a node; its ReLU, code, pooling and moments are computed once, when asked for.

    Args:
        rows: [n h w, c], contiguous: channels last.
        shape: (n, h, w, c).
    """

    def __init__(self, rows: Tensor, shape: Shape) -> None:
        self.rows, self.shape = rows, shape

    @classmethod
    def of(cls, images: Tensor) -> Feature:
        """From images [n, c, h, w] of any memory format."""
        channels_last = images.permute(0, 2, 3, 1).contiguous()
        return cls(channels_last.flatten(0, 2), tuple(channels_last.shape))

    @property
    def images(self) -> Tensor:
        """The values as [n, c, h, w], a view in channels-last format."""
        return self.rows.view(self.shape).permute(0, 3, 1, 2)

    @cached_property
    def activated(self) -> Feature:
        """Through a ReLU."""
        return Feature(self.rows.relu(), self.shape)

    @cached_property
    def gram(self) -> Tensor:
        """`code_gram` of the node, of whichever ReLU reads it."""
        return code_gram(self.activated.rows.view(self.shape[0], -1))

    @cached_property
    def pooled(self) -> Tensor:
        """Rows of the 3x3 average pooling of stride 1, padding left out of the averages.

        A depthwise convolution takes a quarter of the time of F.avg_pool2d on the CPU.
        """
        _, h, w, c = self.shape
        box = self.rows.new_full((c, 1, 3, 3), 1 / 9)
        means = F.conv2d(self.images, box, padding=1, groups=c)
        # At a border a third of the nine pixels is padding, zeros that do not count; in an image
        # one pixel wide two thirds are. Corners are scaled twice.
        for dim, size in ((2, h), (3, w)):
            for border in {0, size - 1}:
                means.select(dim, border).mul_(1.5 if size > 1 else 3)
        return Feature.of(means).rows

    @cached_property
    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean [c] and covariance [c, c] of the channels, in float32 or wider."""
        count, wide = len(self.rows), _at_least_float32(self.rows)
        mean = (self.rows.new_ones(1, count) @ self.rows)[0].to(wide) / count
        return mean, (self.rows.T @ self.rows).to(wide) / count - torch.outer(mean, mean)


def folded_batch_norm(weight: Tensor, source: Feature) -> tuple[Tensor, Tensor]:
    """A 1x1 convolution with BatchNorm on batch statistics as one product: rows @ w + shift.

    Its mean and variance follow from the moments of its input.

    Args:
        weight: [c_in, c_out].
        source: what the convolution reads.

    Returns:
        w [c_in, c_out] and shift [c_out].
    """
    mean, covariance = source.moments
    wide = weight.to(_at_least_float32(weight))
    variance = ((covariance @ wide) * wide).sum(0)
    # The covariance is a difference, which rounding can take below 0 where nothing varies.
    scaled = wide * torch.rsqrt(variance.clamp_min(0) + EPS)
    return scaled.to(weight), -(mean @ scaled).to(weight)


def _at_least_float32(tensor: Tensor) -> torch.dtype:
    return torch.promote_types(tensor.dtype, torch.float32)


class Sum:
    """A node in the making: the sum of what enters it, zero (None) where nothing does.

    Args:
        shape: (n, h, w, c) of the node.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._rows: Tensor | None = None
        self._owned = False  # whether the rows are this sum's to write to
        self._shift: Tensor | None = None  # [c], still to be added
        self._same_as: Feature | None = None

    def add(self, rows: Tensor, source: Feature | None = None) -> None:
        """Adds rows that others may hold; `source` is the node whose values they are."""
        if self._rows is None:
            self._rows, self._same_as = rows, source
        elif self._owned:
            self._rows.add_(rows)
        else:
            self._own(self._rows + rows)

    def add_product(self, rows: Tensor, weight: Tensor, shift: Tensor) -> None:
        """Adds rows @ weight + shift."""
        self._add_shift(shift)
        if self._rows is None:
            self._own(rows @ weight)
        elif self._owned:
            self._rows.addmm_(rows, weight)
        else:
            self._own(torch.addmm(self._rows, rows, weight))

    def add_normalized(self, rows: Tensor) -> None:
        """Adds BatchNorm of rows, which may be overwritten."""
        images = rows.view(self._shape).permute(0, 3, 1, 2)
        mean, variance = torch.batch_norm_update_stats(images, None, None, 0.0)
        scale = torch.rsqrt(variance + EPS).to(rows.dtype)
        # Shifts of all that enters are added up, and go over the rows once (`feature`).
        self._add_shift((-mean * scale).to(rows.dtype))
        tiled = self._tiled(rows)
        if self._rows is None:
            tiled.mul_(self._along(scale))
            self._own(rows)
        elif self._owned:
            self._tiled(self._rows).addcmul_(tiled, self._along(scale))
        else:  # into the new rows: the sum's are another node's too
            torch.addcmul(self._tiled(self._rows), tiled, self._along(scale), out=tiled)
            self._own(rows)

    def feature(self) -> Feature | None:
        """The finished node; the very source where it is but one skip."""
        if self._rows is None or self._same_as is not None:
            return self._same_as
        if self._shift is not None:
            self._tiled(self._rows).add_(self._along(self._shift))
        return Feature(self._rows, self._shape)

    def _own(self, rows: Tensor) -> None:
        self._rows, self._owned, self._same_as = rows, True, None

    def _add_shift(self, shift: Tensor) -> None:
        self._shift = shift if self._shift is None else self._shift + shift

    def _tiled(self, rows: Tensor) -> Tensor:
        """One long row per image: rows of c numbers are too short for vector instructions."""
        return rows.view(self._shape[0], -1)

    def _along(self, channels: Tensor) -> Tensor:
        """A number per channel [c] along such a row."""
        return channels.repeat(self._shape[1] * self._shape[2])

"""Training steps of one process among many, and what a checkpoint keeps of them."""

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from common.errors import TrainingDivergedError
from retrain.config import RetrainConfig
from retrain.data import Images
from retrain.evaluate import TopKSums
from retrain.networks import TrainingLoss, path_scales
from retrain.schedule import drop_path_probability, generator_of, learning_rate

_FINITE_EVERY = 50  # steps between looks at the loss: each look waits for the device


def precision_of(config: RetrainConfig, device: torch.device) -> str:
    """float32 or bfloat16."""
    if config.precision != "auto":
        return config.precision
    return "bfloat16" if device.type == "cuda" else "float32"


class Stepper:
    """A network, which comes from the CPU, its optimizer, and the sums over the epoch so far."""

    def __init__(
        self, config: RetrainConfig, network: nn.Module, images: Images, device: torch.device
    ) -> None:
        self.config, self.device, self.workers = config, device, images.workers
        self.steps, self.classes = images.steps, images.classes
        cuda, alone = device.type == "cuda", self.workers.size == 1
        torch.backends.cudnn.benchmark = cuda
        if config.sync_batch_norm and not alone:
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)
        # On a CPU, reverse passes of few channels in channels-last write past their memory (2.15).
        last = config.channels_last and cuda
        self.layout = torch.channels_last if last else torch.contiguous_format
        self.network = network.to(device, memory_format=self.layout)
        self.optimizer = torch.optim.SGD(
            [p for p in self.network.parameters() if p.requires_grad],
            lr=config.optimizer.lr,
            momentum=config.optimizer.momentum,
            nesterov=config.optimizer.nesterov,
            weight_decay=config.optimizer.weight_decay,
            fused=True,
        )
        rounded = precision_of(config, device) == "bfloat16"
        self.autocast = torch.autocast(device.type, torch.bfloat16, rounded)
        self.bad_step = torch.full((), -1, device=device)
        self.start_epoch()
        loss = TrainingLoss(self.network, config.network.auxiliary, config.label_smoothing)
        loss = torch.compile(loss) if config.compile else loss
        devices = [device] if cuda else None
        self.loss = loss if alone else DistributedDataParallel(loss, device_ids=devices)

    def start_epoch(self) -> None:
        """The sums begin at zero."""
        self.sums = TopKSums(self.device, self.classes)

    def state(self) -> dict:
        """What a checkpoint keeps: all processes are asked at the same step.

        The sums of each process are kept apart, so that a resumed training adds up in the same
        order and ends with the same bits.
        """
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "sums": self.workers.gather(self.sums.values.tolist()),
        }

    def weights(self) -> dict[str, Tensor]:
        """A copy of the network's state on the CPU."""
        return {k: v.detach().cpu().clone() for k, v in self.network.state_dict().items()}

    def load(self, state: dict) -> None:
        """Goes on from what `state` gave, in this process' memory layout."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        for weight, kept in self.optimizer.state.items():
            buffer = kept["momentum_buffer"]
            if buffer is not None:
                kept["momentum_buffer"] = torch.empty_like(weight).copy_(buffer)
        sums = state["sums"]
        if len(sums) == self.workers.size:
            own = sums[self.workers.rank]
        else:  # those of another number of processes go to the first
            own = [sum(column) * self.workers.first for column in zip(*sums)]
        self.sums.values += torch.tensor(own, dtype=torch.float64).to(self.device)

    def __call__(self, epoch: int, step: int, n: int, x: Tensor, y: Tensor) -> None:
        """Step `step` of an epoch, on this process' part x, y of n images."""
        config = self.config
        if step % _FINITE_EVERY == 0:
            self.check_finite(epoch)
        lr = learning_rate(config.optimizer, config.epochs, epoch, step, self.steps.count)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.zero_grad()
        scales = self._path_scales(epoch, step, n)
        total = self._backward(x.contiguous(memory_format=self.layout), y, scales, n)
        # remembered on the device: to look at each loss would wait for it at each step
        self.bad_step = torch.where(
            (self.bad_step < 0) & ~total.isfinite(), step + 1, self.bad_step
        )
        if config.optimizer.clip:
            nn.utils.clip_grad_norm_(self.network.parameters(), config.optimizer.clip)
        self.optimizer.step()

    def _path_scales(self, epoch: int, step: int, n: int) -> Tensor | None:
        """Drop-path for this process' part of n images; None where the protocol has none."""
        config = self.config
        if not config.network.drop_path:
            return None
        probability = drop_path_probability(config.network.drop_path, config.epochs, epoch)
        generator = generator_of("drop path", config.seed, epoch, step)
        scales = path_scales(self.network, probability, n, generator)
        return scales[:, :, self.steps.share(n)].to(self.device, non_blocking=True)

    def _backward(self, x: Tensor, y: Tensor, scales: Tensor | None, n: int) -> Tensor:
        """Gradient of the mean over all n images; returns this process' sum of losses."""
        parts = self._parts(len(x), n)
        total = x.new_zeros(())
        alike = len(x) == n  # one process, or a rest that all do alike
        weight = 1 / n if alike else self.workers.size / n
        for part in parts:
            own = None if scales is None else scales[:, :, part]
            if isinstance(self.loss, DistributedDataParallel):
                self.loss.require_backward_grad_sync = part == parts[-1]
            with self.autocast:
                objective, losses, logits = self.loss(x[part], y[part], own)
            # Gradients are averaged over the processes, whose parts may differ in size.
            (objective.sum() * weight).backward()
            if not alike or self.workers.first:
                self.sums.add(losses, logits, y[part])
            total += objective.detach().sum()
        return total

    def _parts(self, own: int, n: int) -> list[slice]:
        """`own` of all n images in parts of at most micro_batch, two or more in each.

        Two are for BatchNorm's sake. All processes have equally many parts, since each part's
        forward pass brings their buffers together.
        """
        least, most = n // self.workers.size, -(-n // self.workers.size)
        if own == n:
            least = most = n
        count = max(1, min(-(-most // (self.config.micro_batch or most)), least // 2))
        return [slice(own * i // count, own * (i + 1) // count) for i in range(count)]

    def check_finite(self, epoch: int) -> None:
        """Raises a TrainingDivergedError that names the first bad step, in all processes alike."""
        bad = self.workers.largest([int(self.bad_step)])[0]
        if bad >= 0:
            raise self.diverged(f"at epoch {epoch}, step {bad}")

    def diverged(self, where: str) -> TrainingDivergedError:
        """The error of a loss that is not finite `where`; all processes find it."""
        self.workers.all_leave()
        return TrainingDivergedError(
            f"the loss is not finite {where}: lower optimizer.lr "
            f"(now {self.config.optimizer.lr:g}), add optimizer.warmup_epochs or "
            f"optimizer.clip, or set precision: float32; then --run.fresh true"
        )

"""Training from scratch: one loop for one process or many, resumable at any step."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import time
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from common.checkpoints import load_checkpoint, remove_checkpoints, save_checkpoint, save_state
from common.config import identity, require
from common.devices import choose_device
from common.devices import describe as describe_device
from common.errors import TrainingDivergedError
from common.runs import Run, RunError
from common.stopping import StopRequest, stop_on_signals
from common.workers import Workers
from retrain.choice import Choice, read_choice
from retrain.config import RetrainConfig
from retrain.data import Images, check_batch, load_images
from retrain.evaluate import Sums, evaluate, share_buffers
from retrain.networks import Shape, TrainingLoss, describe, make_network, path_scales
from retrain.progress import Progress
from retrain.schedule import drop_path_probability, generator_of, learning_rate

_KEPT = ("epoch", "step", "seconds", "seen", "best", "last")  # in a checkpoint, as they are
_FINITE_EVERY = 50  # steps between looks at the loss: each look waits for the device


def train(config: RetrainConfig, workers: Workers) -> dict:
    """Trains a choice, or returns the result of the finished run (rank 0; {} elsewhere).

    Raises:
        ConfigError, DataError, RunError: before any work.
        TrainingDivergedError: the loss is no longer finite.
        SystemExit: SIGTERM or Ctrl-C, after a checkpoint.
    """
    choice, device = workers.together(lambda: _checked(config, workers))
    images = workers.together(lambda: load_images(config, workers, device))
    run = workers.together(lambda: _open_run(config, choice, workers, device, images.header))
    with run or contextlib.nullcontext():
        if workers.from_first(run is not None and run.finished):
            return run.result if run else {}
        shape = Shape(images.classes, images.image_shape)
        network = workers.together(lambda: make_network(choice, config.network, shape, config.seed))
        with stop_on_signals() as request:
            trainer = Trainer(config, network, images, run, workers, device)
            return trainer.fit(request, describe(choice, config.network, shape))


def _checked(config: RetrainConfig, workers: Workers) -> tuple[Choice, torch.device]:
    check_batch(config, workers)
    choice = read_choice(config.genotype, config.search, config.space)
    device = choose_device(config.device)
    if device.type == "cuda":
        count = torch.cuda.device_count()
        expected = f"cpu, or no more than {count} processes on this machine"
        require(workers.local_size <= count, "device", config.device, expected)
    ok = device.type == "cuda" or not config.sync_batch_norm
    require(ok, "sync_batch_norm", True, "false on a CPU: torch has it on CUDA only")
    return choice, device


def precision_of(config: RetrainConfig, device: torch.device) -> str:
    """float32 or bfloat16."""
    if config.precision != "auto":
        return config.precision
    return "bfloat16" if device.type == "cuda" else "float32"


def _open_run(
    config: RetrainConfig,
    choice: Choice,
    workers: Workers,
    device: torch.device,
    header: dict[str, str],
) -> Run | None:
    """The first process' run folder; --run.fresh is meant for the first start alone."""
    if not workers.first:
        return None
    restarted = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0"
    settings = dataclasses.replace(config.run, fresh=config.run.fresh and not restarted)
    precision = precision_of(config, device)
    decisive = {"cell": str(choice.cell), "precision": precision} | identity(config)
    return Run(settings, "retrain", decisive, describe_device(device), header)


class Trainer:
    """One training; `_save` keeps all of its state.

    Args:
        config: how to train.
        network: what to train, on the CPU.
        images: on `device`.
        run: its folder, in the first process; a checkpoint there is gone on from.
        workers: who shares the batches.
        device: where to compute.
    """

    def __init__(
        self,
        config: RetrainConfig,
        network: nn.Module,
        images: Images,
        run: Run | None,
        workers: Workers,
        device: torch.device,
    ) -> None:
        self.config, self.images, self.run = config, images, run
        self.workers, self.device = workers, device
        torch.backends.cudnn.benchmark = device.type == "cuda"
        if config.sync_batch_norm and workers.size > 1:
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)
        # On a CPU, reverse passes of few channels in channels-last write past their memory (2.15).
        last = config.channels_last and device.type == "cuda"
        layout = torch.channels_last if last else torch.contiguous_format
        self.layout = layout
        self.network = network.to(device, memory_format=layout)
        self.optimizer = self._optimizer()
        self.autocast = torch.autocast(
            device.type, torch.bfloat16, precision_of(config, device) == "bfloat16"
        )
        self.epoch, self.step, self.mark = 1, 0, time.perf_counter()
        self.seconds = {"training": 0.0, "evaluation": 0.0}
        self.seen = 0  # images trained on
        self.sums = Sums(device, images.classes)
        self.bad_step = torch.full((), -1, device=device)
        self.best: dict = {"top1": -1.0, "epoch": 0, "state": {}}
        self.last: dict = {}  # metrics of the last finished epoch
        self._resume()
        self.loss = self._training_loss()

    def _optimizer(self) -> torch.optim.SGD:
        sgd = self.config.optimizer
        return torch.optim.SGD(
            [p for p in self.network.parameters() if p.requires_grad],
            lr=sgd.lr,
            momentum=sgd.momentum,
            nesterov=sgd.nesterov,
            weight_decay=sgd.weight_decay,
            fused=True,
        )

    def _training_loss(self) -> nn.Module:
        """The loss as a module, compiled and shared between processes as asked for."""
        smoothing, auxiliary = self.config.label_smoothing, self.config.network.auxiliary
        loss = TrainingLoss(self.network, auxiliary, smoothing)
        if self.config.compile:
            loss = torch.compile(loss)
        if self.workers.size == 1:
            return loss
        devices = [self.device] if self.device.type == "cuda" else None
        return DistributedDataParallel(loss, device_ids=devices)

    def _resume(self) -> None:
        """Goes on from the first process' checkpoint, if there is one."""
        state = self.workers.from_first(self.workers.together(self._read_checkpoint))
        if self.run:
            self.run.rewind(state["metrics"] if state else 0)
        if state is None:
            return
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        for weight, kept in self.optimizer.state.items():  # in this run's memory layout
            buffer = kept["momentum_buffer"]
            if buffer is not None:
                kept["momentum_buffer"] = torch.empty_like(weight).copy_(buffer)
        for key in _KEPT:
            setattr(self, key, state[key])
        own = torch.tensor(self._own_sums(state["sums"]), dtype=torch.float64)
        self.sums.values += own.to(self.device)

    def _read_checkpoint(self) -> dict | None:
        """The checkpoint, checked to be this network's."""
        if not self.run:
            return None
        folder = self.run.folder
        state = load_checkpoint(folder)
        shapes = {name: tensor.shape for name, tensor in self.network.state_dict().items()}
        if state and shapes != {name: tensor.shape for name, tensor in state["network"].items()}:
            raise RunError(
                f"{folder}: the checkpoint is of another network: start again with --run.fresh true"
            )
        return state

    def _own_sums(self, sums: list[list[float]]) -> list[float]:
        """This process' sums; those of another number of processes go to the first."""
        if len(sums) == self.workers.size:
            return sums[self.workers.rank]
        return [sum(column) * self.workers.first for column in zip(*sums)]

    def _save(self) -> None:
        """A checkpoint, made by all processes at the same step; never of a lost training."""
        self._check_finite()
        self._lap("training")
        sums = self.workers.gather(self.sums.values.tolist())
        if not self.run:
            return
        state = {key: getattr(self, key) for key in _KEPT} | {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "sums": sums,
            "metrics": self.run.position(),
        }
        save_checkpoint(self.run.folder, state)

    def fit(self, request: StopRequest, network: dict) -> dict:
        """Trains to the end, tests once and writes the result; {} but for the first process."""
        epochs, steps = self.config.epochs, self.images.steps.count
        with Progress(epochs, steps, self.epoch, self.step, self.workers.first) as progress:
            while self.epoch <= epochs:
                self.train_epoch(request, progress)
                self._finish_epoch(progress)
                self._save()
        return self._finish(network)

    def train_epoch(self, request: StopRequest, progress: Progress) -> None:
        """What is left of the current epoch; a stop request saves and leaves the process."""
        self.network.train()
        for step, n, x, y in self.images.train_batches(self.epoch, self.step):
            self._stop_if_asked(request, step)
            self._train_step(step, n, x, y)
            self.step, self.seen = step + 1, self.seen + n
            progress.step()
            if self.config.checkpoint_steps and self.step % self.config.checkpoint_steps == 0:
                self._save()
        self._check_finite()
        self._lap("training")

    def _lap(self, what: str) -> None:
        """Counts the time since the last lap as `what`."""
        now = time.perf_counter()
        self.seconds[what] += now - self.mark
        self.mark = now

    def _stop_if_asked(self, request: StopRequest, step: int) -> None:
        """Stops all processes at the same step, whichever was asked."""
        if step % _FINITE_EVERY == 0:
            self._check_finite()
        (number,) = self.workers.largest([int(request.signal or 0)])
        if not number:
            return
        self._save()
        request.exit(f"saved at epoch {self.epoch}, step {step}", number, self.workers.first)

    def _train_step(self, step: int, n: int, x: Tensor, y: Tensor) -> None:
        """One step on this process' part of n images."""
        config = self.config
        lr = learning_rate(
            config.optimizer, config.epochs, self.epoch, step, self.images.steps.count
        )
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.zero_grad()
        scales = self._path_scales(step, n)
        total = self._backward(x.contiguous(memory_format=self.layout), y, scales, n)
        self.bad_step = torch.where(
            (self.bad_step < 0) & ~total.isfinite(), step + 1, self.bad_step
        )
        if config.optimizer.clip:
            nn.utils.clip_grad_norm_(self.network.parameters(), config.optimizer.clip)
        self.optimizer.step()

    def _path_scales(self, step: int, n: int) -> Tensor | None:
        """Drop-path for this process' part of n images; None where the protocol has none."""
        config = self.config
        if not config.network.drop_path:
            return None
        probability = drop_path_probability(config.network.drop_path, config.epochs, self.epoch)
        generator = generator_of("drop path", config.seed, self.epoch, step)
        scales = path_scales(self.network, probability, n, generator)
        return scales[:, :, self.images.steps.share(n)].to(self.device, non_blocking=True)

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

    def _check_finite(self) -> None:
        bad = self.workers.largest([int(self.bad_step)])[0]
        if bad >= 0:
            raise self._diverged(f"at epoch {self.epoch}, step {bad}")

    def _diverged(self, where: str) -> TrainingDivergedError:
        return TrainingDivergedError(
            f"the loss is not finite {where}: lower optimizer.lr "
            f"(now {self.config.optimizer.lr:g}), add optimizer.warmup_epochs or "
            f"optimizer.clip, or set precision: float32; then --run.fresh true"
        )

    def _finish_epoch(self, progress: Progress) -> None:
        """Metrics of the epoch; keeps the best weights so far."""
        share_buffers(self.network, self.workers)
        record = {"epoch": self.epoch, "lr": self.optimizer.param_groups[0]["lr"]}
        record |= _prefixed("train", self.sums.mean(self.workers))
        if self.images.sizes["validation"]:
            record |= _prefixed("validation", self.evaluate("validation"))
            self._keep_best(record["validation_top1"])
        if self.run:
            self.run.log(record)
        self._lap("evaluation")
        progress.epoch(record, self.images_per_second)
        self.epoch, self.step, self.sums, self.last = (
            self.epoch + 1,
            0,
            Sums(self.device, self.images.classes),
            record,
        )

    @property
    def images_per_second(self) -> float:
        """Training images of all processes per second of training."""
        return self.seen / self.seconds["training"]

    def evaluate(self, part: str) -> dict[str, float]:
        """loss, top1 and top5 of "validation" or "test".

        Raises:
            TrainingDivergedError: the loss is not finite, of the last step's weights for example.
        """
        batches = self.images.evaluation_batches(part)
        classes = self.images.classes
        found = evaluate(self.network, batches, self.workers, self.autocast, classes)
        if not math.isfinite(found["loss"]):
            raise self._diverged(
                f"on {part} images after epoch {min(self.epoch, self.config.epochs)}"
            )
        return found

    def _keep_best(self, top1: float) -> None:
        if top1 > self.best["top1"]:
            state = {k: v.detach().cpu().clone() for k, v in self.network.state_dict().items()}
            self.best = {"top1": top1, "epoch": self.epoch, "state": state}

    def _finish(self, network: dict) -> dict:
        last = {k: v.detach().cpu().clone() for k, v in self.network.state_dict().items()}
        tested = self.config.epochs
        if self.config.weights == "best":
            self.network.load_state_dict(self.best["state"])
            tested = self.best["epoch"]
        test = self.evaluate("test")
        self._lap("evaluation")
        if not self.run:
            return {}
        _save_weights(self.run.folder, last, self.best)
        space = {"space": self.config.space, "channels": self.config.network.channels}
        space |= {"layers": self.config.network.layers}
        method = network.pop("method")
        result = network | self._numbers(tested, test)
        result = self.run.finish(result, method=method, network=space, n=1)
        remove_checkpoints(self.run.folder)
        return result

    def _numbers(self, tested: int, test: dict[str, float]) -> dict:
        return {
            "images": self.images.sizes,
            "classes": self.images.classes,
            "epochs": self.config.epochs,
            "batch_size": self.config.batch_size,
            "seed": self.config.seed,
            "processes": self.workers.size,
            "precision": precision_of(self.config, self.device),
            "tested_weights": self.config.weights,
            "tested_epoch": tested,
            "test": {
                "loss": test["loss"],
                "top1_error": 100 - test["top1"],
                "top5_error": 100 - test["top5"] if "top5" in test else None,
            },
            "best_validation": {"epoch": self.best["epoch"], "top1": self.best["top1"]}
            if self.best["epoch"]
            else None,
            "last_epoch": self.last,
            "seconds": sum(self.seconds.values()),
            "images_per_second": self.images_per_second,
        }


def _prefixed(part: str, values: dict[str, float]) -> dict[str, float]:
    return {f"{part}_{key}": value for key, value in values.items()}


def _save_weights(folder: Path, last: dict[str, Tensor], best: dict) -> None:
    save_state(folder / "last.pt", {"network": last})
    if best["epoch"]:
        save_state(folder / "best.pt", {"network": best["state"], "epoch": best["epoch"]})

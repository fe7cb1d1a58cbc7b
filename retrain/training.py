"""Training from scratch: one loop for one process or many, resumable at any step."""

import math
import sys
import time

import torch
from tqdm import tqdm

from common.checkpoints import load_checkpoint, remove_checkpoints, save_checkpoint, save_state
from common.config import identity, require
from common.devices import choose_device
from common.devices import describe as describe_device
from common.progress import progress
from common.runs import Run
from common.stopping import StopRequest, stop_on_signals
from common.workers import Workers
from retrain.choice import Chosen, read_choice
from retrain.config import RetrainConfig
from retrain.data import Images, load_images
from retrain.evaluate import evaluate, share_buffers
from retrain.networks import Shape, describe, make_network
from retrain.step import Stepper, precision_of

_KEPT = ("epoch", "step", "seconds", "seen", "best", "last")  # in a checkpoint, as they are


def train(config: RetrainConfig, workers: Workers) -> dict:
    """Trains a choice, or returns the result of the finished run (rank 0; {} elsewhere).

    Raises:
        ConfigError, DataError, RunError: before any work.
        TrainingDivergedError: the loss is no longer finite.
        SystemExit: SIGTERM or Ctrl-C, after a checkpoint.
    """
    choice, device = workers.together(lambda: _checked(config, workers))
    images = workers.together(lambda: load_images(config, workers, device))
    decisive = {"cell": str(choice.cell), "precision": precision_of(config, device)}
    decisive |= identity(config)
    workers.agree(decisive | {"data": images.header})
    how = config.run, "retrain", decisive, describe_device(device), images.header
    with workers.open_run(*how) as run:
        if workers.from_first(run is not None and run.finished):
            return run.result if run else {}
        shape = Shape(images.classes, images.image_shape)
        network = workers.together(lambda: make_network(choice, config.network, shape, config.seed))
        with stop_on_signals() as request:
            training = Training(Stepper(config, network, images, device), images, run)
            return training.fit(request, describe(choice, config.network, shape))


def _checked(config: RetrainConfig, workers: Workers) -> tuple[Chosen, torch.device]:
    ok = config.batch_size % workers.size == 0 and config.batch_size >= 2 * workers.size
    expected = f"a multiple of the {workers.size} processes, two images or more for each"
    require(ok, "batch_size", config.batch_size, expected)
    choice = read_choice(config.genotype, config.search, config.space)
    device = choose_device(config.device)
    if device.type == "cuda":
        count = torch.cuda.device_count()
        expected = f"cpu, or no more than {count} processes on this machine"
        require(workers.local_size <= count, "device", config.device, expected)
    ok = device.type == "cuda" or not config.sync_batch_norm
    require(ok, "sync_batch_norm", True, "false on a CPU: torch has it on CUDA only")
    return choice, device


class Training:
    """One training, gone on from the first process' checkpoint; `_save` keeps all of its state."""

    def __init__(self, stepper: Stepper, images: Images, run: Run | None) -> None:
        self.config, self.workers = stepper.config, stepper.workers
        self.stepper, self.images, self.run = stepper, images, run
        self.epoch, self.step, self.mark = 1, 0, time.perf_counter()
        self.seconds = {"training": 0.0, "evaluation": 0.0}
        self.seen = 0  # images trained on
        self.best: dict = {"top1": -1.0, "epoch": 0, "state": {}}
        self.last: dict = {}  # metrics of the last finished epoch
        self._resume()

    def _resume(self) -> None:
        """Goes on from the first process' checkpoint, if there is one."""
        read = self.workers.together(lambda: load_checkpoint(self.run.folder) if self.run else None)
        state = self.workers.from_first(read)
        if self.run:
            self.run.rewind(state["metrics"] if state else 0)
        if state:
            self.stepper.load(state)
            vars(self).update((key, state[key]) for key in _KEPT)

    def _save(self) -> None:
        """A checkpoint, made by all processes at the same step; never of a lost training."""
        self.stepper.check_finite(self.epoch)
        self._lap("training")
        state = self.stepper.state()
        if self.run:
            own = {key: getattr(self, key) for key in _KEPT} | {"metrics": self.run.position()}
            save_checkpoint(self.run.folder, own | state)

    def fit(self, request: StopRequest, network: dict) -> dict:
        """Trains to the end, tests once and writes the result; {} but for the first process."""
        epochs, steps = self.config.epochs, self.images.steps.count
        done = (self.epoch - 1) * steps + self.step
        with progress(epochs * steps, done, "steps", shown=self.workers.first) as bar:
            while self.epoch <= epochs:
                self.train_epoch(request, bar)
                self._finish_epoch(bar)
                self._save()
        return self._finish(network)

    def train_epoch(self, request: StopRequest, bar: tqdm) -> None:
        """What is left of the current epoch; a stop request saves and leaves the process."""
        self.stepper.network.train()
        for step, n, x, y in self.images.train_batches(self.epoch, self.step):
            self._stop_if_asked(request, step)
            self.stepper(self.epoch, step, n, x, y)
            self.step, self.seen = step + 1, self.seen + n
            bar.update()
            if self.config.checkpoint_steps and self.step % self.config.checkpoint_steps == 0:
                self._save()
        self.stepper.check_finite(self.epoch)
        self._lap("training")

    def _lap(self, what: str) -> None:
        """Counts the time since the last lap as `what`."""
        now = time.perf_counter()
        self.seconds[what] += now - self.mark
        self.mark = now

    def _stop_if_asked(self, request: StopRequest, step: int) -> None:
        """Stops all processes at the same step, whichever was asked."""
        # A checkpoint needs all of them, and a signal need not come to all, or to all at once.
        (number,) = self.workers.largest([int(request.signal or 0)])
        if number:
            self._save()
            request.exit(f"saved at epoch {self.epoch}, step {step}", number, self.workers.first)

    def _finish_epoch(self, bar: tqdm) -> None:
        """Metrics of the epoch; keeps the best weights so far."""
        # BatchNorms of the processes have seen images of their own: all go on, and are evaluated,
        # with the same statistics.
        share_buffers(self.stepper.network, self.workers)
        record = {"epoch": self.epoch, "lr": self.stepper.optimizer.param_groups[0]["lr"]}
        found = {"train": self.stepper.sums.mean(self.workers)}
        if self.images.sizes["validation"]:
            found["validation"] = self.evaluate("validation")
            self._keep_best(found["validation"]["top1"])
        record |= {f"{p}_{key}": value for p, of in found.items() for key, value in of.items()}
        if self.run:
            self.run.log(record)
        self._lap("evaluation")
        if self.workers.first:
            bar.write(_line(record, self.images_per_second), file=sys.stderr)
        self.stepper.start_epoch()
        self.epoch, self.step, self.last = self.epoch + 1, 0, record

    @property
    def images_per_second(self) -> float:
        """Training images of all processes per second of training."""
        return self.seen / self.seconds["training"]

    def evaluate(self, part: str) -> dict[str, float]:
        """loss, top1 and top5 of "validation" or "test"; a TrainingDivergedError if not finite."""
        batches = self.images.evaluation_batches(part)
        network, autocast = self.stepper.network, self.stepper.autocast
        found = evaluate(network, batches, self.workers, autocast, self.images.classes)
        if not math.isfinite(found["loss"]):
            epoch = min(self.epoch, self.config.epochs)
            raise self.stepper.diverged(f"on {part} images after epoch {epoch}")
        return found

    def _keep_best(self, top1: float) -> None:
        if top1 > self.best["top1"]:
            self.best = {"top1": top1, "epoch": self.epoch, "state": self.stepper.weights()}

    def _finish(self, network: dict) -> dict:
        # The last weights, before the best ones take their place; test images are seen once.
        last, tested = self.stepper.weights(), self.config.epochs
        if self.config.weights == "best":
            self.stepper.network.load_state_dict(self.best["state"])
            tested = self.best["epoch"]
        test = self.evaluate("test")
        self._lap("evaluation")
        if not self.run:
            return {}
        save_state(self.run.folder / "last.pt", {"network": last})
        if self.best["epoch"]:
            best = {"network": self.best["state"], "epoch": self.best["epoch"]}
            save_state(self.run.folder / "best.pt", best)
        space = {"space": self.config.space, "channels": self.config.network.channels}
        space |= {"layers": self.config.network.layers}
        method = network.pop("method")
        result = network | self._numbers(tested, test)
        result = self.run.finish(result, method=method, network=space, n=1)
        remove_checkpoints(self.run.folder)
        return result

    def _numbers(self, tested: int, test: dict[str, float]) -> dict:
        config, best = self.config, self.best
        return {
            "images": self.images.sizes,
            "classes": self.images.classes,
            "epochs": config.epochs,
            "batch_size": config.batch_size,
            "seed": config.seed,
            "processes": self.workers.size,
            "precision": precision_of(config, self.stepper.device),
            "tested_weights": config.weights,
            "tested_epoch": tested,
            "test": {
                "loss": test["loss"],
                "top1_error": 100 - test["top1"],
                "top5_error": 100 - test["top5"] if "top5" in test else None,
            },
            "best_validation": {k: best[k] for k in ("epoch", "top1")} if best["epoch"] else None,
            "last_epoch": self.last,
            "seconds": sum(self.seconds.values()),
            "images_per_second": self.images_per_second,
        }


def _line(record: dict, images_per_second: float) -> str:
    """An epoch on the terminal: it stays above the bar."""
    validation = record.get("validation_top1")
    kept = "" if validation is None else f"  validation {validation:6.2f} %"
    return (
        f"epoch {record['epoch']:>3}  loss {record['train_loss']:7.4f}  "
        f"train {record['train_top1']:6.2f} %{kept}  {images_per_second:,.0f} images/s"
    )

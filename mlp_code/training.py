"""Training: many networks, one loop, resumable at any step."""

import dataclasses
import math
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from common.checkpoints import load_checkpoint, remove_checkpoints, save_checkpoint, save_state
from common.config import identity, require
from common.data import load_dataset
from common.dataset import Dataset, Split, epoch_order
from common.devices import choose_device, describe
from common.errors import TrainingDivergedError
from common.progress import progress
from common.runs import Run
from common.stopping import StopRequest, stop_on_signals
from mlp_code.config import MlpConfig
from mlp_code.members import DagMlpLoop, build_members, mlp_shape
from mlp_code.metrics import Loss, Sums, make_loss
from mlp_code.precision import choose_precision
from mlp_code.rates import learning_rates
from mlp_code.results import summarize

_EVALUATION_BATCH = 1024
_FINITE_EVERY = 200  # steps between looks at the loss: each look waits for the device


def train(
    config: MlpConfig,
    kind: str = "mlp",
    settings: Mapping[str, object] | None = None,
    analysis: Callable[[Path], dict] | None = None,
) -> dict:
    """Trains all networks of a config, or returns the result of the finished run.

    Args:
        config: what is trained.
        kind: of the record that this becomes.
        settings: what else decides the result, because `analysis` reads it.
        analysis: of the run's folder with all metrics; what it returns joins the result.

    Raises:
        DataError, RunError, ConfigError: before any work.
        TrainingDivergedError: the loss of a network is no longer finite.
        SystemExit: SIGTERM or Ctrl-C, after a checkpoint.
    """
    device = choose_device(config.device)
    data = load_dataset(config.dataset, device, config.split_seed)
    n = len(data.train)
    alone = config.batch_norm and config.batch_size and n % config.batch_size == 1
    expected = f"one that does not leave a last mini-batch of 1 of the {n} images, for BatchNorm"
    require(not alone, "batch_size", config.batch_size, expected)
    decisive = identity(config) | (settings or {})
    with Run(config.run, kind, decisive, describe(device), data.header) as run:
        if run.finished:
            return run.result
        with stop_on_signals() as request:
            return Trainer(config, run, data, device, analysis).fit(request)


def _as_begun(config: MlpConfig, state: dict | None, device: torch.device) -> MlpConfig:
    """The config as the training began: the networks' form, precision, and order.

    Tensors of a checkpoint hold all networks by position, while a config's `dags` are named: the
    same experiment, listed in another order, must not hand one DAG the weights of another.
    """
    if state is None:
        networks = len(config.dags) * len(config.seeds)
        precision = choose_precision(config.precision, device, config.width, networks)
        return dataclasses.replace(config, precision=precision)
    dags = {name: config.dags[name] for name in state["dags"]}
    begun = {key: state[key] for key in ("batched", "precision")}
    return dataclasses.replace(config, dags=dags, **begun)


class Trainer:
    """One training of all networks as one, gone on from the run's checkpoint, if there is one.

    `_save` keeps all of its state.
    """

    def __init__(
        self,
        config: MlpConfig,
        run: Run,
        data: Dataset,
        device: torch.device,
        analysis: Callable[[Path], dict] | None = None,
    ) -> None:
        state = load_checkpoint(run.folder, device)
        self.config = config = _as_begun(config, state, device)
        self.run, self.data, self.device, self.analysis = run, data, device, analysis
        self.labels = config.labels
        self.shape = mlp_shape(config, data.train.images[0].numel(), data.num_classes)
        self.members = build_members(config, self.shape, device)
        self.rates = state["rates"] if state else learning_rates(config, data)
        self.lr = max(self.rates.values())
        # A gradient times a network's share moves it as a rate times the share does.
        shares = torch.tensor([self.rates[name] / self.lr for name, _ in self.labels])
        self.shares = None if (shares == 1).all() else shares.to(device)
        self.optimizer = torch.optim.SGD(
            self.members.parameters(),
            lr=self.lr,
            momentum=config.optimizer.momentum,
            weight_decay=config.optimizer.weight_decay,
            fused=True,
        )
        self.loss: Loss = make_loss(config.loss, config.targets)
        seeds = [config.seeds.index(seed) for _, seed in self.labels]
        self.seed_of = torch.tensor(seeds, device=device)
        self.epoch, self.best = 0, [{"accuracy": -1.0, "epoch": 0, "state": {}} for _ in seeds]
        self.start_next_epoch()
        self.began = time.perf_counter()  # as if all processes of the run had followed each other
        self._resume(state)

    def _resume(self, state: dict | None) -> None:
        if state:
            self.members.load_state_dict(state["members"])
            self.optimizer.load_state_dict(state["optimizer"])
            vars(self.sums).update(state["sums"])
            self.epoch, self.step, self.best = state["epoch"], state["step"], state["best"]
            self.began -= state["seconds"]
        self.run.rewind(state["metrics"] if state else 0)

    @property
    def seconds(self) -> float:
        """Time in training so far, also that before a stop in mid-epoch."""
        return time.perf_counter() - self.began

    def _save(self) -> None:
        state = {key: getattr(self, key) for key in ("rates", "epoch", "step", "seconds", "best")}
        state |= {
            "batched": "never" if isinstance(self.members, DagMlpLoop) else "always",
            "precision": self.config.precision,
            "members": self.members.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "sums": vars(self.sums),
            "dags": list(self.config.dags),
            "metrics": self.run.position(),
        }
        save_checkpoint(self.run.folder, state)

    def fit(self, request: StopRequest) -> dict:
        """Trains to the end and writes the result."""
        writer = None
        if self.config.tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            writer = SummaryWriter(str(self.run.folder / "tensorboard"))
        with progress(self.config.epochs, self.epoch - 1, "epoch") as bar:
            while self.epoch <= self.config.epochs:
                self.train_epoch(request)
                records = self._finish_epoch()
                self._log(records, writer)
                self.start_next_epoch()
                bar.set_postfix_str(_shortest_summary(records), refresh=False)
                bar.update()
                if (self.epoch - 1) % self.config.checkpoint_every == 0:
                    self._save()
        return self._finish()

    def train_epoch(self, request: StopRequest) -> None:
        """What is left of the current epoch; a stop request saves and leaves the process."""
        self.members.train()
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr * self.config.optimizer.factor_at(self.epoch)
        bad_step = torch.full((len(self.labels),), -1, device=self.device)
        for step, chosen in self._batches():
            if request:
                self._save()
                request.exit(f"saved at epoch {self.epoch}, step {step}")
            losses = self._train_step(chosen)
            # The first bad step of each network stays on the device until someone looks.
            bad = ~losses.detach().isfinite() & (bad_step < 0)
            bad_step = torch.where(bad, step, bad_step)
            self.step = step + 1
            if step % _FINITE_EVERY == 0:
                self._check_finite(bad_step)
        self._check_finite(bad_step)

    def start_next_epoch(self) -> None:
        """Moves on to the next epoch, with sums of its own."""
        self.epoch, self.step = self.epoch + 1, 0
        self.sums = Sums(len(self.labels), self.data.num_classes, self.device)

    def _batches(self) -> Iterator[tuple[int, Tensor]]:
        """(step, image indices [seeds, batch]) of what is left of this epoch."""
        n = len(self.data.train)
        size = self.config.batch_size or n
        orders = [image_order(self.config, self.epoch, seed, n) for seed in self.config.seeds]
        order = torch.stack(orders).to(self.device)
        for step in range(self.step, -(-n // size)):
            yield step, order[:, step * size : (step + 1) * size]

    def _train_step(self, chosen: Tensor) -> Tensor:
        """One step of all networks; returns their losses [members]."""
        images = self.data.train.images.index_select(0, chosen.flatten())
        x = self.data.normalize(images).view(*chosen.shape, -1)
        y = self.data.train.labels.index_select(0, chosen.flatten()).view_as(chosen)
        if len(self.seed_of) > len(chosen):  # several DAGs see the images of one seed
            x, y = x.index_select(0, self.seed_of), y.index_select(0, self.seed_of)
        with torch.autocast(self.device.type, torch.bfloat16, self.config.precision == "bfloat16"):
            logits = self.members(x)
        logits = logits.float()
        losses = self.loss(logits, y)
        per_member = losses.mean(1)
        self.optimizer.zero_grad()
        # Networks share no weight: the gradient of the sum is each one's own.
        (per_member if self.shares is None else per_member * self.shares).sum().backward()
        self.optimizer.step()
        self.sums.add(losses, logits, y)
        return per_member

    def _check_finite(self, bad_step: Tensor) -> None:
        for (name, seed), step in zip(self.labels, bad_step.tolist()):
            if step >= 0:
                raise self._diverged(name, seed, f"step {step + 1}")

    def _diverged(self, name: str, seed: int, where: str) -> TrainingDivergedError:
        return TrainingDivergedError(
            f"loss of {name}, seed {seed}, is not finite at epoch {self.epoch}, {where}: lower "
            f"optimizer.lr (now {self.rates[name]:g}), add optimizer.warmup_epochs, or set "
            f"batch_norm: true; then --run.fresh true"
        )

    def _finish_epoch(self) -> list[dict]:
        """Metrics of the epoch per member, in %; keeps the best weights so far."""
        factor = self.config.optimizer.factor_at(self.epoch)
        records = [
            {"epoch": self.epoch, "dag": name, "seed": seed, "lr": self.rates[name] * factor} | sums
            for (name, seed), sums in zip(self.labels, self.sums.records("train"))
        ]
        if self.epoch % self.config.evaluate_every and self.epoch < self.config.epochs:
            return records
        for name in ("validation", "test"):
            found = evaluate(self.members, self.data, getattr(self.data, name), self.loss)
            for record, sums in zip(records, found.records(name)):
                record |= sums
                # The last step's loss is that before the step: only here its weights show.
                if not math.isfinite(sums[f"{name}_loss"]):
                    raise self._diverged(record["dag"], record["seed"], f"{name} images")
        for member, record in enumerate(records):
            # Of equally good epochs the first stays.
            if record["validation_accuracy"] > self.best[member]["accuracy"]:
                state = self.members.member_state(member)
                accuracy = record["validation_accuracy"]
                self.best[member] = {"accuracy": accuracy, "epoch": self.epoch, "state": state}
        return records

    def _log(self, records: list[dict], writer: object | None) -> None:
        for record in records:
            self.run.log(record)
            place = f"{record['dag']}-seed{record['seed']}"
            for key in [*record][3:] if writer else ():  # after epoch, dag and seed
                writer.add_scalar(f"{key}/{place}", record[key], record["epoch"])

    def _finish(self) -> dict:
        members, epochs = range(len(self.labels)), self.config.epochs
        last = [{"epoch": epochs, "state": self.members.member_state(m)} for m in members]
        for file, kept in (("best.pt", self.best), ("last.pt", last)):
            entries = [
                {"dag": name, "seed": seed, "code": self.config.dags[name]} | entry
                for (name, seed), entry in zip(self.labels, kept)
            ]
            save_state(self.run.folder / file, {"members": entries})
        best = {label: best["epoch"] for label, best in zip(self.labels, self.best)}
        result = summarize(self.config, self.run.folder, self.shape, best, self.rates, self.seconds)
        if self.analysis:
            result |= self.analysis(self.run.folder)
        network = {"width": self.config.width, "parameterization": self.config.parameterization}
        result = self.run.finish(result, network=network, n=len(self.config.seeds))
        remove_checkpoints(self.run.folder)
        return result


def image_order(config: MlpConfig, epoch: int, seed: int, n: int) -> Tensor:
    """The order of n images in an epoch; gradient descent takes them as they are."""
    return epoch_order(seed, epoch, n) if config.batch_size else torch.arange(n)


@torch.no_grad()
def evaluate(members: nn.Module, data: Dataset, split: Split, loss: Loss) -> Sums:
    """Loss and hits of all networks on one split, in evaluation mode."""
    members.eval()
    count = len(members)
    sums = Sums(count, data.num_classes, split.labels.device)
    for start in range(0, len(split), _EVALUATION_BATCH):
        part = slice(start, start + _EVALUATION_BATCH)
        x = data.normalize(split.images[part]).flatten(1).expand(count, -1, -1)
        y = split.labels[part].expand(count, -1)
        logits = members(x)
        sums.add(loss(logits, y), logits, y)
    return sums


def _shortest_summary(records: list[dict]) -> str:
    """Mean training accuracy of each DAG, or of all if they are many, for the progress bar."""
    by_dag: dict[str, list[float]] = {}
    for record in records:
        by_dag.setdefault(record["dag"], []).append(record["train_accuracy"])
    if len(by_dag) > 3:
        by_dag = {f"{len(by_dag)} DAGs": [a for values in by_dag.values() for a in values]}
    return " ".join(f"{name} {sum(a) / len(a):.1f}%" for name, a in by_dag.items())

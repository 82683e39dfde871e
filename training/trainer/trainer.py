"""One phase of training: any losses, one process or several, stopped and resumed anywhere, the best epoch kept.

    context = TrainContext(checkpoint_dir=run / "checkpoint")
    history = train_phase(Learner(network, LossConfig()), train, dev, PhaseConfig(...), seed=0, harness=harness)

The same call goes on from the last checkpoint, and ends as an unbroken one would: on a CPU bit for bit.
"""

import sys
import time
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import replace
from typing import Any

from training.data.examples import Examples
from training.data.modalities import BOTH, Modalities
from training.errors import ConfigError
from training.trainer.checkpoint import PhaseCheckpointer, fingerprint, load_trained_weights, trained_weights
from training.trainer.context import TrainContext
from training.trainer.frozen_text import read_once, texts_of
from training.trainer.learner import Learner
from training.trainer.loader import EpochSeed, Rank, load_batches, plan_epoch
from training.trainer.optimizer import frozen_by_rate, make_optimiser, set_rates
from training.trainer.phase import EpochResult, PhaseConfig
from training.trainer.predict import check_selection, dev_metrics, predict
from training.trainer.progress import PhaseProgress
from training.trainer.step import DivergedError, Stepper, Values

__all__ = [
    "DivergedError",
    "EpochResult",
    "PhaseConfig",
    "TrainContext",
    "dev_metrics",
    "predict",
    "train_phase",
]

#: Steps between the values that trackers get within an epoch.
_LOG_EVERY_STEPS = 10
#: What a step reports that is no loss.
_NOT_LOSSES = ("grad_norm", "lr_share")


def train_phase(
    learner: Learner,
    train: Examples,
    dev: Examples,
    config: PhaseConfig,
    *,
    seed: int,
    modalities: Modalities = BOTH,
    label: str = "train",
    harness: TrainContext | None = None,
) -> list[EpochResult]:
    """Train ``learner`` in place, leave it with the weights of the epoch that is kept, return every epoch's result.

    ``label`` names the phase in its run: its checkpoint, its values and its randomness. The best epoch on dev is kept,
    of equal ones the later, or the last (``config.keep``). A phase that has a finished checkpoint is not trained again.
    Several processes all call this.

    Raises ``ConfigError``, before any step, when ``dev`` cannot choose an epoch or the settings do not fit the learner;
    ``CheckpointError`` when a checkpoint is damaged or of another phase; ``DivergedError`` naming the step at which the
    loss stopped being a number.
    """
    check_selection(dev, config.select_on)
    if not len(train):
        raise ConfigError(f"phase {label!r} has no samples to train on: give it a source that has some")
    harness = harness or TrainContext()
    home = next(learner.parameters()).device
    with frozen_by_rate(learner, config):
        try:
            return _Phase(learner, train, dev, config, EpochSeed(seed, label, 1), modalities, harness).run()
        finally:
            if harness.n_processes > 1:
                harness.accelerator.free_memory()
            learner.to(home)


class _Phase:
    """A phase while it runs, in one of the processes that train it together."""

    def __init__(
        self,
        learner: Learner,
        train: Examples,
        dev: Examples,
        config: PhaseConfig,
        seed: EpochSeed,
        modalities: Modalities,
        harness: TrainContext,
    ) -> None:
        self._learner, self._train, self._dev = learner, train, dev
        self._config, self._seed, self._modalities, self._harness = config, seed, modalities, harness
        self._accelerator = harness.accelerator
        self._share = Rank(self._accelerator.process_index, harness.n_processes)
        self._n_steps = len(plan_epoch(train, config, seed, self._share))
        self._optimiser = make_optimiser(learner.to(self._accelerator.device), config)
        self._keeper = PhaseCheckpointer(harness.checkpoint_dir, seed.label, config)
        self._precision = self._keeper.precision(self._accelerator.device)
        if self._keeper.is_on:
            self._keeper.identify(self._fingerprint())
        self._state = self._keeper.restore(learner, self._optimiser)
        stream = sys.stderr if harness.is_main else None
        self._progress = PhaseProgress(seed.label, config.epochs * self._n_steps, self._steps_done, stream)

    def run(self) -> list[EpochResult]:
        """Train what is left to train, and restore the best epoch."""
        state = self._state
        with closing(self._progress):
            if state.history or state.step:
                self._report_resumed()
            if not state.finished:
                stepper = Stepper(self._learner, self._optimiser, self._accelerator, self._precision, self._config)
                with self._text_read_once():
                    while not self._is_over():
                        self._run_epoch(stepper)
                state.finished, state.epoch_start = True, {}
                self._save()
        load_trained_weights(self._learner, state.best)
        self._accelerator.wait_for_everyone()
        return state.history

    @property
    def _steps_done(self) -> int:
        return (self._state.epoch - 1) * self._n_steps + self._state.step

    def _selected(self) -> list[float]:
        """The metric that chooses, by epoch."""
        return [result.dev[self._config.select_on] for result in self._state.history]

    def _fingerprint(self) -> dict[str, Any]:
        return fingerprint(
            self._learner,
            self._train,
            self._dev,
            self._config,
            seed=self._seed.seed,
            modalities=self._modalities,
            n_processes=self._share.n_processes,
            precision=self._precision,
        )

    def _text_read_once(self) -> AbstractContextManager[None]:
        """A text tower that stays as it is need not be run over the same texts in every epoch."""
        if self._config.text_tower_lr:
            return nullcontext()
        texts = texts_of(self._learner, self._train, self._dev, self._modalities)
        return read_once(self._learner.network.text_tower, texts)

    def _is_over(self) -> bool:
        """Whether all epochs are done, or the last ``patience`` of them brought nothing better."""
        values, patience = self._selected(), self._config.patience
        since_best = len(values) - 1 - values.index(max(values)) if values else 0
        if patience is not None and since_best >= patience:
            self._progress.say(f"stops early: no better epoch in the last {since_best}")
            return True
        return self._state.epoch > self._config.epochs

    def _run_epoch(self, stepper: Stepper) -> None:
        """What is left of the epoch that the state is in, and its end."""
        started = time.monotonic()
        state, seed = self._state, replace(self._seed, epoch=self._state.epoch)
        self._begin_epoch()
        steps = plan_epoch(self._train, self._config, seed, self._share)[state.step :]
        rounds = [item for step in steps for item in step]
        with closing(load_batches(self._train, rounds, self._config, self._modalities, seed)) as batches:
            for step in steps:
                seed.seed_torch(state.step, self._share.process)
                rate = set_rates(self._optimiser, self._config, self._steps_done, self._config.epochs * self._n_steps)
                due = self._harness.is_main and self._keeper.is_due(state.step + 1)
                try:
                    values, due = stepper.step(step, batches, due)
                except DivergedError as error:
                    raise self._named(error) from error
                self._step_done(values | {"lr_share": rate})
                if due:
                    self._save()
        self._end_epoch(time.monotonic() - started)

    def _begin_epoch(self) -> None:
        """Let the learner look at the training set, with the weights that the epoch began with."""
        state, learner = self._state, self._learner
        looks_back = learner.losses.rgcl_weight > 0
        now = trained_weights(learner) if looks_back else {}
        if looks_back and not state.step:
            state.epoch_start = now
        elif looks_back:
            load_trained_weights(learner, state.epoch_start)
        learner.begin_epoch(self._train, self._modalities, self._accelerator.device)
        if looks_back:
            load_trained_weights(learner, now)
        learner.train()

    def _step_done(self, values: Values) -> None:
        state = self._state
        state.step += 1
        state.sums = {
            name: state.sums.get(name, 0.0) + value for name, value in values.items() if name not in _NOT_LOSSES
        }
        self._progress.step(values["loss"])
        if self._harness.is_main and self._steps_done % _LOG_EVERY_STEPS == 0:
            self._log(values)

    def _end_epoch(self, duration_s: float) -> None:
        """Judge the epoch on dev, keep it if it is the best, and write the checkpoint that the next one starts from."""
        state = self._state
        dev = dev_metrics(self._learner, self._dev, self._modalities, accelerator=self._accelerator)
        means = {name: total / self._n_steps for name, total in state.sums.items()}
        loss = means.pop("loss")
        result = EpochResult(state.epoch, loss, dev, means)
        state.history.append(result)
        is_best = self._selected()[-1] == max(self._selected())
        if is_best or self._config.keep == "last":
            state.best = trained_weights(self._learner)
        state.epoch, state.step, state.sums, state.epoch_start = state.epoch + 1, 0, {}, {}
        self._save()
        self._progress.epoch(result, self._config.select_on, is_best=is_best)
        if self._harness.is_main:
            self._log({f"dev/{task}": value for task, value in dev.items()} | {"epoch_s": duration_s})
            self._tell()

    def _save(self) -> None:
        if self._harness.is_main:
            self._keeper.write(self._learner, self._optimiser, self._state)

    def _log(self, values: Values) -> None:
        named = {f"{self._seed.label}/{name}": value for name, value in values.items()}
        self._harness.tracker.log(self._steps_done, named)

    def _tell(self) -> None:
        if self._harness.on_epoch is not None:
            self._harness.on_epoch(self._seed.label, list(self._state.history))

    def _report_resumed(self) -> None:
        state = self._state
        done = "is done already" if state.finished else f"goes on at epoch {state.epoch}, step {state.step + 1}"
        self._progress.say(done)
        if self._harness.is_main:
            self._tell()

    def _named(self, error: DivergedError) -> DivergedError:
        """The error with its place, and what to do."""
        state, config = self._state, self._config
        kept = "the checkpoint before it is kept; " if self._keeper.is_on else ""
        advice = f"train anew with lower learning rates (fusion_lr is {config.fusion_lr:g})"
        if self._precision == "bf16":
            advice += ", or with precision fp32"
        place = f"phase {self._seed.label!r}, epoch {state.epoch}, step {state.step + 1}"
        return DivergedError(f"{place}: {error}; {kept}{advice}")

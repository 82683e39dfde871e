"""One optimiser step, over the batches of one process or several."""

import math
from collections.abc import Iterator, Sequence
from contextlib import nullcontext

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from model.errors import MemeguardError
from training.data.batch import Batch
from training.trainer.learner import Learner
from training.trainer.loader import MicroBatch
from training.trainer.phase import PhaseConfig
from training.trainer.precision import DecidedPrecision, autocast

Values = dict[str, float]


class DivergedError(MemeguardError):
    """A loss or a gradient is not a finite number any more; the weights are those before that step."""


class Stepper:
    """Makes steps. The gradient of a step is the mean over all batches of all processes in it."""

    def __init__(
        self,
        learner: Learner,
        optimiser: torch.optim.Optimizer,
        accelerator: Accelerator,
        precision: DecidedPrecision,
        config: PhaseConfig,
    ) -> None:
        self._trained = [parameter for parameter in learner.parameters() if parameter.requires_grad]
        self._optimiser, self._accelerator, self._precision = optimiser, accelerator, precision
        self._max_grad_norm = config.max_grad_norm
        # One process has no others to average with, and accelerate would hold on to the learner.
        self._wrapped: nn.Module = accelerator.prepare(learner) if accelerator.num_processes > 1 else learner

    def step(self, rounds: Sequence[MicroBatch], batches: Iterator[Batch], flag: bool) -> tuple[Values, bool]:
        """Take as many of ``batches`` as there are ``rounds``, and make one step.

        Returns the losses by name, means over the step, with the gradient's norm; and whether any process raised its
        ``flag``. Raises ``DivergedError``, in all processes alike, before weights are changed by what is no number.
        """
        self._optimiser.zero_grad(set_to_none=True)
        sums: dict[str, Tensor] = {}
        for index, item in enumerate(rounds):
            accumulates = index + 1 < len(rounds)
            with self._accelerator.no_sync(self._wrapped) if accumulates else nullcontext():
                losses = self._backward(next(batches), item.weight)
            for name, loss in losses.items():
                sums[name] = sums.get(name, torch.zeros_like(loss)) + loss * item.weight
        values, flag = self._means(sums, flag)
        norm = float(nn.utils.clip_grad_norm_(self._trained, self._max_grad_norm))
        if not math.isfinite(values["loss"]) or not math.isfinite(norm):
            raise DivergedError(f"the loss is {values['loss']:g} and the norm of its gradient {norm:g}")
        self._optimiser.step()
        return values | {"grad_norm": norm}, flag

    def _backward(self, batch: Batch, weight: float) -> dict[str, Tensor]:
        device = self._accelerator.device
        with autocast(self._precision, device):
            losses: dict[str, Tensor] = self._wrapped(batch.to(device))
        self._accelerator.backward(losses["loss"] * weight)
        return {name: loss.detach().float() for name, loss in losses.items()}

    def _means(self, sums: dict[str, Tensor], flag: bool) -> tuple[Values, bool]:
        """Averaged over the processes, which the weights of their rounds allow for; one message for everything."""
        packed = torch.stack([*sums.values(), torch.tensor(float(flag), device=self._accelerator.device)])
        *means, flags = self._accelerator.reduce(packed, reduction="mean").tolist()
        return dict(zip(sums, means, strict=True)), flags > 0

"""Settings of a config that do not go together: towers with their phases, teacher and memory with all the rest."""

from collections.abc import Mapping, Sequence

from model.network.config import TuningMode
from model.taxonomy import Task
from training.kernel.config import MemoryConfig, TeacherConfig
from training.losses.config import LossConfig
from training.trainer.phase import PhaseConfig


def check_towers(modes: Mapping[str, TuningMode], phases: Sequence[PhaseConfig]) -> None:
    """Raise ``ValueError`` for phases that do not fit the ``modes`` of the towers."""
    _check_rates("text", modes["text"], [phase.text_tower_lr for phase in phases])
    _check_rates("image", modes["image"], [phase.image_tower_lr for phase in phases])
    for place, phase in enumerate(phases):
        if phase.patch_keep < 1 and modes["image"] != "frozen":
            raise ValueError(
                f"phases.{place}.patch_keep: {phase.patch_keep:g} is for a frozen image tower, and "
                f"towers.image.mode is {modes['image']!r}; set patch_keep to 1, or the mode to 'frozen'"
            )


def _check_rates(tower: str, mode: TuningMode, rates: list[float]) -> None:
    if mode == "frozen" and any(rates):
        place = next(place for place, rate in enumerate(rates) if rate)
        raise ValueError(
            f"phases.{place}.{tower}_tower_lr: {rates[place]:g}, but towers.{tower}.mode is 'frozen'; set the rate "
            "to 0, or the mode to 'adapters', 'last_layers' or 'full'"
        )
    if mode != "frozen" and not any(rates):
        raise ValueError(
            f"towers.{tower}.mode: {mode!r}, but no phase has a {tower}_tower_lr above 0; give one, or 'frozen'"
        )


def check_kernel_machines(
    teacher: TeacherConfig | None,
    memory: MemoryConfig | None,
    losses: LossConfig,
    tasks: Sequence[Task],
    modes: Mapping[str, TuningMode],
) -> None:
    """Raise ``ValueError`` for what nobody listens to, and for tasks or towers that a kernel machine cannot have."""
    _check_heard(teacher, losses)
    others = [task.name for task in tasks if task.kind != "binary"]
    if teacher is not None:
        if len(others) == len(tasks):
            raise ValueError(f"teacher: it speaks of binary tasks only, and {others[0]!r} is none; set teacher=null")
        _check_frozen("teacher", modes)
    if memory is not None:
        if others:
            raise ValueError(f"memory: it votes on binary tasks only, and {others[0]!r} is none; set memory=null")
        _check_frozen("memory", modes)


def _check_heard(teacher: TeacherConfig | None, losses: LossConfig) -> None:
    weight = losses.distillation_weight
    if weight and teacher is None:
        raise ValueError(
            f"losses.distillation_weight: {weight:g}, but there is no teacher; add one (teacher={{}}), or set it to 0"
        )
    if teacher is not None and not weight:
        raise ValueError(
            "teacher: losses.distillation_weight is 0, so nobody listens to it; set that above 0, or teacher=null"
        )


def _check_frozen(name: str, modes: Mapping[str, TuningMode]) -> None:
    """What a tuned tower makes of its own training samples is nothing that other samples can be measured by."""
    tuned = [tower for tower, mode in modes.items() if mode != "frozen"]
    if tuned:
        raise ValueError(
            f"{name}: it reads the features of frozen towers, and towers.{tuned[0]}.mode is {modes[tuned[0]]!r}; "
            f"set that to 'frozen', or {name}=null"
        )

"""Settings of a config that do not go together: towers with their phases, teacher and memory with all the rest."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from model.network.config import TuningMode
from training.trainer.phase import PhaseConfig

if TYPE_CHECKING:
    from training.run.config import TrainConfig


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


def check_phases(config: "TrainConfig") -> None:
    """Raise ``ValueError`` for sources that there are not, and for a task to select on that the network has not."""
    last = len(config.data.train) - 1
    listed = {f"phases.{index}.sources": phase.sources for index, phase in enumerate(config.phases)}
    speakers = {"teacher": config.teacher, "memory": config.memory, "sentence_teacher": config.sentence_teacher}
    for name, machine in speakers.items():
        listed[f"{name}.sources"] = None if machine is None else machine.sources
    if not isinstance(config.baselines, bool):
        listed["baselines"] = config.baselines
    for key, sources in listed.items():
        outside = [source for source in sources or () if source > last]
        if outside:
            raise ValueError(f"{key}: {outside[0]} is no place in data.train (0 to {last})")
    seen = config.sources_of(config.phases[-1])
    for key in ("teacher.sources", "memory.sources"):
        unseen = [source for source in listed[key] or () if source not in seen]
        if unseen:
            raise ValueError(f"{key}: the last phase does not see {unseen[0]}; name sources that it sees")
    for index, phase in enumerate(config.phases):
        if phase.select_on not in config.network.tasks:
            known = ", ".join(config.network.tasks)
            raise ValueError(f"phases.{index}.select_on: {phase.select_on!r} is no task of this network: {known}")


def check_shared_phases(config: "TrainConfig") -> None:
    """Raise ``ValueError`` for a phase with a seed for all networks that not all of them go through alike."""
    for index, phase in enumerate(config.phases):
        key = f"phases.{index}.shared_seed"
        if phase.shared_seed is None:
            continue
        if index and config.phases[index - 1].shared_seed is None:
            raise ValueError(f"{key}: the phase before it is not shared, and only the first phases can be")
        if config.taught_from is not None and index >= config.taught_from:
            raise ValueError(f"{key}: this phase listens to the teacher, and each network has its own; leave it out")
        if index >= config.n_shared_phases:
            raise ValueError(
                f"{key}: the networks of this run do not go through this phase alike; give it 'modalities', and losses "
                "that the twins can have"
            )


def check_kernel_machines(config: "TrainConfig") -> None:
    """Raise ``ValueError`` for what nobody listens to, and for tasks or towers that a kernel machine cannot have."""
    teacher, memory, tasks = config.teacher, config.memory, config.network.task_list
    _check_heard(config)
    others = [task.name for task in tasks if task.kind != "binary"]
    if teacher is not None:
        if len(others) == len(tasks):
            raise ValueError(f"teacher: it speaks of binary tasks only, and {others[0]!r} is none; set teacher=null")
        _check_frozen("teacher", config, config.sources_of(teacher))
    if memory is not None:
        if len(others) == len(tasks):
            raise ValueError(f"memory: it votes on binary tasks only, and {others[0]!r} is none; set memory=null")
        _check_frozen("memory", config, config.sources_of(memory))


def _check_heard(config: "TrainConfig") -> None:
    losses = {"losses": config.losses} | {
        f"phases.{index}.losses": phase.losses for index, phase in enumerate(config.phases) if phase.losses is not None
    }
    heard = {key: found.distillation_weight for key, found in losses.items() if found.distillation_weight}
    speakers = {"teacher": config.teacher, "sentence_teacher": config.sentence_teacher}
    for key, weight in heard.items():
        if not any(speakers.values()):
            raise ValueError(
                f"{key}.distillation_weight: {weight:g}, but there is no teacher; add one (teacher={{}}), or set it to "
                "0"
            )
    for name, speaker in speakers.items():
        if speaker is not None and not any(config.listens(phase, speaker) for phase in config.phases):
            raise ValueError(
                f"{name}: nobody listens to it: losses.distillation_weight is 0 in each phase that sees what it speaks "
                f"of; set that above 0, or {name}=null"
            )


def _check_frozen(name: str, config: "TrainConfig", sources: Sequence[int]) -> None:
    """What a tuned tower makes of its own training samples is nothing that other samples can be measured by.

    So a text tower may be tuned, but by phases that see none of ``sources``. Pixels of a tuned image tower are not
    read at all.
    """
    modes = config.towers.modes
    tuning = [phase for phase in config.phases if phase.text_tower_lr and {*config.sources_of(phase)} & {*sources}]
    tuned = [tower for tower, mode in modes.items() if mode != "frozen" and (tower == "image" or tuning)]
    if tuned:
        raise ValueError(
            f"{name}: it reads the features of frozen towers, and towers.{tuned[0]}.mode is {modes[tuned[0]]!r}; "
            f"set that to 'frozen', or {name}=null"
        )

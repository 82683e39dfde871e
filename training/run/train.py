"""One run of training, from its config to its finished folder. Killed anywhere, the same call goes on from there."""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from model.atomic import write_atomically
from model.bundle import MetricRow
from model.network.memory import binary_tasks
from training.errors import RunError
from training.kernel.config import MemoryConfig, TeacherConfig
from training.kernel.memory import MEMORY_FILE, remember, write_memory
from training.kernel.soft_labels import SOFT_LABELS_FILE, read_soft_labels, teach, write_soft_labels
from training.run.backbone import RunTowers, image_tower_digest, open_towers
from training.run.build import TrainingSetup, assemble, check_remembered, save_weights, shown_modalities
from training.run.config import RunPhase, TrainConfig
from training.run.config.file import parse_train_config
from training.run.dev_metrics import baseline_rows, dev_set, network_rows, write_results
from training.run.folder import RunFolder, locked, start_or_resume, write_json
from training.run.image_tower import finish_towers
from training.run.load_data import RunData, check_sources, load_run_data
from training.run.provenance import provenance
from training.run.trained import average_of, trained_network
from training.trainer.checkpoint import first_difference
from training.trainer.context import TrainContext, make_accelerator
from training.trainer.phase import EpochResult
from training.trainer.trackers import Trackers, check_trackers, open_trackers
from training.trainer.trainer import train_phase

Say = Callable[[str], None]
#: What every start of one run must find unchanged.
_MUST_AGREE = ("data_sha256", "image_tower_sha256", "start_bundle")
_MAX_SKIPPED_SHOWN = 5


@dataclass(frozen=True)
class RunContext:
    """What a start of a run needs beside its config. ``say`` reports a line to who watches."""

    run: RunFolder
    cache: Path
    command: Sequence[str]
    say: Say


def train(config: TrainConfig, session: RunContext) -> None:
    """Train, or go on with, the run in ``session.run`` until its folder is finished.

    With several processes each of them calls this; the main one alone writes. Raises ``RunError`` when the folder
    belongs to another config, or when data or weights are not those that the run was started with.
    """
    check_trackers(config.trackers)
    accelerator = make_accelerator()
    is_main = bool(accelerator.is_main_process)
    session = session if is_main else replace(session, say=lambda line: None)
    with ExitStack() as held:
        if is_main:
            held.enter_context(locked(session.run))
            if start_or_resume(session.run, config.plain(), _completed) and not session.run.is_finished:
                session.say(f"going on with {session.run.path}")
        accelerator.wait_for_everyone()
        if session.run.is_finished:
            session.say(f"{session.run.path} is finished; `memeguard export {session.run.path}` makes its bundle")
            return
        with accelerator.main_process_first():  # it fills the caches, the others read them
            setup = _prepared(config, session, write=is_main)
        trackers = _open_trackers(config, session) if is_main else Trackers()
        with closing(trackers):
            context = TrainContext(accelerator, session.run.checkpoint, trackers, _History(session.run))
            for name, member in config.members.items():
                if not (name and session.run.member(name).is_finished):
                    network = setup.member(member) if name else setup
                    _train_network(network, name, config.n_shared_phases, context, session)
        if is_main:
            _finish(config, setup, session)
        accelerator.wait_for_everyone()


def _completed(recorded: Mapping[str, Any]) -> Mapping[str, Any]:
    return parse_train_config(recorded, Path("config.yaml")).plain()


class _History:
    """Keeps RUN/history.jsonl: a line an epoch, whole at any moment."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._lines: dict[str, list[str]] = {}
        # What was done before this start stays: networks that are finished do not tell it again.
        for line in run.history.read_text(encoding="utf-8").splitlines() if run.history.is_file() else ():
            self._lines.setdefault(json.loads(line)["phase"], []).append(line)

    def __call__(self, label: str, results: Sequence[EpochResult]) -> None:
        self._lines[label] = [json.dumps({"phase": label, **asdict(result)}) for result in results]
        lines = [f"{line}\n" for known in self._lines.values() for line in known]
        write_atomically(self._run.history, "".join(lines).encode())


def _open_trackers(config: TrainConfig, session: RunContext) -> Trackers:
    trackers = open_trackers(config.trackers, session.run.logs, session.run.path.name)
    trackers.log_config(config.plain())
    return trackers


def _prepared(config: TrainConfig, session: RunContext, *, write: bool) -> TrainingSetup:
    # Cheap refusals first: reading thousands of pictures takes minutes.
    check_sources(config.data)
    towers = open_towers(config, session.cache)
    data = load_run_data(config, session.cache)
    _report(data, session)
    check_remembered(config, data)
    towers = finish_towers(towers, config, data, session.cache)
    if write:
        _record(config, data, towers, session)
    setup = assemble(config, data, towers, session.cache)
    for note in setup.notes:
        session.say(note)
    if write and config.baselines is not False:
        _keep_baselines(setup, session)
    return setup


def _report(data: RunData, session: RunContext) -> None:
    for note in data.notes:
        session.say(note)
    for skipped in data.skipped[:_MAX_SKIPPED_SHOWN]:
        session.say(f"left out: {skipped.place}: {skipped.reason}")
    if len(data.skipped) > _MAX_SKIPPED_SHOWN:
        session.say(f"left out: {len(data.skipped)} rows in all; `memeguard data check` lists them")
    counts = ", ".join(f"{name} {len(samples)}" for name, samples in data.parts.items())
    session.say(f"samples: {counts}")


def _record(config: TrainConfig, data: RunData, towers: RunTowers, session: RunContext) -> None:
    """Write the provenance of a new run; of one that goes on, check that nothing it stands on has changed."""
    found = provenance(shlex.join(session.command), config.plain(), data.parts, config.seeds or (config.seed,)) | {
        "image_tower_sha256": image_tower_digest(towers),
        "start_bundle": None if towers.start is None else towers.start.recorded,
        "n_skipped": len(data.skipped),
    }
    path = session.run.provenance
    if not path.is_file():
        write_json(path, found)
        return
    recorded = json.loads(path.read_text(encoding="utf-8"))
    for name in _MUST_AGREE:
        difference = first_difference(recorded.get(name), found[name], name)
        if difference:
            raise RunError(
                f"{session.run.path} was started on something else: {difference}; put it back, or choose another --out"
            )


def _keep_baselines(assembled: TrainingSetup, session: RunContext) -> None:
    """Fit the baselines while nothing is tuned yet, unless an earlier start did."""
    path = session.run.path / "baselines.json"
    if path.is_file():
        return
    session.say("fitting the baselines")
    rows, absent = baseline_rows(assembled)
    write_json(path, {"rows": [row.model_dump(mode="json") for row in rows], "absent": absent})


def _baselines(session: RunContext) -> tuple[list[MetricRow], list[str]]:
    path = session.run.path / "baselines.json"
    if not path.is_file():
        return [], ["baselines: switched off"]
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return [MetricRow.model_validate(row) for row in document["rows"]], document["absent"]


def _train_network(setup: TrainingSetup, name: str, n_shared: int, context: TrainContext, session: RunContext) -> None:
    """Train one network of the run, and write down its weights and its memory."""
    config, folder = setup.config, session.run.member(name)
    for index, phase in enumerate(config.phases):
        if config.teacher is not None and index == config.taught_from:
            with context.accelerator.main_process_first():  # it asks the teacher, the others read what was said
                _teach(setup, config.teacher, folder, session.say, write=context.is_main)
        train_phase(
            setup.learner_of(phase),
            setup.train_of(phase),
            setup.dev,
            phase,
            seed=config.seed_of(phase),
            modalities=config.modalities_of(phase),
            label=label_of(name, index, phase, n_shared),
            harness=context,
        )
    if context.is_main:
        save_weights(setup.learner, folder.network)
        if config.memory is not None:
            _remember(setup, config.memory, folder, session.say)
        if name:
            write_json(folder.done, {"weights": folder.network.name})


def label_of(name: str, index: int, phase: RunPhase, n_shared: int) -> str:
    """What a phase of the network ``name`` is called in its run.

    A phase that networks share has the same label for all of them, and so the same randomness: the checkpoint that the
    first of these networks leaves is the end of the phase for the others. Those of a seed share the ``n_shared`` first.
    """
    of_network = name.partition("-")[0] if index < n_shared else name
    owner = of_network if phase.shared_seed is None else "shared"
    return ".".join(part for part in (owner, str(index), phase.name) if part)


def _teach(setup: TrainingSetup, config: TeacherConfig, folder: RunFolder, say: Say, *, write: bool) -> None:
    """Give the training examples the soft labels of this network: those of the run's first start."""
    path, train, shown = folder.path / SOFT_LABELS_FILE, setup.remembered, shown_modalities(setup.config)
    if write and not path.is_file():
        say(f"asking the teacher about {', '.join(task.name for task in setup.taught)}")
        rows, network = setup.whole_rows(config), setup.learner.network
        write_soft_labels(path, teach(network, train, rows, setup.taught, config, setup.config.seed, shown))
    setup.teach(read_soft_labels(path, len(train)))


def _remember(setup: TrainingSetup, config: MemoryConfig, folder: RunFolder, say: Say) -> None:
    """Write down the memory of a trained network."""
    network, shown, rows = setup.learner.network, shown_modalities(setup.config), setup.whole_rows(config)
    memory = remember(network, setup.remembered, setup.calibrate, config, shown, rows).memory
    say(f"remembering {len(memory.weights)} training samples")
    tasks = setup.config.network.task_list
    for column, place in enumerate(binary_tasks(tasks)):
        if not memory.weights[:, column].any():
            say(
                f"the memory has no say on {tasks[place].name!r}: its votes do not help where the calibration is fitted"
            )
    write_memory(folder.path / MEMORY_FILE, memory)


def _finish(config: TrainConfig, setup: TrainingSetup, session: RunContext) -> None:
    """Measure what was trained on dev, and mark the run as finished."""
    run = session.run
    networks = [
        trained_network(member, setup.towers.copied() if name else setup.towers, run.member(name))
        for name, member in config.members.items()
    ]
    average = average_of(config, networks)
    own = network_rows(networks, setup.calibrate, [dev_set(setup.dev)], average=average, alone=True)
    rows, absent = _baselines(session)
    seeds = {"seed": config.seed} if config.seeds is None else {"seeds": list(config.seeds)}
    about = {"name": config.name, "version": config.version, "modalities": config.modalities, **seeds}
    write_results(run, [*own, *rows], absent, about)
    write_json(run.done, {"results": "results.json", "weights": run.network.name})
    session.say(f"{run.path} is finished; results.md shows it beside the baselines")

"""Policies from a YAML file, with the word lists that lie beside it, checked against the bundle that they are for."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from model.atomic import file_digest
from model.bundle import Bundle, Thresholds, ThresholdsByModality
from model.errors import MemeguardError
from model.files.yaml_keys import DuplicateKeyError, UniqueKeyLoader
from model.modality import MODALITIES
from model.policy.policy import DEFAULT_POLICY, BankRule, PartialRules, Policy, default_policy
from model.policy.schema import (
    PolicyEntry,
    PolicyFileEntry,
    ThresholdsEntries,
    ThresholdsEntry,
    WordListEntry,
    check_entries,
    parse_document,
)
from model.policy.scored_views import CATEGORIES, score_names
from model.policy.word_lists import WordList


class PolicyFileError(MemeguardError):
    """A policy file that cannot be used; the message names file, policy and key and says what to do.

    It never holds an entry of a word list.
    """


@dataclass(frozen=True)
class PolicySet:
    """Policies by name, and the name of the one that is used where nobody names one."""

    policies: Mapping[str, Policy]
    default: str

    def named(self, name: str | None, place: object) -> Policy:
        """A policy by name, the default for None; ``PolicyFileError`` tells of ``place`` when there is none."""
        found = self.policies.get(self.default if name is None else name)
        if found is None:
            raise PolicyFileError(f"{place}: there is no policy {name!r}; known: {', '.join(self.policies)}")
        return found

    @classmethod
    def of_bundle(cls, bundle: Bundle) -> "PolicySet":
        """The bundle's own policy alone."""
        own = default_policy(bundle.manifest)
        return cls({own.name: own}, own.name)


class PolicyFile:
    """A policy file and the files that it names. ``read`` may be called again when ``has_changed`` says so."""

    def __init__(self, path: Path, bundle: Bundle, categories: Iterable[str] = ()) -> None:
        """``categories`` are those that are scored beside the tasks of ``bundle``."""
        self.path = path
        self._bundle = bundle
        self._categories = tuple(f"{CATEGORIES}.{name}" for name in categories)
        self._seen: dict[Path, str] = {}

    def read(self) -> PolicySet:
        """The policies as the files are now; raises ``PolicyFileError``."""
        self._seen = {}
        entry = self._parsed(self._content(self.path))
        policies = {name: self._policy(name, given) for name, given in entry.policies.items()}
        if DEFAULT_POLICY not in policies:
            policies = {DEFAULT_POLICY: default_policy(self._bundle.manifest)} | policies
        default = entry.default or DEFAULT_POLICY
        if default not in policies:
            raise self._error(f"default: there is no policy {default!r}; known: {', '.join(policies)}")
        return PolicySet(policies, default)

    def has_changed(self) -> bool:
        """True when a file that the last ``read`` looked at holds something else now."""
        return any(_digest(path) != seen for path, seen in self._seen.items())

    def fingerprint(self) -> tuple[str, ...]:
        """Digests of those files as they are now."""
        return tuple(_digest(path) for path in self._seen)

    def _content(self, path: Path) -> str:
        self._seen[path] = _ABSENT
        try:
            content = path.read_bytes()
        except OSError as error:
            raise PolicyFileError(f"{path}: cannot be read ({error.strerror}); give a file that is there") from error
        self._seen[path] = hashlib.sha256(content).hexdigest()
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise PolicyFileError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from error

    def _parsed(self, content: str) -> PolicyFileEntry:
        try:
            document = yaml.load(content, UniqueKeyLoader)  # noqa: S506  a SafeLoader
        except yaml.YAMLError as error:  # its own message quotes the file
            mark = getattr(error, "problem_mark", None)
            place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
            what = error.problem if isinstance(error, DuplicateKeyError) else "this is not YAML"
            raise self._error(f"{what}{place}; correct it there") from error
        try:
            return parse_document(document)
        except ValueError as error:
            raise self._error(str(error)) from error

    def _policy(self, name: str, entry: PolicyEntry) -> Policy:
        inherited = self._bundle.manifest.thresholds if entry.extends else {}
        for key, given in (("thresholds", entry.thresholds), ("severity", entry.severity)):
            self._check_names(f"policy {name!r}: {key}", given)
        own = {
            task: self._thresholds(f"policy {name!r}: thresholds.{task}", given, inherited.get(task))
            for task, given in entry.thresholds.items()
        }
        return Policy(
            name=name,
            version=entry.version,
            thresholds={**inherited, **own},
            severity={task: tuple(band.band() for band in bands) for task, bands in entry.severity.items()},
            word_lists=tuple(self._word_list(name, key, one) for key, one in entry.word_lists.items()),
            partial=PartialRules(entry.partial.text, entry.partial.picture),
            banks=tuple(BankRule(bank, **dict(rule)) for bank, rule in entry.banks.items()),
        )

    def _thresholds(
        self, place: str, given: ThresholdsEntries, inherited: ThresholdsByModality | None
    ) -> ThresholdsByModality:
        """One pair goes for every modality; of a modality that is not named it is the inherited one."""
        if isinstance(given, ThresholdsEntry):
            return ThresholdsByModality.alike(given.thresholds())
        found: dict[str, Thresholds] = dict(inherited.items()) if inherited else {}
        found |= {modality: limits.thresholds() for modality, limits in given.items()}
        for modality in MODALITIES:
            if modality not in found:
                raise self._error(
                    f"{place}.{modality}: this key is missing; add it, or give review and block once for all"
                )
        return ThresholdsByModality(**found)

    def _check_names(self, place: str, given: Iterable[str]) -> None:
        known = [*score_names(self._bundle.tasks), *self._categories]
        for name in given:
            if name not in known and name.startswith(f"{CATEGORIES}."):
                there = f"known: {', '.join(self._categories)}" if self._categories else "none are scored"
                raise self._error(
                    f"{place}: {name!r} is no category ({there}); name the file of categories that has it "
                    "(--categories, MEMEGUARD_CATEGORIES_FILE)"
                )
            if name not in known:
                raise self._error(
                    f"{place}: {name!r} is no yes/no task of the bundle {self._bundle.manifest.name} and no class of "
                    f"another task; name one of: {', '.join(known)}"
                )

    def _word_list(self, policy: str, name: str, entry: WordListEntry) -> WordList:
        entries = entry.entries
        if entry.file is not None:
            path = self.path.parent / entry.file
            try:
                entries = list(_lines(self._content(path)))
                check_entries(entries)
            except (PolicyFileError, ValueError) as error:
                raise self._error(f"policy {policy!r}: word_lists.{name}.file: {error}") from error
        return WordList(name, entry.action, tuple(dict.fromkeys(entries or ())), entry.whole_words)

    def _error(self, message: str) -> PolicyFileError:
        return PolicyFileError(f"{self.path}: {message}")


def chosen_policy(choice: str, bundle: Bundle, categories: Iterable[str] = ()) -> Policy:
    """The policy that ``FILE`` or ``FILE:NAME`` names, for FILE alone its default; raises ``PolicyFileError``."""
    path, name = split_choice(choice)
    return read_policies(path, bundle, categories).named(name, path)


def split_choice(choice: str) -> tuple[Path, str | None]:
    """The parts of ``FILE`` or ``FILE:NAME``; the name is None for FILE alone."""
    path = Path(choice)
    if path.exists() or ":" not in choice:
        return path, None
    file, _, name = choice.rpartition(":")
    return Path(file), name


def read_policies(path: Path | None, bundle: Bundle, categories: Iterable[str] = ()) -> PolicySet:
    """The policies of a file, or the bundle's own alone for None; raises ``PolicyFileError``."""
    return PolicySet.of_bundle(bundle) if path is None else PolicyFile(path, bundle, categories).read()


_ABSENT = "absent"


def _digest(path: Path) -> str:
    try:
        return file_digest(path)
    except OSError:
        return _ABSENT


def _lines(content: str) -> Iterator[str]:
    """Entries of a word-list file: one a line; blank lines and those that begin with "#" are left out."""
    for line in content.splitlines():
        entry = line.strip()
        if entry and not entry.startswith("#"):
            yield entry

"""Shadow policy: it decides on the scores that the decision was made of. Only banks of its own are asked for it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from model import Policy
from model.bundle import Bundle
from model.policy.file import PolicyFile, PolicyFileError, PolicySet, split_choice
from serving.inference.answered import Answered
from serving.inference.policy_store import PolicyStore
from serving.known.bank_follower import BankFollower
from serving.settings import Settings
from serving.shadow.banks import asks_banks, needs_picture
from serving.shadow.ruling import ShadowRuler
from serving.shadow.subject import ShadowResult, Subject


@dataclass(frozen=True)
class ChosenPolicy:
    """``name`` in ``file``, None: its default; or, without a file, in the server's own policies."""

    file: PolicyFile | None
    name: str | None


class PolicyShadow:
    """A policy of the server's own file or of another, in which it may change while the server serves."""

    #: It has nothing to load.
    is_ready = True

    def __init__(self, choice: ChosenPolicy, own: PolicyStore, banks: BankFollower | None, settings: Settings) -> None:
        """``own`` are the server's policies."""
        #: Looked at for changes by this shadow alone; None: somebody else does that.
        self.store = None if choice.file is None else PolicyStore.of_file(choice.file, settings.policy_reload_s)
        self._policies = self.store or own
        self._name = choice.name
        self._ruler = ShadowRuler(banks, settings.limits)
        self._last = self._policies.current.named(choice.name, "the shadow policy")

    @property
    def policy(self) -> Policy:
        """The policy as it is now; the one of before, where the file names it no more."""
        current = self._policies.current
        self._last = current.policies.get(current.default if self._name is None else self._name, self._last)
        return self._last

    @property
    def subject(self) -> Subject:
        """What is tried."""
        return Subject.of_policy(self.policy)

    @property
    def warnings(self) -> list[str]:
        """What is amiss with its file."""
        return [] if self.store is None or self.store.warning is None else [self.store.warning]

    def prepare(self) -> None:
        """Nothing is to be loaded."""

    def end(self) -> None:
        """Nothing is to be ended."""

    def prepared(self, answered: Answered) -> Answered:
        """What is to wait for it: without the picture, unless it needs that."""
        if answered.item.image is None or needs_picture(answered, self.policy):
            return answered
        return replace(answered, item=replace(answered.item, image=None))

    def is_costly(self, answered: Answered) -> bool:
        """Whether banks are asked for it, for which the picture may have to be decoded again."""
        return asks_banks(answered, self.policy)

    def judge(self, answered: Answered) -> ShadowResult:
        """What it would decide."""
        policy, judgement, verdict = self.policy, answered.judgement, answered.verdict
        return self._ruler.result(answered, Subject.of_policy(policy), policy, judgement, verdict.categories, {})


def chosen_policy(choice: str, own: PolicySet, bundle: Bundle, categories: Iterable[str]) -> ChosenPolicy:
    """What ``choice`` names: one of the server's ``own`` policies goes before a file.

    Raises ``PolicyFileError`` when it is neither, or when the file does not fit ``bundle``.
    """
    if choice in own.policies:
        return ChosenPolicy(None, choice)
    path, name = split_choice(choice)
    if not path.is_file():
        raise PolicyFileError(
            f"MEMEGUARD_SHADOW_POLICY: {choice!r} is neither a policy of this server ({', '.join(own.policies)}) nor "
            "a file; give the name of one, FILE or FILE:NAME"
        )
    file = PolicyFile(path, bundle, categories)
    file.read().named(name, path)
    return ChosenPolicy(file, name)

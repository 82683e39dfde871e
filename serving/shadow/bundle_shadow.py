"""Shadow bundle: its network judges the same memes in a process of its own, and the same policies decide."""

from model import Policy
from model.bundle import Bundle
from model.known.category_file import category_names
from model.policy.file import PolicyFile, PolicySet
from serving.inference.answered import Answered
from serving.inference.policy_store import PolicyStore
from serving.known.bank_follower import BankFollower
from serving.settings import Settings
from serving.shadow.messages import BundleSpec, ShadowFailure, ShadowMeme
from serving.shadow.process_handle import STOPPED, ProcessHandle
from serving.shadow.ruling import ShadowRuler
from serving.shadow.subject import Outcome, ShadowResult, Subject


class BundleShadow:
    """A bundle under the policies that this server would have if it served that bundle."""

    def __init__(self, bundle: Bundle, settings: Settings, banks: BankFollower | None) -> None:
        """Raises ``PolicyFileError`` when the server's policies do not fit the bundle."""
        manifest = bundle.manifest
        self.subject = Subject("bundle", manifest.name, manifest.version, bundle.digest)
        #: Looked at for changes by this shadow alone.
        self.store = bundle_policies(bundle, settings)
        self.process = ProcessHandle(_spec(bundle, settings))
        self._ruler = ShadowRuler(banks, settings.limits)

    def prepare(self) -> None:
        """Load the bundle, on the thread that judges."""
        self.process.prepare()

    def end(self) -> None:
        """End the process, and what is under way in it."""
        self.process.end()

    @property
    def is_ready(self) -> bool:
        """Whether it is loaded."""
        return self.process.is_ready

    @property
    def warnings(self) -> list[str]:
        """What is amiss with it."""
        told = [self.store.warning, self.process.problem and f"shadow bundle: {self.process.problem}"]
        return [one for one in told if one]

    def prepared(self, answered: Answered) -> Answered:
        """What is to wait for it: all of it."""
        return answered

    def is_costly(self, answered: Answered) -> bool:
        """A second network is, for any."""
        return True

    def judge(self, answered: Answered) -> ShadowResult:
        """What it would decide."""
        found = self.process.judge(_meme(answered))
        if isinstance(found, ShadowFailure):
            outcome: Outcome = "dropped" if found is STOPPED else "failed"
            return ShadowResult(answered.verdict.decision_id, self.subject, outcome, found.reason)
        policy, judgement = self._policy(answered.policy.name), found.judgement
        return self._ruler.result(answered, self.subject, policy, judgement, found.categories, judgement.scores)

    def _policy(self, name: str) -> Policy:
        """The one that the request asked for; the default, where a file that just changed has it no more."""
        current = self.store.current
        return current.policies.get(name, current.policies[current.default])


def bundle_policies(bundle: Bundle, settings: Settings) -> PolicyStore:
    """The policies that a server of ``settings`` would have with another bundle; raises ``PolicyFileError``."""
    if settings.policy_file is None:
        return PolicyStore(PolicySet.of_bundle(bundle))
    file = PolicyFile(settings.policy_file, bundle, category_names(settings.categories_file))
    return PolicyStore.of_file(file, settings.policy_reload_s)


def _spec(bundle: Bundle, settings: Settings) -> BundleSpec:
    # A graphics card has no priorities: the shadow would delay what is in force.
    engine = "auto" if settings.asked_engine == "cuda" else settings.asked_engine
    return BundleSpec(bundle.path, engine, settings.limits, settings.categories_file)


def _meme(answered: Answered) -> ShadowMeme:
    judgement, item = answered.judgement, answered.item
    views = () if judgement.picture is None else tuple(view.text for view in judgement.picture.views)
    return ShadowMeme(item.image, item.tags, judgement.text, views)

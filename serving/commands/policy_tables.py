"""Tables that ``memeguard policy`` prints."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from model import Policy
from model.bundle import Thresholds
from model.policy.file import PolicySet
from model.policy.policy import BankRule
from model.verdict import DECISIONS
from serving.commands.policy_dry_run import Trial
from serving.commands.tables import plain

_CHANGES_SHOWN = 20


def print_policies(policies: PolicySet) -> None:
    """Each policy with its rules, and how many words its lists have."""
    table = Table("policy", "rules", show_lines=True)
    for policy in policies.policies.values():
        mark = " (default)" if policy.name == policies.default else ""
        identity = (f"{policy.name}{mark}", f"version {policy.version}", f"digest {policy.digest[:12]}")
        table.add_row(Text("\n").join(plain(line) for line in identity), "\n".join(_rules(policy)))
    Console().print(table)


def _rules(policy: Policy) -> list[str]:
    thresholds = [f"{task}: {told}" for task, found in policy.thresholds.items() for told in found.told(_limits)]
    severity = [
        f"{task}: " + ", ".join(f"{band.name} from {band.lower:g}" for band in bands)
        for task, bands in policy.severity.items()
    ]
    lists = [f"words {one.name}: {one.action}, {len(one.entries)} of them" for one in policy.word_lists]
    partial = [f"partly judged: text {policy.partial.text}, picture {policy.partial.picture}"]
    return thresholds + severity + lists + [_bank(rule) for rule in policy.banks] + partial


def _bank(rule: BankRule) -> str:
    kinds = {"same meme": rule.same_meme, "same picture": rule.same_picture, "same words": rule.same_words}
    own = [f"{kind} {action}" for kind, action in kinds.items() if action is not None]
    return f"bank {rule.name}: {', '.join(own) or 'as it asks'}"


def _limits(limits: Thresholds) -> str:
    return f"review at {limits.review:.3f}, block " + ("never" if limits.block is None else f"at {limits.block:.3f}")


def print_trial(trial: Trial, tried: Policy) -> None:
    """Old decisions against new ones, the rules behind the changes, and the first of them."""
    console = Console()
    table = Table("was", *(f"-> {new}" for new in DECISIONS), title=plain(f"{tried.name} {tried.version}"))
    for old in DECISIONS:
        table.add_row(old, *(str(trial.transitions[old, new]) for new in DECISIONS))
    console.print(table)
    console.print(f"{len(trial.changes)} of {trial.n_verdicts} decisions would change")
    if trial.changes:
        console.print(_by_rule(trial))
        console.print(_changes(trial))
    for n, what in (
        (trial.without_words, "verdicts whose words were not kept (word lists are not applicable to them)"),
        (trial.failures, "failures, which have no decision (left out)"),
        (len(trial.bad_lines), "lines or items without a verdict (left out)"),
    ):
        if n:
            console.print(f"{what}: {n}")


def _by_rule(trial: Trial) -> Table:
    table = Table("was", "becomes", "by", "verdicts", title="rules")
    for (old, new, rule), n in trial.rules.most_common():
        table.add_row(old, new, rule, str(n))
    return table


def _changes(trial: Trial) -> Table:
    n_more = len(trial.changes) - _CHANGES_SHOWN
    more = f"and {n_more} more; --json gives all" if n_more > 0 else None
    table = Table("id", "was", "becomes", "by", title="changes", caption=more)
    for change in trial.changes[:_CHANGES_SHOWN]:
        table.add_row(plain(change.id), change.old, change.new, ", ".join(change.rules))
    return table

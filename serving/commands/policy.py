"""Command ``memeguard policy``: check a policy file, and see what it would change before it is in force."""

import json
from pathlib import Path
from typing import IO, Any

import click

from model import MemeguardError, Policy, open_bundle
from model.bundle import COMPACT_BUNDLE
from model.known.category_file import category_names
from model.policy.file import PolicySet, chosen_policy, read_policies
from serving.commands.options import bundle_option, categories_option, json_option
from serving.commands.policy_dry_run import Trial, try_policy
from serving.commands.policy_tables import print_policies, print_trial

_file = click.argument("file", type=click.Path(path_type=Path))


class NoVerdictsError(MemeguardError):
    """A file of past scores without a verdict in it."""


@click.group()
def policy() -> None:
    """Check a policy file, or try it on past scores."""


@policy.command()
@_file
@bundle_option
@categories_option
def check(file: Path, bundle: Path | None, categories: Path | None) -> None:
    """Read a policy file as a server would, and show what is in it."""
    print_policies(_read(file, bundle, categories))


@policy.command("dry-run")
@_file
@click.option(
    "--scores",
    required=True,
    type=click.File("rb"),
    help="Past verdicts, a JSON object a line, as HTTP or `memeguard score --json` gives them.",
)
@click.option("--policy", "name", help="The policy of FILE to try; default: its default.")
@click.option(
    "--against",
    metavar="NAME|FILE[:NAME]",
    help="Decide by this policy for comparison; default: the decisions in the scores.",
)
@bundle_option
@categories_option
@json_option
def dry_run(
    file: Path,
    scores: IO[bytes],
    name: str | None,
    against: str | None,
    bundle: Path | None,
    categories: Path | None,
    as_json: bool,
) -> None:
    """Show how a policy of FILE would change past decisions.

    A line that holds no verdict is reported and left out. Where words were not kept, word lists are not tried; banks
    never are.
    """
    policies = _read(file, bundle, categories)
    tried = policies.named(name, file)
    other = None if against is None else _other(policies, against, bundle, categories)
    for policy in (tried, other):
        if policy is not None and policy.banks:
            named = ", ".join(rule.name for rule in policy.banks)
            click.echo(
                f"{policy.name}: its banks ({named}) are not tried; `memeguard bank retro BANK` does that", err=True
            )
    trial = try_policy(scores, tried, other)
    for bad in trial.bad_lines:
        click.echo(f"{scores.name}: line {bad.line} is left out: {bad.reason}", err=True)
    if not trial.n_verdicts:
        raise NoVerdictsError(f"{scores.name}: there is no verdict; give lines with decision and scores")
    if as_json:
        click.echo(json.dumps(_document(trial, tried), ensure_ascii=False))
    else:
        print_trial(trial, tried)


def _read(file: Path, bundle: Path | None, categories: Path | None) -> PolicySet:
    return read_policies(file, open_bundle(bundle or COMPACT_BUNDLE), category_names(categories))


def _other(policies: PolicySet, against: str, bundle: Path | None, categories: Path | None) -> Policy:
    if against in policies.policies:
        return policies.policies[against]
    return chosen_policy(against, open_bundle(bundle or COMPACT_BUNDLE), category_names(categories))


def _document(trial: Trial, tried: Policy) -> dict[str, Any]:
    return {
        "policy": {"name": tried.name, "version": tried.version, "digest": tried.digest},
        "verdicts": trial.n_verdicts,
        "transitions": [{"old": old, "new": new, "count": n} for (old, new), n in sorted(trial.transitions.items())],
        "rules": [
            {"old": old, "new": new, "rule": rule, "count": n} for (old, new, rule), n in trial.rules.most_common()
        ],
        "changes": [{"id": one.id, "old": one.old, "new": one.new, "rules": list(one.rules)} for one in trial.changes],
        "bad_lines": [{"line": bad.line, "reason": bad.reason} for bad in trial.bad_lines],
        "failures": trial.failures,
        "without_words": trial.without_words,
    }

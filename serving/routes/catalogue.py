"""``GET /v1/policies``, ``GET /v1/models`` and ``GET /v1/models/{model_id}``: what there is to ask for."""

from collections.abc import Mapping
from dataclasses import asdict

from fastapi import APIRouter, Request

from model import Policy, Scorer
from model.bundle import MANIFEST_NAME, Thresholds, ThresholdsByModality
from serving.app_state import AppState, app_state
from serving.openai.route import check_model
from serving.openai.route import model_id as id_of
from serving.schemas import OpenAIProblemDoc
from serving.schemas.catalogue import (
    BandDoc,
    BankRuleDoc,
    ModelCardDoc,
    ModelsDoc,
    PartialDoc,
    PoliciesDoc,
    PolicyRulesDoc,
    TaskDoc,
    ThresholdsByModalityDoc,
    ThresholdsDoc,
    WordListDoc,
)
from serving.schemas.responses import problems
from serving.schemas.shadows import ShadowDoc

router = APIRouter()


@router.get(
    "/v1/policies",
    operation_id="policies",
    summary="The policies that a request may name",
    responses=problems(500, 503),
)
async def policies(request: Request) -> PoliciesDoc:
    """Every policy in force in this worker, with its rules. The words of its lists are counted, not told."""
    state = app_state(request)
    current = state.classifier.policies.current
    rules = [_rules(policy) for policy in current.policies.values()]
    return PoliciesDoc(default=current.default, policies=rules, shadow=_shadow(state, "policy"))


@router.get(
    "/v1/models",
    operation_id="models",
    summary="The model that judges",
    responses=problems(500, 503, document=OpenAIProblemDoc.__name__),
)
async def models(request: Request) -> ModelsDoc:
    """A list of one, in the shape of OpenAI's."""
    state = app_state(request)
    return ModelsDoc(object="list", data=[_card(state.classifier.scorer)], shadow=_shadow(state, "bundle"))


@router.get(
    "/v1/models/{model_id}",
    operation_id="model",
    summary="One model",
    responses=problems(404, 500, 503, document=OpenAIProblemDoc.__name__),
)
async def model(request: Request, model_id: str) -> ModelCardDoc:
    """By its id, by its name without the version, or by a name of OpenAI's: every one that a moderation may name."""
    scorer = app_state(request).classifier.scorer
    check_model(model_id, scorer.model)
    return _card(scorer)


def _shadow(state: AppState, kind: str) -> ShadowDoc | None:
    return next((one for one in state.shadow_docs() if one.kind == kind), None)


def _rules(policy: Policy) -> PolicyRulesDoc:
    return PolicyRulesDoc(
        name=policy.name,
        version=policy.version,
        digest=policy.digest,
        thresholds=_of_both(policy.thresholds),
        thresholds_by_modality=_by_modality(policy.thresholds),
        severity={
            task: [BandDoc.model_validate({"name": band.name, "from": band.lower}) for band in bands]
            for task, bands in policy.severity.items()
        },
        word_lists=[
            WordListDoc(name=one.name, action=one.action, whole_words=one.whole_words, entries=len(one.entries))
            for one in policy.word_lists
        ],
        partial=PartialDoc(text=policy.partial.text, picture=policy.partial.picture),
        banks=[BankRuleDoc.model_validate(asdict(one)) for one in policy.banks],
    )


def _card(scorer: Scorer) -> ModelCardDoc:
    bundle, manifest = scorer.bundle, scorer.bundle.manifest
    return ModelCardDoc(
        id=id_of(scorer.model),
        object="model",
        created=int(bundle.file(MANIFEST_NAME).stat().st_mtime),
        owned_by="memeguard",
        name=manifest.name,
        version=manifest.version,
        digest=bundle.digest,
        licence=manifest.licence,
        tasks=[
            TaskDoc(name=task.name, kind=task.kind, classes=list(task.classes), description=task.description)
            for task in bundle.tasks
        ],
        thresholds=_of_both(manifest.thresholds),
        thresholds_by_modality=_by_modality(manifest.thresholds),
    )


def _of_both(by_task: Mapping[str, ThresholdsByModality]) -> dict[str, ThresholdsDoc]:
    return {task: _thresholds(found.both) for task, found in by_task.items()}


def _by_modality(by_task: Mapping[str, ThresholdsByModality]) -> ThresholdsByModalityDoc:
    return {
        task: {modality: _thresholds(limits) for modality, limits in found.items()} for task, found in by_task.items()
    }


def _thresholds(limits: Thresholds) -> ThresholdsDoc:
    return ThresholdsDoc(review=limits.review, block=limits.block)

"""``/v1/banks``: banks of known memes, for those who may change what is done about memes."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Annotated, Any, TypeVar

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request
from python_multipart.multipart import parse_options_header
from starlette.responses import JSONResponse, Response

from model.known.fingerprint import Fingerprint
from model.known.words import is_words_key
from serving.app_state import AppState, app_state
from serving.known.bank import (
    Bank,
    BankError,
    BankExistsError,
    NewEntry,
    UnknownBankError,
    UnknownDecisionError,
    checked_moment,
)
from serving.known.bank_store import (
    BankSummary,
    add_entry,
    create_bank,
    delete_bank,
    entry_of_decision,
    entry_rows,
    entry_rows_of,
    release,
    remove_entries,
    summaries,
)
from serving.ledger.database import Database
from serving.problems import ProblemError
from serving.requests.body import whole_body
from serving.requests.context import RequestContext, request_context
from serving.requests.json_body import JSON, json_object, validated
from serving.routes.match import fingerprints_of, known_banks, memes_of, unknown_bank
from serving.schemas.banks import (
    AddedDoc,
    BankDoc,
    BankRequest,
    BanksDoc,
    EntriesDoc,
    EntryDoc,
    HashesRequest,
    entries_request_body,
)
from serving.schemas.responses import problems

router = APIRouter()
T = TypeVar("T")
_MAX_VALUES = 10_000
_PAGE = 1000
_OF_HASHES = frozenset({"decision_id", "sha256", "pdq", "words_key"})
_Said = Annotated[str | None, Query()]


@router.get(
    "/v1/banks",
    operation_id="banks",
    summary="The banks of known memes",
    response_model=BanksDoc,
    responses=problems(500, 503),
)
async def banks(request: Request) -> Response:
    """Every bank, with how many entries it has and how many of them are in quarantine."""
    found = await _in(Database.reading, app_state(request), summaries)
    return JSONResponse({"banks": [_bank(one) for one in found]})


@router.post(
    "/v1/banks",
    operation_id="create_bank",
    summary="Make a bank",
    status_code=201,
    response_model=BankDoc,
    responses=problems(400, 409, 413, 415, 422, 500, 503),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": BankRequest.model_json_schema()}},
        }
    },
)
async def create(request: Request) -> Response:
    """Empty; policies may name it from now on."""
    document = json_object(request.headers.get("content-type"), await whole_body(request), _MAX_VALUES)
    asked = validated(BankRequest, document, frozenset(BankRequest.model_fields), "bank")

    def write(connection: sa.Connection) -> BankSummary:
        create_bank(connection, Bank(**asked.model_dump()))
        return summaries(connection, asked.name)[0]

    return JSONResponse(_bank(await _in(Database.writing, app_state(request), write)), status_code=201)


@router.get(
    "/v1/banks/{bank}",
    operation_id="bank",
    summary="One bank",
    response_model=BankDoc,
    responses=problems(404, 500, 503),
)
async def one_bank(request: Request, bank: str) -> Response:
    """What it is, and how much is in it."""
    (found,) = await _in(Database.reading, app_state(request), lambda connection: summaries(connection, bank))
    return JSONResponse(_bank(found))


@router.delete(
    "/v1/banks/{bank}",
    operation_id="delete_bank",
    summary="Delete a bank",
    status_code=204,
    response_model=None,
    responses=problems(404, 500, 503),
)
async def delete(request: Request, bank: str) -> Response:
    """With all of its entries. A policy that still names it reviews every meme."""
    await _in(Database.deleting, app_state(request), lambda connection: delete_bank(connection, bank))
    return Response(status_code=204)


@router.get(
    "/v1/banks/{bank}/entries",
    operation_id="bank_entries",
    summary="The entries of a bank",
    response_model=EntriesDoc,
    responses=problems(404, 500, 503),
)
async def entries(
    request: Request, bank: str, after: Annotated[str, Query(description="What next said; absent: the first.")] = ""
) -> Response:
    """At most 1000 at a time."""
    rows = await _in(
        Database.reading, app_state(request), lambda connection: list(entry_rows(connection, bank, after, _PAGE))
    )
    following = rows[-1]["entry_id"] if len(rows) == _PAGE else None
    return JSONResponse({"entries": [_entry(row) for row in rows], "next": following})


@router.post(
    "/v1/banks/{bank}/entries",
    operation_id="add_bank_entries",
    summary="Put memes into a bank",
    status_code=201,
    response_model=AddedDoc,
    responses=problems(400, 404, 413, 415, 422, 500, 503),
    openapi_extra={"requestBody": entries_request_body()},
)
async def add(
    request: Request, bank: str, owner: _Said = None, note: _Said = None, expires_at: _Said = None
) -> Response:
    """Memes as for ``/v1/classify``, of which hashes are kept and nothing else; or a past decision, or hashes alone.

    What is said of memes stands in the query. One whose hashes are in the bank already is the entry that is there.
    """
    state, context = app_state(request), request_context(request)
    known_banks(state)
    make = await _asked_entries(request, state, context, (owner, note, expires_at))

    def write(connection: sa.Connection) -> list[dict[str, Any]]:
        ids = [add_entry(connection, bank, entry)[0] for entry in make(connection)]
        return entry_rows_of(connection, bank, ids)

    added = await _in(Database.writing, state, write)
    return JSONResponse({"entries": [_entry(row) for row in added]}, status_code=201)


@router.delete(
    "/v1/banks/{bank}/entries/{entry_id}",
    operation_id="delete_bank_entry",
    summary="Take an entry out of a bank",
    status_code=204,
    response_model=None,
    responses=problems(404, 500, 503),
)
async def remove(request: Request, bank: str, entry_id: str) -> Response:
    """Every worker has forgotten it within two seconds."""
    if not await _in(
        Database.deleting, app_state(request), lambda connection: remove_entries(connection, bank, [entry_id])
    ):
        raise ProblemError(404, "unknown_entry", "there is no such entry in this bank")
    return Response(status_code=204)


@router.post(
    "/v1/banks/{bank}/entries/{entry_id}/release",
    operation_id="release_bank_entry",
    summary="Let an entry in quarantine decide again",
    status_code=204,
    response_model=None,
    responses=problems(404, 500, 503),
)
async def release_entry(request: Request, bank: str, entry_id: str) -> Response:
    """Its matches are counted from nothing."""
    if not await _in(Database.writing, app_state(request), lambda connection: release(connection, bank, [entry_id])):
        raise ProblemError(404, "unknown_entry", "there is no such entry in quarantine in this bank")
    return Response(status_code=204)


Said = tuple[str | None, str | None, str | None]


async def _asked_entries(
    request: Request, state: AppState, context: RequestContext, said: Said
) -> Callable[[sa.Connection], list[NewEntry]]:
    """The entries of a body, once there is a connection to look a decision up."""
    owner, note, expires_at = said
    with _as_problems():
        moment = None if expires_at is None else checked_moment(expires_at)
        hashes = await _hashes(request)
        if hashes is None:
            found = await fingerprints_of(await memes_of(request, state), state, context)
            entries = [NewEntry(one, owner, note, moment) for _, one in found]
            return lambda _: entries
        given = (hashes.owner or owner, hashes.note or note, hashes.expires_at or moment)
        if hashes.decision_id is not None:
            decision_id = hashes.decision_id
            return lambda connection: [entry_of_decision(connection, decision_id, *given)]
        entry = NewEntry(_fingerprint(hashes), *given)
    return lambda _: [entry]


async def _hashes(request: Request) -> HashesRequest | None:
    """The hashes or the decision of a JSON body; None for one that holds memes."""
    content_type = request.headers.get("content-type")
    if parse_options_header(content_type)[0] != JSON:
        return None
    document = json_object(content_type, await whole_body(request), _MAX_VALUES)
    if not _OF_HASHES & document.keys():
        return None
    return validated(HashesRequest, document, frozenset(HashesRequest.model_fields), "entry")


def _fingerprint(asked: HashesRequest) -> Fingerprint:
    if asked.words_key is not None and not is_words_key(asked.words_key):
        raise BankError("words_key: no key of words; give it as an entry or an export has it")
    return Fingerprint(
        (asked.sha256 or "").lower(),
        None if asked.pdq is None else bytes.fromhex(asked.pdq),
        asked.pdq_quality,
        asked.words_key,
    )


Transaction = Callable[[Database], AbstractContextManager[sa.Connection]]


async def _in(transaction: Transaction, state: AppState, work: Callable[[sa.Connection], T]) -> T:
    """Do something to the banks on a thread, as ``Database.reading``, ``writing`` or ``deleting``."""

    def run(database: Database) -> T:
        with transaction(database) as connection:
            return work(connection)

    known_banks(state)
    with _as_problems():
        return await state.decisions.run(run, state.settings.request_timeout_s)


@contextmanager
def _as_problems() -> Iterator[None]:
    """What is wrong with a bank or an entry, as an answer."""
    try:
        yield
    except UnknownBankError as error:
        raise unknown_bank() from error
    except UnknownDecisionError as error:
        raise ProblemError(404, "unknown_decision", str(error)) from error
    except BankExistsError as error:
        raise ProblemError(409, "bank_exists", "there is a bank of this name already") from error
    except BankError as error:
        raise ProblemError(422, "invalid_body", str(error)) from error


def _bank(found: BankSummary) -> dict[str, Any]:
    counts = {"created_at": found.created_at, "entries": found.entries, "quarantined": found.quarantined}
    return BankDoc.model_validate(vars(found.bank) | counts).model_dump(mode="json")


def _entry(row: dict[str, Any]) -> dict[str, Any]:
    shown = {name: row[name] for name in EntryDoc.model_fields}
    shown["pdq"] = None if row["pdq"] is None else row["pdq"].hex()
    return EntryDoc.model_validate(shown).model_dump(mode="json")

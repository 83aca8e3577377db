"""The HTTP face of a study, for the page on which people rate.

Routes, all below `/v1/rate` and all with `Authorization: Bearer TOKEN`: `GET /rubric`, `POST /next`, `POST /submit` and
`GET /progress` for raters; `GET /results` and `GET /export`, which name the models, for leads. Errors are written as
the OpenAI API writes them.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from seekforge.core.config import validate
from seekforge.core.errors import ConfigError, DataError, InputError, ResourceError, SeekforgeError
from seekforge.core.registry import nearest
from seekforge.evaluate.human.export import as_csv, as_jsonl
from seekforge.evaluate.human.model import Conflict, NotHere, Submission
from seekforge.evaluate.human.people import Rater
from seekforge.evaluate.human.results import results
from seekforge.evaluate.human.store import Store

PREFIX = "/v1/rate"
_LARGEST = 64 * 1024  # bytes of a submission
_STATUS: tuple[tuple[type[SeekforgeError], int], ...] = (
    (NotHere, 404),
    (Conflict, 409),
    (ResourceError, 503),
    (InputError, 400),
)
_BODY = {"requestBody": {"content": {"application/json": {"schema": Submission.model_json_schema()}}}}


class Refused(Exception):
    """A request that goes no further.

    Args:
        status: HTTP status.
        message: Why, in a sentence.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


def create_app(store: Store) -> FastAPI:
    """The study's ASGI app: `router` with errors as clients of ours know them, and `GET /healthz`."""
    app = FastAPI(title="seekforge ratings", docs_url=None, redoc_url=None, openapi_url=f"{PREFIX}/openapi.json")
    app.include_router(router(store))
    add_errors(app)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process lives and its event loop turns."""
        return {"status": "alive"}

    return app


def router(store: Store) -> APIRouter:
    """The routes, for an app of one's own, which needs `add_errors` too.

    Args:
        store: The study. Its files are read and written in threads, so that nobody waits for another's disk.
    """
    routes = APIRouter(prefix=PREFIX)

    @routes.get("/rubric")
    async def rubric(request: Request) -> JSONResponse:
        """What is asked: kind, criteria in both languages, scale."""
        await _enter(store, request, "rater", "lead")
        study = store.study
        return _answer({"kind": study.kind, "ask": study.ask, "rubric": study.rubric.model_dump(mode="json")})

    @routes.post("/next")
    async def following(request: Request) -> JSONResponse:
        """The rater's next item: the same until it is rated; null when there is none now."""
        rater = await _enter(store, request, "rater")
        view = await run_in_threadpool(store.next, rater.name)
        return _answer({"item": None if view is None else view.to_dict(), "progress": await _progress(store, rater)})

    @routes.post("/submit", openapi_extra=_BODY)
    async def submit(request: Request) -> JSONResponse:
        """What the rater says of an item; the same again changes nothing."""
        rater = await _enter(store, request, "rater")
        sent = validate(Submission, _object(await _body(request)), "submission")
        receipt = await run_in_threadpool(store.submit, rater.name, sent)
        return _answer({"receipt": receipt.to_dict(), "progress": await _progress(store, rater)})

    @routes.get("/progress")
    async def progress(request: Request) -> JSONResponse:
        """How far the rater is; a lead sees everybody."""
        return _answer(await _progress(store, await _enter(store, request, "rater", "lead")))

    @routes.get("/results")
    async def figures(request: Request) -> JSONResponse:
        """Scores by model, wins, agreement, with intervals."""
        await _enter(store, request, "lead")
        return _answer(await run_in_threadpool(lambda: results(store.study.rubric, store.ratings()).to_dict()))

    @routes.get("/export")
    async def export(request: Request) -> Response:
        """Every rating in force: `?format=jsonl` or `csv`."""
        await _enter(store, request, "lead")
        wanted = request.query_params.get("format", "jsonl")
        if wanted not in {"jsonl", "csv"}:
            raise DataError(f"unknown format '{wanted}'", where="format", mend=nearest(wanted, ["jsonl", "csv"]))
        text, media = await run_in_threadpool(_exported, store, wanted)
        return Response(text, media_type=media, headers=_FRESH)

    return routes


def add_errors(app: FastAPI) -> None:
    """Has errors written as `{"error": {"message", "type", "param", "code"}}`."""

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> JSONResponse:
        headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
        return _error(error.status, error.message, headers)

    @app.exception_handler(SeekforgeError)
    async def ours(request: Request, error: SeekforgeError) -> JSONResponse:
        status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
        if status >= 500:  # where the files are is not for those who rate
            return _error(status, error.what, {})
        return _error(status, str(error), {}, error.where or None)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        return _error(error.status_code, str(error.detail), dict(error.headers or {}))


_FRESH = {"Cache-Control": "no-store"}


async def _enter(store: Store, request: Request, *roles: str) -> Rater:
    """Who asks; before anything of the request's body is read.

    Raises:
        Refused: No token of this study, or one of another role.
    """
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    rater = await run_in_threadpool(store.identify, token.strip()) if kind.lower() == "bearer" else None
    if rater is None:
        raise Refused(401, "send `Authorization: Bearer TOKEN` with the token of a rater of this study")
    if rater.role not in roles:
        raise Refused(403, f"'{rater.name}' is a {rater.role}; this is for a {roles[0]}")
    return rater


async def _body(request: Request) -> bytes:
    pieces: list[bytes] = []
    async for piece in request.stream():
        pieces.append(piece)
        if sum(map(len, pieces)) > _LARGEST:
            raise Refused(413, f"the body is larger than {_LARGEST} bytes")
    return b"".join(pieces)


def _object(body: bytes) -> dict[str, Any]:
    try:
        tree = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ConfigError("the body is not JSON", mend="Send a JSON object") from error
    if not isinstance(tree, dict):
        raise ConfigError("the body is not a JSON object", mend="Send a JSON object")
    return tree


async def _progress(store: Store, rater: Rater) -> dict[str, Any]:
    progress = await run_in_threadpool(store.progress)
    if rater.role == "lead":
        return asdict(progress)
    (share,) = (share for share in progress.shares if share.rater == rater.name)
    return {"done": share.done, "open": share.open, "drafts": share.drafts}


def _exported(store: Store, wanted: str) -> tuple[str, str]:
    rubric, ratings = store.study.rubric, store.ratings()
    if wanted == "csv":
        return as_csv(ratings, rubric), "text/csv; charset=utf-8"
    return as_jsonl(store.items(), ratings, rubric), "application/x-ndjson"


def _answer(tree: dict[str, Any]) -> JSONResponse:
    return JSONResponse(tree, headers=_FRESH)


def _error(status: int, message: str, headers: dict[str, str], param: str | None = None) -> JSONResponse:
    kind = "invalid_request_error" if status < 500 else "server_error"
    tree = {"error": {"message": message, "type": kind, "param": param, "code": None}}
    return JSONResponse(tree, status, {**_FRESH, **headers})

"""The study's pages: consent, one image at a time, the end."""

import hmac
import secrets
from typing import Any
from urllib.parse import parse_qsl

import jinja2
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from improved_gan.human_study.design import REAL
from improved_gan.human_study.storage import Progress, Refused, Study

COOKIE = "participant"
MAX_BODY = 2000  # bytes; an answer has about 30
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]", "::1")


def application(study: Study, token: str | None = None, host: str = "127.0.0.1") -> Starlette:
    """The pages of `study`; with a token, only links that carry it start a participant.

    Without one only this machine may ask, by `host` or a loopback name: another site's name that resolves here (DNS
    rebinding) gets a 400.
    """
    pages = jinja2.Environment(loader=jinja2.PackageLoader("improved_gan.human_study", "."), autoescape=True)

    def page(name: str, status: int = 200, **values: Any) -> HTMLResponse:
        nonce = secrets.token_urlsafe(12)
        text = pages.get_template(f"{name}.html.jinja").render(nonce=nonce, **values)
        policy = f"default-src 'none'; img-src 'self'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; "
        policy += "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        headers = {"Cache-Control": "no-store", "Content-Security-Policy": policy, "Referrer-Policy": "same-origin"}
        return HTMLResponse(text, status, headers)

    def check_token(given: str) -> None:
        if token is not None and not hmac.compare_digest(given.encode(), token.encode()):
            raise HTTPException(403, "This study needs the link that you were given.")

    def signed(participant: str) -> str:
        return f"{participant}.{hmac.new(study.secret, participant.encode(), 'sha256').hexdigest()}"

    def participant_of(request: Request) -> str | None:
        value = request.cookies.get(COOKIE, "")
        participant = value.partition(".")[0]
        return participant if hmac.compare_digest(value.encode(), signed(participant).encode()) else None

    def progress_of(request: Request, *, showing: bool = False) -> tuple[str, Progress]:
        participant = participant_of(request)
        progress = study.progress(participant, showing=showing) if participant else None
        if participant is None or progress is None:
            raise HTTPException(403, "You have not started yet, or your cookie is not ours.")
        return participant, progress

    async def welcome(request: Request) -> Response:
        given = request.query_params.get("token", "")
        check_token(given)
        return page("welcome", count=study.design["images"], grid=study.page_size > 1, token=given)

    async def start(request: Request) -> Response:
        form = await form_of(request)
        check_token(form.get("token", ""))
        if form.get("consent") != "yes":
            raise HTTPException(400, "Nobody takes part without having agreed to.")
        known = participant_of(request)
        response = RedirectResponse("/trial", 303)
        if known is None or study.progress(known) is None:  # the back button starts nobody anew
            response.set_cookie(COOKIE, signed(study.add_participant()), httponly=True, samesite="strict")
        return response

    async def trial(request: Request) -> Response:
        _, progress = progress_of(request, showing=True)
        name = "grid" if study.page_size > 1 else "trial"
        return page(name, progress=progress) if progress.images else RedirectResponse("/end", 303)

    async def answer(request: Request) -> Response:
        participant, _ = progress_of(request)
        form = await form_of(request)
        position = form.get("position", "")
        marked = marked_in(form, study.page_size)
        if marked is None or not (position.isascii() and position.isdigit() and len(position) < 6):
            raise HTTPException(400, "An answer is real or generated, of an image that was shown.")
        try:
            study.answer(participant, int(position), marked)
        except Refused as error:
            raise HTTPException(409, f"Not taken: {error}.") from None
        return RedirectResponse("/trial", 303)

    async def image(request: Request) -> Response:
        _, progress = progress_of(request)
        name = request.path_params["name"]
        content = study.content(name) if name in progress.images else None
        if content is None:
            raise HTTPException(404, "There is no such image.")
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return Response(content, media_type="image/bmp", headers=headers)

    async def end(request: Request) -> Response:
        participant, progress = progress_of(request)
        if progress.images:
            return RedirectResponse("/trial", 303)
        own, group, finished = study.accuracy(participant)
        return page("end", own=own, group=group, finished=finished)

    async def complain(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return page("problem", error.status_code, words=error.detail)

    return Starlette(
        routes=[
            Route("/", welcome),
            Route("/start", start, methods=["POST"]),
            Route("/trial", trial),
            Route("/answer", answer, methods=["POST"]),
            Route("/image/{name}", image),
            Route("/end", end),
        ],
        exception_handlers={HTTPException: complain},
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["*"] if token else [*LOOPBACK_NAMES, host])],
    )


def marked_in(form: dict[str, str], page_size: int) -> set[int] | None:
    """Which images of a page the form calls generated: its `answer`, or on a grid the fields g0, g1, ...; None: bad."""
    if page_size == 1:
        return {REAL: set(), "generated": {0}}.get(form.get("answer", ""))
    fields = {f"g{k}": k for k in range(page_size)}
    return {fields[name] for name in form if name in fields} if form.keys() <= {"position", *fields} else None


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form, of which each counts once; 413 for too many bytes, 400 for anything else."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY:
            raise HTTPException(413, "That is too long.")
    try:
        return dict(parse_qsl(body.decode("ascii"), strict_parsing=True, max_num_fields=12, errors="strict"))
    except ValueError:
        raise HTTPException(400, "That is no form of ours.") from None

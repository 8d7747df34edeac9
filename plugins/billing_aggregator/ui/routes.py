"""The page's addresses. What is asked here is refused by an HTTP status and a sentence; nothing blocks the server."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.requests import Request

from billing_aggregator.runs.run_history import RunRecord
from billing_aggregator.ui.compare import compare
from billing_aggregator.ui.desk import Desk, KnownRun
from billing_aggregator.ui.overview import card
from billing_aggregator.ui.pages import page
from billing_aggregator.ui.viewers import who_asks

CLIENTS_ON_A_PAGE = 40
RUN = "/runs/{client}/{environment}/{tag}"

router = APIRouter()
Who = Annotated[Any, Depends(who_asks)]


@router.get("/", response_class=HTMLResponse)
async def overview(request: Request, who: Who, number: int = 1) -> str:
    """Return one card a client and environment, so many on a page."""
    desk = _desk(request)
    entries = await desk.visible(who)
    pages = max(1, -(-len(entries) // CLIENTS_ON_A_PAGE))
    number = min(max(number, 1), pages)
    shown = entries[(number - 1) * CLIENTS_ON_A_PAGE : number * CLIENTS_ON_A_PAGE]
    answers = await desk.nights(shown)
    cards = [card(entry, answers.get((entry.client, entry.environment)), desk.now()) for entry in shown]
    pending = any(answer.state == "slow" for answer in answers.values())
    return page("overview.html", request, cards=cards, pending=pending, number=number, pages=pages)


@router.get(RUN, response_class=HTMLResponse)
async def one_run(request: Request, who: Who, client: str, environment: str, tag: str) -> str:
    """Return the page of a run."""
    desk = _desk(request)
    known = await desk.run(who, client, environment, tag)
    exports = await desk.exports(known.config, known.page.run)
    may_download = await desk.may_download(who, known.config)
    return page("run.html", request, found=known.page, exports=exports, may_download=may_download)


@router.get(RUN + "/compare", response_class=HTMLResponse)
async def comparison(request: Request, who: Who, client: str, environment: str, tag: str) -> str:
    """Return two publications side by side: the run's, and that of the query's run ``other``."""
    desk = _desk(request)
    known = await desk.run(who, client, environment, tag)
    run, other = _two(known, request)
    mine, theirs = await desk.exports(known.config, run), await desk.exports(known.config, other)
    compared = compare(run, other, mine.value or {}, theirs.value or {})
    values = {"problem": mine.error or theirs.error, "may_download": await desk.may_download(who, known.config)}
    return page("compare.html", request, found=known.page, other=other, compared=compared, **values)


@router.get(RUN + "/compare/rows", response_class=HTMLResponse)
async def rows(request: Request, who: Who, client: str, environment: str, tag: str) -> str:
    """Return the rows of the query's ``export`` that differ between two publications, for those who may have them."""
    desk = _desk(request)
    known = await desk.run(who, client, environment, tag)
    if not await desk.may_download(who, known.config):
        raise HTTPException(403, "Rows are customers' data: only those who may trigger this client's DAG see them.")
    run, other = _two(known, request)
    export = request.query_params.get("export", "")
    if export not in run.totals or export not in other.totals:
        raise HTTPException(404, "One of these publications has no such export.")
    answer = await desk.rows(known.config, other, run, export)
    return page("rows.html", request, found=known.page, other=other, export=export, answer=answer)


@router.get(RUN + "/file")
async def file(request: Request, who: Who, client: str, environment: str, tag: str) -> RedirectResponse:
    """Lead to a file of the query's ``export`` by its ``index``, for those who may have it."""
    desk = _desk(request)
    known = await desk.run(who, client, environment, tag)
    if not await desk.may_download(who, known.config):
        raise HTTPException(403, "Only those who may trigger this client's DAG can download its files.")
    exports = (await desk.exports(known.config, known.page.run)).value or {}
    export, index = request.query_params.get("export", ""), request.query_params.get("index", "")
    files = exports[export].files if export in exports else ()
    if not (index.isascii() and index.isdigit() and int(index) < len(files)):
        raise HTTPException(404, "This run has published no such file, or its files were not recorded.")
    return RedirectResponse(await desk.link(known.config, files[int(index)]), status_code=303)


def _two(known: KnownRun, request: Request) -> tuple[RunRecord, RunRecord]:
    """Return the run, and the query's ``other``: else the publication before it."""
    run, wanted = known.page.run, request.query_params.get("other", "")
    other = next((other for other in known.runs if other.tag == wanted and other.published), known.page.before)
    if other is None or other is run or not run.published:
        raise HTTPException(404, f"There is no publication to compare the list of {run.business_date} with.")
    return run, other


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk

"""The page itself: built files from the package, nothing else; hashed names may be kept for ever."""

from importlib.resources import files

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

router = APIRouter()

BUILT = files("glassgpt.explorer") / "page"
"""Where `npm run build` in web/ puts the page; the wheel has it."""
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".json": "application/json",
}
UNBUILT = """<!doctype html><meta charset="utf-8"><title>GlassGPT Explorer</title>
<h1>The page is not built</h1>
<p>This is a clone of the repository, and its page has not been built yet. Stop this program, run
<code>make page</code> (it needs npm, or fetches Node with pip), and start again. The API works: /api/models.</p>
"""


def is_built() -> bool:
    """Whether the page is there."""
    return (BUILT / "index.html").is_file()


@router.get("/", include_in_schema=False)
def index() -> Response:
    """The page."""
    if not is_built():
        return HTMLResponse(UNBUILT, 503)
    return HTMLResponse((BUILT / "index.html").read_bytes(), headers={"cache-control": "no-cache"})


@router.get("/favicon.ico", include_in_schema=False)
def icon() -> Response:
    """Browsers ask for it on every page; ours names its own."""
    return Response(status_code=204)


@router.get("/assets/{name}", include_in_schema=False)
def asset(name: str) -> Response:
    """A script, a style or a font, found among the names that the package has."""
    for file in (BUILT / "assets").iterdir() if is_built() else ():
        kind = KINDS.get("." + name.rpartition(".")[2])
        if file.name == name and kind:
            kept = {"cache-control": "public, max-age=31536000, immutable"}
            return Response(file.read_bytes(), media_type=kind, headers=kept)
    raise HTTPException(404, "There is no such file.")

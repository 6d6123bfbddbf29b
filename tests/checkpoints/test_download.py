"""Downloads, from a server on this machine that also misbehaves."""

import hashlib
import threading
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from glassgpt.checkpoints import download, load_model
from glassgpt.checkpoints.transfer import Answer, ask, transfer
from glassgpt.errors import CheckpointError, ModelNotFound

COMMIT = "c" * 40


class Hub:
    """Files, and how the server behaves; what was asked is kept."""

    def __init__(self, files):
        self.files = files
        self.asked = []
        self.cut_after = None  # bytes after which a transfer breaks off
        self.ranges = True
        self.digests = {}
        self.status = {}
        self.headers = {}
        self.url = ""

    def digest(self, name):
        content = self.files[name]
        if name.endswith(".json"):
            return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        return hashlib.sha256(content).hexdigest()


class Handler(BaseHTTPRequestHandler):
    hub: Hub

    def log_message(self, format, *args):
        pass

    def do_HEAD(self):
        name = self.path.rsplit("/", 1)[1]
        self.hub.asked.append(("HEAD", self.path, None))
        if name not in self.hub.files or name in self.hub.status:
            self.send_error(self.hub.status.get(name, 404))
            return
        self.send_response(302)
        headers = {
            "Location": f"/bytes/{name}",
            "X-Linked-Etag": f'"{self.hub.digests.get(name, self.hub.digest(name))}"',
            "X-Linked-Size": str(len(self.hub.files[name])),
            "X-Repo-Commit": COMMIT,
        }
        for key, value in (headers | self.hub.headers).items():
            if value is not None:
                self.send_header(key, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        content = self.hub.files[self.path.rsplit("/", 1)[1]]
        asked = self.headers.get("Range")
        self.hub.asked.append(("GET", self.path, asked))
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.hub.ranges else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = len(content) if self.hub.cut_after is None else start + self.hub.cut_after
        self.wfile.write(content[start:end])
        self.close_connection = True


@contextmanager
def serving(files):
    hub = Hub(files)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("OneHub", (Handler,), {"hub": hub}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def hub(own_folder, no_net, monkeypatch):
    files = {name: (own_folder / name).read_bytes() for name in ("config.json", "model.safetensors")}
    with serving(files) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url + "/")
        monkeypatch.setenv("NO_PROXY", "*")
        monkeypatch.delenv("HF_HUB_OFFLINE")
        yield hub


@pytest.fixture
def home(tmp_path):
    return tmp_path / "cache" / "openai-community--gpt2"


def fetch(**options):
    return download.fetch("openai-community/gpt2", "gpt2", offline=False, **options)


def answer(hub, **differing):
    name = "model.safetensors"
    facts = Answer(f"{hub.url}/bytes/{name}", len(hub.files[name]), hub.digest(name), None)
    return replace(facts, **differing)


def get(hub, target, cap=10**9, **differing):
    transfer(target, answer(hub, **differing), cap=cap, told=lambda *_: None, pause=lambda _: None)


def ranges(hub):
    return [asked for method, _, asked in hub.asked if method == "GET"]


def test_a_published_model_is_downloaded_into_our_own_cache(hub, home):
    assert fetch() == home
    assert {path.name: path.read_bytes() for path in home.iterdir()} == hub.files


def test_all_files_are_of_one_revision(hub):
    fetch()
    asked = [path for method, path, _ in hub.asked if method == "HEAD"]
    assert asked == [
        "/openai-community/gpt2/resolve/main/model.safetensors",
        f"/openai-community/gpt2/resolve/{COMMIT}/config.json",
    ]


def test_it_is_downloaded_only_once(hub, home, words):
    fetch()
    words.save(home)
    before = len(hub.asked)
    assert load_model("gpt2").path == home
    assert len(hub.asked) == before


def test_loading_a_published_name_downloads_it(hub, home):
    with pytest.raises(CheckpointError, match="no tokenizer"):  # this one is not the real one, so it has another size
        load_model("gpt2")
    assert (home / "config.json").exists()


def test_offline_nothing_is_asked(hub, monkeypatch):
    with pytest.raises(ModelNotFound, match="switched off"):
        load_model("gpt2", offline=True)
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "yes")
            with pytest.raises(ModelNotFound, match="switched off"):
                load_model("gpt2")
    assert hub.asked == []


def test_progress_is_told(hub):
    told = []
    fetch(progress=lambda *event: told.append(event))
    size = len(hub.files["model.safetensors"])
    assert ("model.safetensors", size, size) in told
    assert told[-1][0] == "config.json"


def test_a_transfer_that_breaks_off_goes_on_where_it_stopped(hub, tmp_path):
    hub.cut_after = 1000
    get(hub, tmp_path / "f")
    size = len(hub.files["model.safetensors"])
    assert ranges(hub) == [None, *(f"bytes={start}-" for start in range(1000, size, 1000))]
    assert (tmp_path / "f").read_bytes() == hub.files["model.safetensors"]


def test_a_later_try_goes_on_too(hub, tmp_path):
    hub.cut_after = 1000

    def interrupt(have, _):
        if have >= 2000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        transfer(tmp_path / "f", answer(hub), cap=10**9, told=interrupt)
    hub.cut_after = None
    hub.asked.clear()
    get(hub, tmp_path / "f")
    assert ranges(hub) == ["bytes=2000-"]
    assert (tmp_path / "f").read_bytes() == hub.files["model.safetensors"]


def test_the_rest_of_an_older_version_is_cleared_away(hub, tmp_path):
    (tmp_path / f".f.{'0' * 16}.partial").write_bytes(b"old")
    get(hub, tmp_path / "f")
    assert [path.name for path in tmp_path.glob("*f*")] == ["f"]


def test_a_server_without_ranges_starts_again(hub, tmp_path):
    digest = hub.digest("model.safetensors")
    (tmp_path / f".f.{digest[:16]}.partial").write_bytes(b"x" * 500)
    hub.ranges = False
    get(hub, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == hub.files["model.safetensors"]


@pytest.mark.parametrize("rubbish", [b"x" * 500, b"x" * 10**6])
def test_a_partial_file_with_other_content_is_thrown_away(hub, tmp_path, rubbish):
    digest = hub.digest("model.safetensors")
    (tmp_path / f".f.{digest[:16]}.partial").write_bytes(rubbish)
    if len(rubbish) < len(hub.files["model.safetensors"]):
        with pytest.raises(CheckpointError, match="damaged or altered"):
            get(hub, tmp_path / "f")
    get(hub, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == hub.files["model.safetensors"]
    assert [path.name for path in tmp_path.glob(".f*")] == []


def test_wrong_content_never_gets_its_name(hub, home):
    hub.digests["model.safetensors"] = "0" * 64
    with pytest.raises(CheckpointError, match="damaged or altered"):
        fetch()
    assert list(home.iterdir()) == []


def test_wrong_content_of_a_small_file_is_noticed_too(hub, home):
    hub.digests["config.json"] = "0" * 40
    with pytest.raises(CheckpointError, match=r"config\.json arrived damaged"):
        fetch()
    assert [path.name for path in home.iterdir()] == ["model.safetensors"]
    hub.digests.clear()
    hub.asked.clear()
    assert fetch() == home
    assert [path for method, path, _ in hub.asked if method == "GET"] == ["/bytes/config.json"]


@pytest.mark.parametrize(
    "headers",
    [{"X-Linked-Etag": None}, {"X-Linked-Etag": '"v1.2"'}, {"X-Linked-Size": "many"}, {"X-Linked-Size": "-1"}],
)
def test_a_file_without_hash_or_size_is_refused(hub, headers, home):
    hub.headers = headers
    with pytest.raises(CheckpointError, match=r"could not be verified|redirects in circles"):
        ask(f"{hub.url}/o/n/resolve/main/model.safetensors") if headers.get("X-Linked-Size") else fetch()
    assert not home.exists() or list(home.iterdir()) == []


def test_a_file_that_is_too_large_is_not_fetched(hub, tmp_path):
    with pytest.raises(CheckpointError, match="at most 99 are accepted"):
        get(hub, tmp_path / "f", cap=99)
    assert hub.asked == []


def test_a_full_disk_is_noticed_before(hub, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10}))
    with pytest.raises(CheckpointError, match="only 10 are free"):
        get(hub, tmp_path / "f")


def test_more_bytes_than_announced_are_not_read(hub, tmp_path):
    half = hub.files["model.safetensors"][:5000]
    get(hub, tmp_path / "f", size=5000, digest=hashlib.sha256(half).hexdigest())
    assert (tmp_path / "f").read_bytes() == half


def test_a_server_that_gives_up_is_asked_a_few_times_only(hub, tmp_path):
    hub.cut_after = 0
    with pytest.raises(ConnectionError, match="5 tries"):
        get(hub, tmp_path / "f")
    assert len(hub.asked) == 5


def test_what_the_server_refuses_ends_in_advice(hub):
    hub.status["model.safetensors"] = 403
    with pytest.raises(ModelNotFound, match=r"the download failed \(HTTP Error 403.*\n[^$]*put both into"):
        fetch()


def test_a_server_that_is_not_there_ends_in_advice(hub, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ModelNotFound, match="the download failed"):
        fetch()


def test_two_programs_do_not_write_one_file(hub, tmp_path):
    fcntl = pytest.importorskip("fcntl", reason="this system has no file locks")
    partial = tmp_path / f".f.{hub.digest('model.safetensors')[:16]}.partial"
    with partial.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(CheckpointError, match="Another program"):
            get(hub, tmp_path / "f")
    get(hub, tmp_path / "f")


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://x", "x"])
def test_only_web_addresses_are_asked(address):
    with pytest.raises(CheckpointError, match="no web address"):
        ask(address)

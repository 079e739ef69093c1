"""The download mechanism, against a server on this machine."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tsrnn.download import Resource, data_home, fetch

CONTENT = b"time,value\n1,2\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class CutShort(BaseHTTPRequestHandler):
    """Promises more bytes than it sends."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(CONTENT)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TSRNN_DATA", str(tmp_path / "home"))
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / "home"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """Serve a file, a zip, and a zip in a zip; yield the address."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "a.csv").write_bytes(CONTENT)
    (folder / "a.zip").write_bytes(zipped({"deep/a.csv": CONTENT}))
    (folder / "outer.zip").write_bytes(zipped({"in/inner.zip": zipped({"a.csv": CONTENT})}))
    yield from serve(partial(SimpleHTTPRequestHandler, directory=folder))


@pytest.fixture
def broken() -> Iterator[str]:
    yield from serve(CutShort)


def serve(handler) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def zipped(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def files_below(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_file_is_downloaded_once_and_quietly(home, served, capfd):
    resource = Resource("set/a.csv", f"{served}/a.csv", SHA256)
    assert fetch(resource).read_bytes() == CONTENT
    assert "a.csv:" not in capfd.readouterr().err
    unreachable = resource._replace(url="http://127.0.0.1:9/a.csv")
    assert fetch(unreachable) == home / "set/a.csv"
    assert files_below(home) == ["set/a.csv"]


def test_verbose_shows_progress(home, served, capfd):
    fetch(Resource("set/a.csv", f"{served}/a.csv", SHA256), verbose=True)
    assert "set/a.csv: 100%" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("archive", "members"),
    [("a.zip", ("deep/a.csv",)), ("outer.zip", ("in/inner.zip", "a.csv"))],
)
def test_member_is_read_out_of_archives(home, served, archive, members):
    path = fetch(Resource("set/a.csv", f"{served}/{archive}", SHA256, members))
    assert path.read_bytes() == CONTENT
    assert files_below(home) == ["set/a.csv"]


def test_wrong_bytes_are_refused_and_leave_nothing(home, served):
    resource = Resource("set/a.csv", f"{served}/a.csv", "0" * 64)
    with pytest.raises(OSError, match=rf"expected sha256 0{{64}}, got {SHA256}"):
        fetch(resource)
    assert files_below(home) == []


@pytest.mark.parametrize(("file", "member"), [("a.zip", "no.csv"), ("a.csv", "a.csv")])
def test_archive_without_the_member_is_refused(home, served, file, member):
    resource = Resource("set/a.csv", f"{served}/{file}", SHA256, (member,))
    with pytest.raises(OSError, match=rf"{file}: expected a zip archive with '{member}'"):
        fetch(resource)
    assert files_below(home) == []


def test_damaged_local_file_is_named(home):
    (home / "set").mkdir(parents=True)
    (home / "set/a.csv").write_bytes(CONTENT[:-1])
    with pytest.raises(OSError, match=r"set/a\.csv \(delete it to download it anew\): expected"):
        fetch(Resource("set/a.csv", "http://127.0.0.1:9/", SHA256))


@pytest.mark.parametrize("where", ["nobody", "missing"])
def test_failed_download_says_url_folder_and_way_out(home, served, where):
    url = {"nobody": "http://127.0.0.1:9/a.csv", "missing": f"{served}/none.csv"}[where]
    with pytest.raises(ConnectionError, match="cannot download") as caught:
        fetch(Resource("set/a.csv", url, SHA256))
    for part in (url, str(home / "set/a.csv"), "set TSRNN_DATA to a folder that has set/a.csv"):
        assert part in str(caught.value)
    assert files_below(home) == []


def test_download_cut_short_is_refused(home, broken):
    with pytest.raises(ConnectionError, match=f"ended after {len(CONTENT)} of 100 bytes"):
        fetch(Resource("set/a.csv", f"{broken}/a.csv", None))
    assert files_below(home) == []


def test_file_without_public_download_says_so(home):
    with pytest.raises(ConnectionError, match=r"set/a\.csv has no public download"):
        fetch(Resource("set/a.csv", "", SHA256))


def test_data_home_is_the_named_folder_or_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("TSRNN_DATA", str(tmp_path))
    assert data_home() == tmp_path
    monkeypatch.delenv("TSRNN_DATA")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert data_home() == tmp_path / "cache" / "tsrnn"
    monkeypatch.setattr("sys.platform", "darwin")
    assert data_home().parts[-3:] == ("Library", "Caches", "tsrnn")
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert data_home() == tmp_path / "local" / "tsrnn"

"""Public files, downloaded once, checked by sha256 and kept in a folder.

The folder is the one that the environment variable ``TSRNN_DATA`` names, else the user's cache
folder. Nothing from a download is executed, and a member of an archive never names a path.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import IO, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from tqdm import tqdm

TIMEOUT = 60  # seconds without a byte
CHUNK = 1 << 20  # bytes read at a time


class Resource(NamedTuple):
    """One public file.

    Parameters
    ----------
    path : str
        Where the file lies below the data folder.
    url : str
        Where it is downloaded from; empty when no public download has it.
    sha256 : str or None
        Checksum of the file at `path`; None where it is not known or not constant: then the reader
        checks the content.
    members : tuple of str
        The way to the file through (nested) zip archives; empty when the download is the file.
    """

    path: str
    url: str
    sha256: str | None
    members: tuple[str, ...] = ()


def shipped_file(name: str) -> Traversable:
    """Return a file that comes with tsrnn.

    Parameters
    ----------
    name : str
        A file of the repository's folder ``datasets``, which is ``tsrnn/_data`` in a wheel.

    Returns
    -------
    Traversable
        Open it with ``.open("rb")``.

    Examples
    --------
    >>> from tsrnn.download import shipped_file
    >>> shipped_file("wti.csv.gz").is_file()
    True
    """
    installed = resources.files("tsrnn") / "_data" / name
    return installed if installed.is_file() else Path(__file__).parents[1] / "datasets" / name


def data_home() -> Path:
    """Return the folder of the downloads; it need not exist.

    Returns
    -------
    Path
        ``TSRNN_DATA`` where set, else ``tsrnn`` in the user's cache folder: ``$XDG_CACHE_HOME`` or
        ``~/.cache``, ``~/Library/Caches`` on macOS, ``%LOCALAPPDATA%`` on Windows.

    Examples
    --------
    >>> from tsrnn.download import data_home
    >>> data_home().is_absolute()
    True
    """
    named = os.environ.get("TSRNN_DATA")
    return Path(named).expanduser().absolute() if named else _user_cache() / "tsrnn"


def _user_cache() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def fetch(resource: Resource, verbose: bool = False) -> Path:
    """Return the checked local copy of a public file, downloading it at the first call.

    Parameters
    ----------
    resource : Resource
        What to get.
    verbose : bool
        Show a progress bar while downloading.

    Returns
    -------
    Path
        The file in `data_home`.

    Raises
    ------
    ConnectionError
        The file is not in the folder and cannot be downloaded.
    OSError
        The file (or the download) is not the one we know; a bad download leaves nothing behind.
    """
    target = data_home() / resource.path
    if target.is_file():
        _check_sum(target, resource.sha256, f"{target} (delete it to download it anew)")
        return target
    with _temporary_folder(target.parent) as folder:
        file = _download(resource, target, folder / "download", verbose)
        for member in resource.members:
            file = _extract(file, member, resource.url)
        _check_sum(file, resource.sha256, f"download of {resource.path} from {resource.url}")
        os.replace(file, target)
    return target


@contextmanager
def _temporary_folder(parent: Path) -> Iterator[Path]:
    """Yield a folder beside the target, so that the last move is atomic."""
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix=".download-") as folder:
        yield Path(folder)


def _download(resource: Resource, target: Path, file: Path, verbose: bool) -> Path:
    hint = f"{target} is not there; set TSRNN_DATA to a folder that has {resource.path}"
    if not resource.url:
        raise ConnectionError(f"{resource.path} has no public download: {hint}")
    try:
        with urlopen(resource.url, timeout=TIMEOUT) as response, file.open("wb") as out:
            _copy(response, out, resource.path, verbose)
    except (URLError, HTTPException, ConnectionError, TimeoutError) as error:
        if isinstance(error, HTTPError):
            error.close()  # an answer such as "404 Not Found" keeps its connection
        raise ConnectionError(f"cannot download {resource.url} ({error}): {hint}") from error
    return file


def _copy(response: IO[bytes], out: IO[bytes], name: str, verbose: bool) -> None:
    length = getattr(response, "length", None)  # bytes; None when the server does not say
    with tqdm(total=length, desc=name, unit="B", unit_scale=True, disable=not verbose) as bar:
        while chunk := response.read(CHUNK):
            out.write(chunk)
            bar.update(len(chunk))
    if length is not None and out.tell() < length:
        raise ConnectionError(f"the connection ended after {out.tell()} of {length} bytes")


def _extract(archive: Path, member: str, url: str) -> Path:
    """Copy one named member out of a zip, to a file beside it."""
    file = archive.with_name(archive.name + "-member")
    try:
        with (
            zipfile.ZipFile(archive) as opened,
            opened.open(member) as source,
            file.open("wb") as out,
        ):
            shutil.copyfileobj(source, out)
    except (zipfile.BadZipFile, KeyError) as error:
        raise OSError(f"{url}: expected a zip archive with {member!r}: {error}") from error
    return file


def _check_sum(file: Path, expected: str | None, what: str) -> None:
    if expected is None:
        return
    with file.open("rb") as opened:
        got = hashlib.file_digest(opened, "sha256").hexdigest()
    if got != expected:
        raise OSError(f"{what}: expected sha256 {expected}, got {got}")

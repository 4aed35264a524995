"""A directory of migrations as texts by path. No file is run, and none is read before it is asked for."""

import codecs
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

MOST_BYTES = 10 * 2**20
"""Of one file whose text is read."""
_DECLARED = {
    ".py": re.compile(rb"(?:[ \t\f]*(?:#[^\n]*)?\r?\n)?[ \t\f]*#[^\n]*?coding[:=][ \t]*([-\w.]+)"),
    ".xml": re.compile(rb"<\?xml\b[^>]*?\bencoding\s*=\s*[\"']([-\w.]+)"),
}
"""What a file says that it is written in, where Python and XML look for that."""
_OF_SCRIPTS = re.compile("[\u00a0\u1680\u2000-\u200a\u200c\u200d\u202f\u205f\u3000]")
"""Spaces and joiners that names in other scripts have, and that do a terminal no harm."""
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def _read(file: Path) -> bytes:
    """Return what a file has, of a larger one a byte more than is read of one. Raises OSError."""
    with file.open("rb") as opened:
        # Room for all that is asked for is made before it is read, which costs more than to read a migration.
        return opened.read(MOST_BYTES + 1 if os.fstat(opened.fileno()).st_size > MOST_BYTES else -1)


def text_of(file: Path, shown: str, *, in_any_encoding: bool = False) -> str:
    """Return the text of a file. Raises OSError, and ValueError for what is too large or no text.

    In any encoding: what is no UTF-8 is replaced, as those do who read it for names.
    """
    content = _read(file)
    if len(content) > MOST_BYTES:
        raise ValueError(f"{shown} is larger than {MOST_BYTES // 2**20} MiB; name a directory of migrations")
    pattern = _DECLARED.get(file.suffix.lower())
    declared = pattern.match(content.removeprefix(codecs.BOM_UTF8)) if pattern else None
    is_wide = in_any_encoding and content.startswith(_WIDE)
    encoding = "utf-16" if is_wide else declared[1].decode() if declared else "utf-8"
    try:
        return content.decode(encoding, "replace" if in_any_encoding else "strict").removeprefix("\ufeff")
    except (UnicodeError, LookupError):
        raise ValueError(f"{shown} is not UTF-8 text; save it as UTF-8") from None


class Folder(Mapping[str, str]):
    """The files below a directory: path in it -> text, read when asked for.

    Links are followed and hidden folders passed over: so the mount of a ConfigMap holds each file once. Tools that walk
    in another way say so.
    """

    def __init__(
        self,
        root: Path,
        passed: str,
        only: Sequence[str] = (),
        *,
        follows: bool = True,
        in_any_encoding: bool = False,
    ) -> None:
        self.root = Path(os.path.abspath(root))  # noqa: PTH100 - resolve would follow links, and so change its name
        self.folders: list[str] = []
        """Paths of the folders below it, of those that are passed over too."""
        self.named = ""
        """The path in it of a file that was named with it."""
        self._only = only
        self._passed = re.compile(passed)
        self._follows = follows
        self._in_any_encoding = in_any_encoding
        self._paths = dict.fromkeys(self._walk("", ()))

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, path: str) -> str:
        if path not in self._paths:
            raise KeyError(path)
        return text_of(self.root / path, path, in_any_encoding=self._in_any_encoding)

    def text(self, path: str) -> str:
        """Return a file's text as far as it is one, whatever its encoding: what it is written in, names stand in it."""
        content = _read(self.root / path)
        return content.decode("utf-16" if content.startswith(_WIDE) else "utf-8-sig", errors="replace")

    def refuse_called(self, pattern: str) -> None:
        """Raise ValueError for a folder whose path is a migration's: many take it for one, and stop at it."""
        for path in self.folders:
            if re.fullmatch(pattern, path):
                raise ValueError(f"{path} is a folder, and is called as a migration is; rename or remove it")

    def looks_into(self, path: str) -> bool:
        """Return whether the tool looks into a folder."""
        return not self._passed.fullmatch(path.rpartition("/")[2]) and (self._follows or not self._is_link(path))

    def _is_link(self, path: str) -> bool:
        """Return whether it is a link of the user's: a mounted ConfigMap consists of links into `..data`."""
        place = self.root / path
        return place.is_symlink() and not os.readlink(place).startswith("..data/")  # noqa: PTH115 - as it is written

    def _walk(self, prefix: str, above: tuple[str, ...]) -> Iterator[str]:
        real = os.path.realpath(self.root / prefix)
        for entry in sorted(os.scandir(self.root / prefix), key=lambda entry: entry.name) if real not in above else ():
            if self._only and not above and entry.name not in self._only:
                continue
            path = prefix + entry.name
            if not _OF_SCRIPTS.sub("", path).isprintable():
                raise ValueError(f"the name {path!a} is not printable text; rename the file")
            if entry.is_dir():
                self.folders.append(path)
                if self.looks_into(path):
                    yield from self._walk(f"{path}/", (*above, real))
            elif entry.is_file():
                yield path
            elif entry.is_symlink() and not os.path.exists(entry):  # noqa: PTH110 - of an entry, not of a path
                raise ValueError(f"{path} is a link to nothing; mend the link")
            else:
                raise ValueError(f"{path} is neither a file nor a folder; leave it out")

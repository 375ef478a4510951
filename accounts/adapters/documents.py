"""Documents that people send: told by their content, pictures written anew, anything that could run refused."""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO

from PIL import Image, ImageOps

from accounts.adapters.images import FORMATS, MAX_PIXELS, MAX_SIDE, ImageBombError, NotAnImageError

LONG_SIDE = 3_000
# What a document to be looked at has no use for. Each name is long enough not to be found in a scan's bytes by chance;
# an action on opening that only says which page to show is a list.
_ACTIVE = re.compile(
    rb"/(JavaScript|Launch|EmbeddedFiles?|OpenAction(?!\s*\[)|XFA|RichMedia|Rendition|SubmitForm|ImportData|GoTo[RE]|Encrypt)\b"
)
# Names may be written with #xx in place of a letter.
_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
# Objects may be packed into a stream, out of sight of a search.
_STREAM = re.compile(rb"(?<!end)stream\r?\n")
_PACKED = b"/ObjStm"
MAX_HEAD = 4_096
MAX_UNPACKED = 16_000_000


class ActiveDocumentError(ValueError):
    """The PDF has scripts, actions, attachments or encryption, or parts that cannot be looked into."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A document as it may be kept; `sha256` is that of what was sent."""

    data: bytes
    content_type: str
    sha256: str


def document_check(data: bytes) -> Checked:
    """Read a document by its content: a picture comes out as a JPEG without metadata, a PDF as it was.

    Raises NotAnImageError for anything else, ImageBombError, ActiveDocumentError.
    """
    digest = sha256(data).hexdigest()
    if data.startswith(b"%PDF-"):
        if b"%%EOF" not in data[-2_048:]:
            raise NotAnImageError
        if any(_ACTIVE.search(text) or _ACTIVE.search(_plain(text)) for text in (data, *_unpacked(data))):
            raise ActiveDocumentError
        return Checked(data, "application/pdf", digest)
    return Checked(_jpeg(data), "image/jpeg", digest)


def _plain(text: bytes) -> bytes:
    return _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), text)


def _unpacked(data: bytes) -> Iterator[bytes]:
    """What is in the streams that have objects in them; ActiveDocumentError when that cannot be read."""
    left = MAX_UNPACKED
    for found in _STREAM.finditer(data):
        head = data[max(0, found.start() - MAX_HEAD) : found.start()]
        start = head.rfind(b"obj")
        if start < 0:
            raise ActiveDocumentError
        if _PACKED not in _plain(head[start:]):
            continue
        inflate = zlib.decompressobj()
        try:
            text = inflate.decompress(memoryview(data)[found.end() :], left)
        except zlib.error as error:
            raise ActiveDocumentError from error
        left -= len(text)
        if not inflate.eof or left <= 0:
            raise ActiveDocumentError
        yield text


def _jpeg(data: bytes) -> bytes:
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as source:
            if source.width * source.height > MAX_PIXELS or max(source.size) > MAX_SIDE:
                raise ImageBombError
            source.load()
            picture = ImageOps.exif_transpose(source).convert("RGB")
    except ImageBombError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageBombError from error
    except Exception as error:
        # Whatever a decoder stumbles over.
        raise NotAnImageError from error
    picture.thumbnail((LONG_SIDE, LONG_SIDE))
    clean = Image.new("RGB", picture.size)
    clean.paste(picture)
    out = BytesIO()
    clean.save(out, "JPEG", quality=88)
    return out.getvalue()

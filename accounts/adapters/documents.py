"""Documents that people send: told by their content, pictures written anew, anything that could run refused."""

import re
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO

from PIL import Image, ImageOps

from accounts.adapters.images import FORMATS, MAX_PIXELS, MAX_SIDE, ImageBombError, NotAnImageError

LONG_SIDE = 3_000
# What a document to be looked at has no use for.
_ACTIVE = re.compile(
    rb"/(JavaScript|JS|Launch|EmbeddedFiles?|OpenAction|AA|XFA|RichMedia|SubmitForm|ImportData|GoToR|Encrypt)\b"
)
# Names may be written with #xx in place of a letter, to hide from the search above.
_ESCAPED = re.compile(rb"/[A-Za-z]*#[0-9A-Fa-f]{2}")


class ActiveDocumentError(ValueError):
    """The PDF has scripts, actions, attachments or encryption."""


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
        if _ACTIVE.search(data) or _ESCAPED.search(data):
            raise ActiveDocumentError
        return Checked(data, "application/pdf", digest)
    return Checked(_jpeg(data), "image/jpeg", digest)


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

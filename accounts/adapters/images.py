"""Pictures that people send, made into pictures of ours: nothing of the file that came is kept but its pixels."""

import re
from io import BytesIO

from PIL import Image, ImageOps

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
# 24 megapixels: what phones take; a bomb of a few kilobytes unfolds to far more.
MAX_PIXELS = 24_000_000
MAX_SIDE = 12_000
SIDE = 256
# A picture that is a page or a program as well is no mistake.
_POLYGLOT = re.compile(rb"<script|<html|<!doctype|<\?php|<svg[\s>]", re.IGNORECASE)


class NotAnImageError(ValueError):
    """The bytes are not a picture of a known format, are cut off, or are something else as well."""


class ImageBombError(ValueError):
    """The picture unfolds to more pixels than are ever needed."""


def square_webp(data: bytes, side: int = SIDE) -> bytes:
    """The middle of a picture as a square WebP without any of its metadata. Of an animation, the first frame.

    Raises NotAnImageError and ImageBombError. No more is decoded than MAX_PIXELS.
    """
    if _POLYGLOT.search(data):
        raise NotAnImageError
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as source:
            if source.width * source.height > MAX_PIXELS or max(source.size) > MAX_SIDE:
                raise ImageBombError
            source.draft("RGB", (side * 2, side * 2))
            source.load()
            return _encode(ImageOps.exif_transpose(source), side)
    except ImageBombError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageBombError from error
    except Exception as error:
        # Whatever a decoder stumbles over: truncated data, broken headers, chunks that unfold without end.
        raise NotAnImageError from error


def _encode(picture: Image.Image, side: int) -> bytes:
    has_alpha = "A" in picture.getbands() or "transparency" in picture.info
    square = ImageOps.fit(picture.convert("RGBA" if has_alpha else "RGB"), (side, side), Image.Resampling.LANCZOS)
    # A new picture has no EXIF, profile or comment to take along.
    clean = Image.new(square.mode, square.size)
    clean.paste(square)
    out = BytesIO()
    clean.save(out, "WEBP", quality=82, method=4)
    return out.getvalue()

"""Bytes to one decoded still, or a failure to acquire.

The type is told from the bytes, never from a name. Size, declared pixels, frames and metadata are bounded
before anything is decoded; a decoder that raises, whatever it raises, makes a `CORRUPT_FILE`. Out comes
upright 8-bit sRGB. What the file said about itself is kept apart, in `Still.metadata`.
"""

import contextlib
import io
import re
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from counterseal.biometrics.engine import Box, Pixels
from counterseal.terms.biometrics import FailureCode, FailureToAcquire

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class StillLimits:
    """Bounds that hold before decoding.

    max_bytes: of the file. max_pixels: width times height as declared. max_side: pixels of either side.
    max_metadata: bytes of all metadata blocks together. max_scans: of a progressive JPEG.
    """

    max_bytes: int = 32 * MEGABYTE
    max_pixels: int = 50 * MEGABYTE
    max_side: int = 20_000
    max_metadata: int = 4 * MEGABYTE
    max_scans: int = 64


DEFAULT_LIMITS = StillLimits()


@dataclass(frozen=True, slots=True)
class StillMetadata:
    """What the original file said about itself: unverified text of whoever made it.

    width, height: as stored, before the orientation is applied. orientation: EXIF 1 to 8, 1 where none is
    stated. taken_at, camera, software: as written, cleaned of control characters, at most 120 characters.
    jpeg_quality: estimated from the quantisation tables, 1 to 100, None where there are none.
    conversions: what was done to the pixels on the way to 8-bit sRGB, in order.
    """

    file_type: str
    file_bytes: int
    width: int
    height: int
    mode: str
    orientation: int
    taken_at: str | None
    camera: str | None
    software: str | None
    has_position: bool
    has_colour_profile: bool
    jpeg_quality: float | None
    conversions: tuple[str, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Still:
    """One picture. pixels: (height, width, 3) uint8 sRGB, upright, read-only."""

    pixels: Pixels
    metadata: StillMetadata

    @property
    def width(self) -> int:
        """Of the upright picture, in pixels."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Of the upright picture, in pixels."""
        return int(self.pixels.shape[0])


class _RefusedError(Exception):
    """Carries a failure up to `read_still`."""

    def __init__(self, code: FailureCode, says: str, remedy: str) -> None:
        super().__init__(says)
        self.failure = FailureToAcquire(code, says, remedy)


ANOTHER_COPY = "obtain the file again from its source, or another copy of the photograph"
ONE_STILL = "export the one still to be used as JPEG or PNG, and record that edit"
CONVERT = "convert it to JPEG or PNG, and record that edit"

_VIDEO = (
    (b"\x1a\x45\xdf\xa3", 0, "Matroska or WebM"),
    (b"AVI ", 8, "AVI"),
    (b"FLV\x01", 0, "Flash video"),
    (b"\x30\x26\xb2\x75", 0, "Windows Media"),
    (b"\x00\x00\x01\xba", 0, "MPEG"),
    (b"\x00\x00\x01\xb3", 0, "MPEG"),
    (b"OggS", 0, "Ogg"),
    (b"moov", 4, "QuickTime"),
    (b"mdat", 4, "QuickTime"),
    (b"wide", 4, "QuickTime"),
)
_OTHER = (
    (b"%PDF", 0, "PDF"),
    (b"8BPS", 0, "Photoshop"),
    (b"\x00\x00\x00\x0cjP  ", 0, "JPEG 2000"),
    (b"\xff\x4f\xff\x51", 0, "JPEG 2000"),
    (b"\xff\x0a", 0, "JPEG XL"),
    (b"\x00\x00\x00\x0cJXL ", 0, "JPEG XL"),
    (b"<svg", 0, "SVG"),
    (b"PK\x03\x04", 0, "ZIP"),
)
# ISO base media brands of stills; every other brand of that container is taken for video.
_STILL_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif"}
_STILLS = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
)

# A warning filter belongs to the whole process: one decoder at a time may change it.
_one_decoder = threading.Lock()


def read_still(data: bytes, *, limits: StillLimits = DEFAULT_LIMITS) -> Still | FailureToAcquire:
    """Decode one still. Never raises on any bytes."""
    try:
        # 1 bound the bytes, 2 tell the type, 3 bound what the header declares, 4 decode, 5 sRGB, upright.
        if not data:
            raise _RefusedError(FailureCode.CORRUPT_FILE, "the file is empty", ANOTHER_COPY)
        if len(data) > limits.max_bytes:
            raise _RefusedError(
                FailureCode.FILE_TOO_LARGE,
                f"the file has {len(data):,} bytes; at most {limits.max_bytes:,} are taken",
                "reduce the photograph, and record that edit",
            )
        kind = _kind(data)
        _CHECKS[kind](data, limits)
        return _decoded(data, kind, limits)
    except _RefusedError as refused:
        return refused.failure
    # Decoders raise OSError, SyntaxError, struct.error, IndexError, zlib.error, MemoryError and more on
    # hostile bytes; each of them means the same.
    except Exception as error:  # noqa: BLE001
        return FailureToAcquire(
            FailureCode.CORRUPT_FILE, f"the picture cannot be decoded: {_clean(str(error))}", ANOTHER_COPY
        )


def encode_png(pixels: Pixels) -> bytes:
    """Pixels as a PNG without any metadata."""
    out = io.BytesIO()
    # Level 1: a face crop is about a fifth larger than at 6, and made four times sooner.
    Image.fromarray(pixels).save(out, "PNG", compress_level=1)
    return out.getvalue()


def cut(pixels: Pixels, box: Box) -> Pixels:
    """The part of the picture inside `box`, which is first held within the picture.

    Raises ValueError: the box lies outside altogether.
    """
    height, width = pixels.shape[:2]
    left, top = max(0, box.left), max(0, box.top)
    right, bottom = min(width, box.right), min(height, box.bottom)
    if right <= left or bottom <= top:
        raise ValueError(f"box {box.left, box.top, box.right, box.bottom} lies outside the picture")
    return np.ascontiguousarray(pixels[top:bottom, left:right])


def _kind(data: bytes) -> str:
    for magic, at, name in _VIDEO:
        if data.startswith(magic, at) and (at != 8 or data.startswith(b"RIFF")):
            raise _RefusedError(FailureCode.VIDEO, f"the file is a video ({name})", ONE_STILL)
    if data[4:8] == b"ftyp":
        if data[8:12] in _STILL_BRANDS:
            raise _RefusedError(FailureCode.UNSUPPORTED_TYPE, "the file is HEIF or AVIF", CONVERT)
        raise _RefusedError(FailureCode.VIDEO, "the file is a video (MP4 or QuickTime)", ONE_STILL)
    if len(data) > 376 and data[0] == data[188] == data[376] == 0x47:
        raise _RefusedError(FailureCode.VIDEO, "the file is a video (MPEG transport stream)", ONE_STILL)
    for magic, kind in _STILLS:
        if data.startswith(magic):
            return kind
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    for magic, at, name in _OTHER:
        if data.startswith(magic, at):
            raise _RefusedError(FailureCode.UNSUPPORTED_TYPE, f"the file is {name}", CONVERT)
    raise _RefusedError(FailureCode.UNSUPPORTED_TYPE, "the file is no picture of a known type", CONVERT)


def _check_size(width: int, height: int, limits: StillLimits) -> None:
    if width < 1 or height < 1:
        raise _RefusedError(FailureCode.CORRUPT_FILE, "the file declares no pixels", ANOTHER_COPY)
    if width * height > limits.max_pixels or max(width, height) > limits.max_side:
        raise _RefusedError(
            FailureCode.TOO_MANY_PIXELS,
            f"the file declares {width} x {height} pixels; at most {limits.max_pixels:,} in all and"
            f" {limits.max_side:,} a side are decoded",
            "reduce or crop the photograph, and record that edit",
        )


def _check_metadata(size: int, limits: StillLimits) -> None:
    if size > limits.max_metadata:
        raise _RefusedError(
            FailureCode.UNUSABLE_METADATA,
            f"the metadata blocks have {size:,} bytes; at most {limits.max_metadata:,} are read",
            "remove the metadata from a copy, and record that edit",
        )


def _truncated(what: str) -> _RefusedError:
    return _RefusedError(FailureCode.CORRUPT_FILE, f"the file is truncated or damaged: {what}", ANOTHER_COPY)


_START_OF_FRAME = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})


def _check_jpeg(data: bytes, limits: StillLimits) -> None:
    """Walk the segments up to the first scan: the frame's size, the metadata's bytes."""
    at, metadata, framed = 2, 0, False
    while True:
        while data[at : at + 1] == b"\xff" and data[at + 1 : at + 2] == b"\xff":
            at += 1
        if len(data) < at + 4 or data[at] != 0xFF:
            raise _truncated("its segments end before the picture begins")
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if length < 2:
            raise _truncated("a segment has no length")
        if marker == 0xDA:
            break
        if marker in _START_OF_FRAME:
            if framed or length < 8:
                raise _truncated("its frame header")
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            _check_size(width, height, limits)
            framed = True
        elif 0xE0 <= marker <= 0xEF or marker == 0xFE:
            metadata += length
            _check_metadata(metadata, limits)
        at += 2 + length
    if not framed:
        raise _truncated("it has no frame header")
    # Inside a scan 0xFF is always followed by 0x00 or a marker, so this counts scans (a thumbnail adds one).
    if data.count(b"\xff\xda") > limits.max_scans:
        raise _RefusedError(FailureCode.CORRUPT_FILE, "the file has an absurd number of scans", ANOTHER_COPY)


_PNG_PICTURE = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS"})


def _check_png(data: bytes, limits: StillLimits) -> None:
    """Walk all chunks: size, animation, metadata, every checksum, the end."""
    at, metadata, first = 8, 0, True
    while True:
        if len(data) < at + 12:
            raise _truncated("its last chunk is missing")
        length = int.from_bytes(data[at : at + 4], "big")
        name = data[at + 4 : at + 8]
        end = at + 8 + length
        if len(data) < end + 4:
            raise _truncated("a chunk is cut off")
        if first:
            if name != b"IHDR" or length != 13:
                raise _truncated("its header")
            width, height = struct.unpack(">II", data[at + 8 : at + 16])
            _check_size(width, height, limits)
            first = False
        if zlib.crc32(memoryview(data)[at + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            raise _truncated("a checksum is wrong")
        if name in (b"acTL", b"fcTL", b"fdAT"):
            raise _RefusedError(FailureCode.SEVERAL_FRAMES, "the file is an animated PNG", ONE_STILL)
        if name == b"IEND":
            return
        if name not in _PNG_PICTURE:
            metadata += length
            _check_metadata(metadata, limits)
        at = end + 4


def _check_bmp(data: bytes, limits: StillLimits) -> None:
    if len(data) < 26:
        raise _truncated("its header")
    size = int.from_bytes(data[14:18], "little")
    if size == 12:
        width, height = struct.unpack("<HH", data[18:22])
    else:
        width, height = struct.unpack("<ii", data[18:26])
    _check_size(abs(width), abs(height), limits)


def _check_webp(data: bytes, limits: StillLimits) -> None:
    """Walk the RIFF chunks: canvas size, animation, metadata."""
    at, metadata, sized = 12, 0, False
    while at + 8 <= len(data):
        name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body = data[at + 8 : at + 8 + min(length, 16)]
        if name == b"VP8X" and len(body) >= 10:
            if body[0] & 0x02:
                raise _RefusedError(FailureCode.SEVERAL_FRAMES, "the file is an animated WebP", ONE_STILL)
            _check_size(_int24(body, 4) + 1, _int24(body, 7) + 1, limits)
            sized = True
        elif name in (b"ANIM", b"ANMF"):
            raise _RefusedError(FailureCode.SEVERAL_FRAMES, "the file is an animated WebP", ONE_STILL)
        elif name == b"VP8 " and len(body) >= 10:
            width, height = struct.unpack("<HH", body[6:10])
            _check_size(width & 0x3FFF, height & 0x3FFF, limits)
            sized = True
        elif name == b"VP8L" and len(body) >= 5:
            bits = int.from_bytes(body[1:5], "little")
            _check_size((bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1, limits)
            sized = True
        elif name not in (b"ALPH",):
            metadata += length
            _check_metadata(metadata, limits)
        at += 8 + length + (length & 1)
    if not sized:
        raise _truncated("it holds no picture")


def _int24(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 3], "little")


def _check_tiff(data: bytes, limits: StillLimits) -> None:
    """Read the first directory: one picture, its size, and metadata within bounds."""
    order = "<" if data[:2] == b"II" else ">"
    try:
        (at,) = struct.unpack_from(order + "I", data, 4)
        (count,) = struct.unpack_from(order + "H", data, at)
        entries = [struct.unpack_from(order + "HHII", data, at + 2 + 12 * i) for i in range(count)]
        (following,) = struct.unpack_from(order + "I", data, at + 2 + 12 * count)
    except struct.error as error:
        raise _truncated("its directory") from error
    if following:
        raise _RefusedError(FailureCode.SEVERAL_FRAMES, "the TIFF file has several pages", ONE_STILL)
    width = height = metadata = 0
    for tag, kind, length, value in entries:
        # A short sits in the first two bytes of the four.
        number = value if kind == 4 or order == "<" else value >> 16
        if tag == 256:
            width = number & 0xFFFF if kind == 3 else number
        elif tag == 257:
            height = number & 0xFFFF if kind == 3 else number
        elif tag not in (273, 279, 324, 325, 320):  # strips, tiles and palette belong to the picture
            metadata += length
    _check_size(width, height, limits)
    _check_metadata(metadata, limits)


def _check_gif(data: bytes, _limits: StillLimits) -> None:
    """A GIF is never taken: 256 colours are no photograph. Say which of the two reasons holds."""
    if len(data) < 13:
        raise _truncated("its header")
    # A graphic control block begins every frame of an animation.
    if len(re.findall(rb"\x21\xf9\x04.{4}\x00[\x21\x2c]", data, re.DOTALL)) > 1 or b"NETSCAPE2.0" in data:
        raise _RefusedError(FailureCode.SEVERAL_FRAMES, "the file is an animated GIF", ONE_STILL)
    raise _RefusedError(FailureCode.UNSUPPORTED_TYPE, "the file is a GIF, which keeps 256 colours", CONVERT)


_CHECKS = {
    "JPEG": _check_jpeg,
    "PNG": _check_png,
    "BMP": _check_bmp,
    "WEBP": _check_webp,
    "TIFF": _check_tiff,
    "GIF": _check_gif,
}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Pillow warns about what we refuse or tolerate knowingly; nothing of it reaches the caller."""
    with _one_decoder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _decoded(data: bytes, kind: str, limits: StillLimits) -> Still | FailureToAcquire:
    with _quiet(), Image.open(io.BytesIO(data), formats=[kind]) as image:
        if getattr(image, "n_frames", 1) > 1:
            raise _RefusedError(FailureCode.SEVERAL_FRAMES, "the file holds several pictures", ONE_STILL)
        # The header said one size to us: the decoder must see the same.
        _check_size(image.width, image.height, limits)
        facts = _facts(image)
        tables = getattr(image, "quantization", None)
        stored = (image.width, image.height, image.mode)
        image.load()
        profile = image.info.get("icc_profile")
        orientation = facts["orientation"]
        # Pillow turns a TIFF by itself while loading.
        turn = orientation if kind != "TIFF" else 1
        conversions: list[str] = []
        upright = _upright(_srgb(image, conversions), turn)
        if orientation != 1:
            conversions.append(f"turned by EXIF orientation {orientation}")
        pixels = np.array(upright, dtype=np.uint8)
    pixels.setflags(write=False)
    return Still(
        pixels,
        StillMetadata(
            file_type=kind,
            file_bytes=len(data),
            width=stored[0],
            height=stored[1],
            mode=stored[2],
            has_colour_profile=bool(profile),
            jpeg_quality=jpeg_quality(tables) if tables else None,
            conversions=tuple(conversions),
            **facts,
        ),
    )


def _facts(image: Image.Image) -> dict[str, Any]:
    """The few EXIF fields that are read, bounded and cleaned."""
    try:
        exif = image.getexif()
        inner = exif.get_ifd(0x8769)
        orientation = exif.get(0x0112, 1)
        taken = inner.get(0x9003) or exif.get(0x0132)
        position = bool(exif.get_ifd(0x8825))
        camera = " ".join(str(exif[tag]) for tag in (0x010F, 0x0110) if tag in exif)
        software = exif.get(0x0131)
    # The EXIF parser, too, raises whatever it stumbles over.
    except Exception as error:
        raise _RefusedError(
            FailureCode.UNUSABLE_METADATA,
            f"the EXIF block cannot be read: {_clean(str(error))}",
            "remove the metadata from a copy, and record that edit",
        ) from error
    if not isinstance(orientation, int) or not 1 <= orientation <= 8:
        raise _RefusedError(
            FailureCode.UNUSABLE_METADATA,
            f"EXIF orientation `{_clean(str(orientation))}` does not exist: 1 to 8 do",
            "set the orientation of a copy by eye, and record that edit",
        )
    return {
        "orientation": orientation,
        "taken_at": _clean(str(taken)) if taken else None,
        "camera": _clean(camera) or None,
        "software": _clean(str(software)) if software else None,
        "has_position": position,
    }


def _clean(text: str) -> str:
    return "".join(c for c in text if c.isprintable()).strip()[:120]


def _srgb(image: Image.Image, conversions: list[str]) -> Image.Image:
    """8-bit sRGB, every step that changes pixels noted."""
    if image.mode.startswith("I;16"):
        wide = np.asarray(image).astype(np.uint32)
        conversions.append("16-bit grey reduced to 8 bits")
        image = Image.fromarray((wide // 257).astype(np.uint8))
    if image.mode in ("P", "PA") or (image.mode in ("1", "L", "RGB") and "transparency" in image.info):
        image = image.convert("RGBA" if "transparency" in image.info or image.mode == "PA" else "RGB")
        conversions.append("palette or key colour resolved")
    if image.mode in ("RGBA", "LA", "RGBa", "La"):
        image = _opaque(image.convert("RGBA"), conversions)
    if image.mode not in ("1", "L", "RGB", "CMYK", "YCbCr"):
        raise _RefusedError(
            FailureCode.UNSUPPORTED_TYPE, f"pixels of mode `{_clean(image.mode)}` are not taken", CONVERT
        )
    image = _profiled(image, conversions)
    if image.mode != "RGB":
        conversions.append(f"{image.mode} converted to RGB")
        image = image.convert("RGB")
    return image


def _opaque(image: Image.Image, conversions: list[str]) -> Image.Image:
    if image.getchannel("A").getextrema() != (255, 255):
        conversions.append("transparent pixels laid on white")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def _profiled(image: Image.Image, conversions: list[str]) -> Image.Image:
    """Through the embedded colour profile to sRGB. An unreadable profile is passed over and noted."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("L", "RGB", "CMYK"):
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).lower():
            return image
        turned = ImageCms.profileToProfile(image, source, _srgb_profile(), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        conversions.append("unreadable colour profile passed over")
        return image
    if turned is None:
        return image
    conversions.append("colour profile converted to sRGB")
    return turned


def _srgb_profile() -> Any:
    return ImageCms.createProfile("sRGB")


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    return image.transpose(turns[orientation]) if orientation in turns else image


# ITU-T T.81, table K.1, row by row: the luminance table that libjpeg scales by its quality setting.
_LUMINANCE = (
    *(16, 11, 10, 16, 24, 40, 51, 61),
    *(12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56),
    *(14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77),
    *(24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101),
    *(72, 92, 95, 98, 112, 100, 103, 99),
)


def jpeg_quality(tables: dict[int, list[int]]) -> float | None:
    """The setting of libjpeg's scale (1 to 100) whose luminance table is nearest to the file's.

    Says how the file was last saved, not what happened to it before. None where there is no such table.
    """
    table = tables.get(0)
    if not table or len(table) != 64:
        return None
    # libjpeg: entry = K.1 * scale / 100, held within 1 and 255; scale = 5000 / q below 50, 200 - 2 q from
    # there. Both tables are sorted, so their order does not matter; entries at a bound say nothing.
    pairs = [
        (entry, base)
        for entry, base in zip(sorted(table), sorted(_LUMINANCE), strict=True)
        if 1 < entry < 255
    ]
    if not pairs:
        return 100.0 if table[0] <= 1 else 1.0
    scale = 100.0 * sum(entry for entry, _ in pairs) / sum(base for _, base in pairs)
    quality = (200 - scale) / 2 if scale <= 100 else 5000 / scale
    return round(min(100.0, max(1.0, quality)), 1)

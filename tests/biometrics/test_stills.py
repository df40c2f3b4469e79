"""Bytes to one still: what is refused, and with which code; what is turned into upright 8-bit sRGB."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageFile

from counterseal.biometrics.stills import Still, StillLimits, read_still
from counterseal.terms.biometrics import FailureCode, FailureToAcquire


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def gradient(width: int = 90, height: int = 60) -> Image.Image:
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray(
        np.stack([x * 255 // width, y * 255 // height, (x + y) % 256], -1).astype(np.uint8)
    )


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def code_of(data: bytes, **options) -> FailureCode:
    outcome = read_still(data, **options)
    assert isinstance(outcome, FailureToAcquire), outcome
    assert outcome.says and outcome.remedy
    return outcome.code


def still_of(data: bytes) -> Still:
    outcome = read_still(data)
    assert isinstance(outcome, Still), outcome
    assert outcome.pixels.dtype == np.uint8 and outcome.pixels.shape == (outcome.height, outcome.width, 3)
    return outcome


PICTURE = gradient()
JPEG = encoded(PICTURE, "JPEG", quality=90)
PNG = encoded(PICTURE, "PNG")


def frames(kind: str, **options) -> bytes:
    other = gradient().transpose(Image.Transpose.ROTATE_180)
    return encoded(gradient(), kind, save_all=True, append_images=[other], **options)


REFUSED = {
    "empty": (b"", FailureCode.CORRUPT_FILE),
    "text": (b"hello, this is no picture", FailureCode.UNSUPPORTED_TYPE),
    "pdf": (b"%PDF-1.7 ...", FailureCode.UNSUPPORTED_TYPE),
    "zip": (b"PK\x03\x04 ...", FailureCode.UNSUPPORTED_TYPE),
    "svg": (b"<svg xmlns='x'/>", FailureCode.UNSUPPORTED_TYPE),
    "psd": (b"8BPS\x00\x01", FailureCode.UNSUPPORTED_TYPE),
    "heic": (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", FailureCode.UNSUPPORTED_TYPE),
    "mp4": (b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00", FailureCode.VIDEO),
    "quicktime": (b"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00", FailureCode.VIDEO),
    "webm": (b"\x1a\x45\xdf\xa3\x01\x00", FailureCode.VIDEO),
    "avi": (b"RIFF\x00\x00\x00\x00AVI LIST", FailureCode.VIDEO),
    "mpeg": (b"\x00\x00\x01\xba\x44", FailureCode.VIDEO),
    "transport stream": ((b"\x47" + b"\x00" * 187) * 4, FailureCode.VIDEO),
    "gif": (encoded(PICTURE, "GIF"), FailureCode.UNSUPPORTED_TYPE),
    "animated gif": (frames("GIF", duration=50), FailureCode.SEVERAL_FRAMES),
    "apng": (frames("PNG", duration=50), FailureCode.SEVERAL_FRAMES),
    "animated webp": (frames("WEBP", duration=50), FailureCode.SEVERAL_FRAMES),
    "mpo": (frames("MPO"), FailureCode.SEVERAL_FRAMES),
    "multi-page tiff": (frames("TIFF"), FailureCode.SEVERAL_FRAMES),
    "truncated jpeg": (JPEG[: len(JPEG) // 2], FailureCode.CORRUPT_FILE),
    "jpeg header only": (JPEG[:200], FailureCode.CORRUPT_FILE),
    "truncated png": (PNG[:-30], FailureCode.CORRUPT_FILE),
    "png with a wrong checksum": (
        PNG[:200] + bytes([PNG[200] ^ 1]) + PNG[201:],
        FailureCode.CORRUPT_FILE,
    ),
    "float tiff": (encoded(Image.new("F", (50, 50)), "TIFF"), FailureCode.UNSUPPORTED_TYPE),
    "32-bit tiff": (encoded(Image.new("I", (50, 50)), "TIFF"), FailureCode.UNSUPPORTED_TYPE),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_its_code(name: str):
    data, code = REFUSED[name]

    assert code_of(data) is code


def bomb(kind: str) -> bytes:
    """A few hundred bytes that declare 60,000 x 60,000 pixels."""
    side = 60_000
    if kind == "png":
        head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
        return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    if kind == "jpeg":
        at = JPEG.index(b"\xff\xc0")
        return JPEG[: at + 5] + struct.pack(">HH", side, side) + JPEG[at + 9 :]
    if kind == "bmp":
        data = bytearray(encoded(PICTURE, "BMP"))
        data[18:26] = struct.pack("<ii", side, side)
        return bytes(data)
    if kind == "tiff":
        data = bytearray(encoded(PICTURE, "TIFF"))
        at = struct.unpack_from("<I", data, 4)[0]
        for i in range(struct.unpack_from("<H", data, at)[0]):
            if struct.unpack_from("<H", data, at + 2 + 12 * i)[0] in (256, 257):
                struct.pack_into("<HHII", data, at + 2 + 12 * i, 256 + (i > 0), 4, 1, side)
        return bytes(data)
    body = bytearray(encoded(PICTURE, "WEBP", lossless=True))
    extended = b"VP8X" + struct.pack("<I", 10) + bytes(4) + (side - 1).to_bytes(3, "little") * 2
    return bytes(body[:12]) + extended + bytes(body[12:])


@pytest.mark.parametrize("kind", ["png", "jpeg", "bmp", "tiff", "webp"])
def test_decompression_bomb_is_refused_by_its_header(kind: str):
    data = bomb(kind)

    assert len(data) < 20_000
    assert code_of(data) is FailureCode.TOO_MANY_PIXELS


def test_file_over_the_limit_is_refused_unread():
    limits = StillLimits(max_bytes=100)

    assert code_of(b"\x00" * 101, limits=limits) is FailureCode.FILE_TOO_LARGE


def test_metadata_over_the_limit_is_refused():
    huge = JPEG[:2] + (b"\xff\xe5\xff\xff" + b"\x00" * 65_533) * 70 + JPEG[2:]
    text = PNG[:33] + chunk(b"tEXt", b"a\x00" + b"b" * 5_000_000) + PNG[33:]

    assert code_of(huge) is FailureCode.UNUSABLE_METADATA
    assert code_of(text) is FailureCode.UNUSABLE_METADATA


def test_progressive_jpeg_with_absurdly_many_scans_is_refused():
    assert code_of(JPEG + b"\xff\xda" * 100) is FailureCode.CORRUPT_FILE


@pytest.mark.parametrize("orientation", [0, 9, 200, 65535])
def test_orientation_that_does_not_exist_is_refused(orientation: int):
    exif = Image.Exif()
    exif[0x0112] = orientation

    assert code_of(encoded(PICTURE, "JPEG", exif=exif)) is FailureCode.UNUSABLE_METADATA


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_honoured(orientation: int, kind: str):
    """A red corner at the upper left of the upright picture is there for every way of storing it."""
    upright = np.full((80, 120, 3), 40, np.uint8)
    upright[:20, :30] = (230, 20, 20)
    undo = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE"}
    undo |= {6: "ROTATE_90", 7: "TRANSVERSE", 8: "ROTATE_270"}
    stored = Image.fromarray(upright)
    if orientation in undo:
        stored = stored.transpose(Image.Transpose[undo[orientation]])
    exif = Image.Exif()
    exif[0x0112] = orientation

    still = still_of(encoded(stored, kind, exif=exif))

    assert (still.width, still.height) == (120, 80)
    assert still.metadata.orientation == orientation
    assert still.pixels[5, 5, 0] > 190 and still.pixels[70, 110, 0] < 90 and still.pixels[5, 110, 0] < 90
    assert still.pixels[70, 5, 0] < 90


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "I;16", "RGB"])
def test_pixel_modes_become_8_bit_rgb(mode: str):
    grey = Image.new("L", (60, 50), 128)
    if mode == "I;16":
        image = Image.fromarray(np.full((50, 60), 128 * 257, np.uint16))
    else:
        image = grey.convert("RGB").convert(mode)
    kind = "TIFF" if mode == "CMYK" else "PNG"

    still = still_of(encoded(image, kind))

    if mode in ("1", "P"):  # Pillow dithers on the way there
        assert abs(still.pixels.mean() - 128) < 3
    if mode == "1":
        assert set(np.unique(still.pixels)) <= {0, 255}
    elif mode != "P":
        assert np.all(np.abs(still.pixels.astype(int) - 128) <= 2)
    assert bool(still.metadata.conversions) == (mode not in ("RGB", "RGBA", "LA"))


def test_16_bit_colour_png_is_reduced():
    body = b"".join(b"\x00" + struct.pack(">3H", 0x8000, 0x4000, 0xFFFF) * 40 for _ in range(40))
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 40, 40, 16, 2, 0, 0, 0))
    data += chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")

    assert still_of(data).pixels[0, 0].tolist() == [0x80, 0x40, 0xFF]


def test_transparency_is_laid_on_white_and_said():
    clear = Image.new("RGBA", (50, 50), (10, 20, 30, 0))

    still = still_of(encoded(clear, "PNG"))

    assert np.all(still.pixels == 255)
    assert "transparent pixels laid on white" in still.metadata.conversions


def test_cmyk_jpeg_is_taken():
    still = still_of(encoded(PICTURE.convert("CMYK"), "JPEG", quality=95))

    assert np.abs(still.pixels.astype(int) - np.asarray(PICTURE)).mean() < 6


def test_colour_profile_is_applied_and_srgb_left_alone():
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    still = still_of(encoded(PICTURE, "PNG", icc_profile=srgb))
    assert still.metadata.has_colour_profile and still.metadata.conversions == ()

    broken = still_of(encoded(PICTURE, "PNG", icc_profile=b"no profile at all"))
    assert broken.metadata.conversions == ("unreadable colour profile passed over",)


def test_metadata_is_kept_apart_and_cleaned():
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0131] = "Maker", "Model\x07 7", "x" * 500
    exif[0x0132] = "2024:05:06 07:08:09"
    exif.get_ifd(0x8825)[1] = "N"

    facts = still_of(encoded(PICTURE, "JPEG", exif=exif, quality=90)).metadata

    assert (facts.camera, facts.taken_at) == ("Maker Model 7", "2024:05:06 07:08:09")
    assert facts.software == "x" * 120
    assert facts.has_position
    assert (facts.file_type, facts.width, facts.height) == ("JPEG", 90, 60)


@pytest.mark.parametrize("quality", [10, 30, 50, 75, 90, 95])
def test_jpeg_quality_is_estimated_from_the_tables(quality: int):
    assert still_of(encoded(PICTURE, "JPEG", quality=quality)).metadata.jpeg_quality == pytest.approx(
        quality, abs=2
    )


def test_png_has_no_jpeg_quality():
    assert still_of(PNG).metadata.jpeg_quality is None


def test_truncated_files_are_never_filled_up_with_grey():
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_the_name_is_not_asked_for():
    """A PNG in a .jpg is a PNG: there is no name to trust."""
    assert still_of(PNG).metadata.file_type == "PNG"


SEEDS = [JPEG, PNG, encoded(PICTURE, "WEBP"), encoded(PICTURE, "BMP"), encoded(PICTURE, "TIFF")]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_mutated_picture_raises(data: st.DataObject):
    seed = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, min(len(seed) - 1, 700)))
        seed[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(1, len(seed)))

    outcome = read_still(bytes(seed[:cut]))

    assert isinstance(outcome, Still | FailureToAcquire)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(
        [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"II*\x00", b"RIFF1234WEBP", b"GIF89a"]
    ),
    st.binary(max_size=400),
)
def test_no_bytes_raise(head: bytes, tail: bytes):
    outcome = read_still(head + tail)

    assert isinstance(outcome, Still | FailureToAcquire)

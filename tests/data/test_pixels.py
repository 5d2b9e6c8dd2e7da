import io
import struct
import zlib

import numpy as np
import pytest
import torch
from picture_files import pixels
from PIL import Image, ImageFile

from gansift.data.pixels import BadImageError, decode, to_signed


def encode(content, format="PNG", **options):
    image = content if isinstance(content, Image.Image) else Image.fromarray(content)
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


GREY, COLOUR = pixels(0), pixels(1, 6, 5, 3)


def test_every_pixel_value_is_mapped_linearly_and_comes_back():
    values = np.arange(256, dtype=np.uint8)
    signed = to_signed(values)
    assert signed.dtype == torch.float32
    assert torch.allclose(signed.double(), torch.arange(256.0, dtype=torch.float64) / 127.5 - 1, atol=1e-7)
    assert (signed[0], signed[255]) == (-1, 1)
    assert np.array_equal(((signed + 1) * 127.5).round().numpy().astype(np.uint8), values)


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_formats_give_back_grey_pixels(format):
    assert np.array_equal(decode(encode(GREY, format)), GREY)


@pytest.mark.parametrize(
    ("format", "options"), [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("PPM", {}), ("WEBP", {"lossless": True})]
)
def test_lossless_formats_give_back_colour_pixels(format, options):
    assert np.array_equal(decode(encode(COLOUR, format, **options)), COLOUR)


@pytest.mark.parametrize("format", ["JPEG", "WEBP"])
def test_lossy_formats_give_back_a_flat_colour_nearly(format):
    flat = np.full((8, 8, 3), (200, 100, 50), dtype=np.uint8)
    assert np.abs(decode(encode(flat, format)).astype(int) - flat).max() <= 4


def test_a_palette_counts_as_colour_and_gives_back_its_pixels():
    assert np.array_equal(decode(encode(GREY, "GIF")), np.stack([GREY] * 3, axis=2))


def test_black_and_white_becomes_0_and_255():
    assert np.array_equal(decode(encode(Image.fromarray(GREY > 127))), np.where(GREY > 127, 255, 0))


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_16_bit_grey_is_rounded_to_8_bits(format):
    wide = np.random.default_rng(2).integers(0, 65536, (6, 5), dtype=np.uint16)
    wide[0, :2] = 0, 65535
    assert np.array_equal(decode(encode(wide, format)), np.rint(wide * (255 / 65535)))


def _png_of_16_bits(values, clear):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"tRNS", struct.pack(">H", clear)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks)


def test_the_transparent_value_of_16_bit_grey_is_laid_on_white():
    values = np.array([[0, 65535], [25700, 257]])
    assert decode(_png_of_16_bits(values, clear=0)).tolist() == [[255, 255], [100, 1]]
    assert decode(_png_of_16_bits(values, clear=25700)).tolist() == [[0, 255], [255, 1]]


def test_transparency_is_laid_on_white():
    def blend(colour, alpha):
        return colour * (alpha / 255) + 255 * (1 - alpha / 255)

    for base in (GREY[..., None], COLOUR):
        content = np.concatenate([base, pixels(3, 6, 5, 1)], axis=2)
        content[0, 0, -1], content[0, 1, -1] = 0, 255
        got = decode(encode(content))
        expected = blend(base.astype(float), content[..., -1:].astype(float)).squeeze()
        assert np.abs(got - expected).max() <= 1
        assert (got[0, 0] == 255).all()
        assert (got[0, 1] == base[0, 1].squeeze()).all()


def test_a_colour_declared_transparent_becomes_white():
    for image in (Image.fromarray(GREY), Image.fromarray(COLOUR), Image.fromarray(GREY).convert("P")):
        key = image.getpixel((0, 0))
        got = decode(encode(image, transparency=key))
        assert (got[0, 0] == 255).all()
        assert not (got == 255).all()


@pytest.mark.parametrize(("mode", "grey"), [("P", False), ("CMYK", False), ("RGBA", False), ("LA", True), ("1", True)])
def test_the_colour_mode_of_the_file_decides_what_is_grey(mode, grey):
    image = Image.fromarray(GREY).convert("RGB" if mode == "CMYK" else "L").convert(mode)
    assert (decode(encode(image, "TIFF" if mode == "CMYK" else "PNG")).ndim == 2) == grey


@pytest.mark.parametrize("content", [GREY, COLOUR])
def test_the_orientation_of_the_camera_is_applied(content):
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise
    assert np.array_equal(decode(encode(content, exif=exif)), np.rot90(content, -1))


def test_a_16_bit_image_is_turned_too():
    exif = Image.Exif()
    exif[0x0112] = 8
    content = encode(GREY.astype(np.uint16) * 257, exif=exif)
    assert np.array_equal(decode(content), np.rot90(GREY, 1))


def test_resizing_crops_the_centre_first():
    wide = np.zeros((4, 10), dtype=np.uint8)
    wide[:, 3:7] = pixels(4, 4, 4)
    assert np.array_equal(decode(encode(wide), 4), wide[:, 3:7])
    assert np.array_equal(decode(encode(wide.T.copy()), 4), wide.T[3:7])


@pytest.mark.parametrize("size", [3, 16])
def test_resizing_is_by_the_lanczos_filter(size):
    square = pixels(5, 8, 8)
    assert decode(encode(square), size).shape == (size, size)
    # One axis at a time, with weights sinc(d) sinc(d / 3), widened by the scale when shrinking.
    scale = max(8 / size, 1)
    distance = ((np.arange(size) + 0.5) * 8 / size)[:, None] - (np.arange(8) + 0.5)
    weights = np.sinc(distance / scale) * np.sinc(distance / scale / 3) * (np.abs(distance / scale) < 3)
    weights /= weights.sum(1, keepdims=True)
    # Pillow rounds to 8 bits, and clips, between the two passes.
    first = np.clip(np.rint(square @ weights.T), 0, 255)
    assert np.abs(decode(encode(square), size) - np.clip(weights @ first, 0, 255)).max() <= 1.5


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"not an image at all", "not an image in a format that can be read"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 5 5\n", "not an image in a format that can be read"),
        (encode(pixels(6, 64, 64))[:1000], "damaged or cut short"),
        (encode(pixels(6, 64, 64, 3), "JPEG")[:1000], "damaged or cut short"),
        (encode(pixels(6, 64, 64), "BMP")[:1500], "damaged or cut short"),
        (encode(np.zeros((4, 4), dtype=np.float32), "TIFF"), r"32-bit pixels \(mode F\); save it with 8 or 16 bits"),
        (encode(np.zeros((4, 4), dtype=np.int32), "TIFF"), r"32-bit pixels \(mode I\); save it with 8 or 16 bits"),
    ],
)
def test_what_is_no_whole_image_is_refused_with_the_reason(content, reason):
    with pytest.raises(BadImageError, match=reason):
        decode(content)


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_several_frames_are_refused_with_their_number(format):
    frames = [Image.fromarray(pixels(number, 8, 8, 3)) for number in range(3)]
    content = encode(frames[0], format, save_all=True, append_images=frames[1:])
    with pytest.raises(BadImageError, match=r"animated or has several pages \(3 frames\)"):
        decode(content)


def test_a_camera_picture_with_a_preview_behind_it_is_read():
    flat = Image.new("RGB", (16, 16), (200, 100, 50))
    content = encode(flat, "MPO", save_all=True, append_images=[Image.new("RGB", (16, 16))])
    assert np.abs(decode(content).astype(int) - np.asarray(flat)).max() <= 4


def test_16_bit_colour_keeps_the_upper_8_bits():
    wide = np.random.default_rng(7).integers(0, 65536, (6, 5, 3), dtype=np.uint16)

    def chunk(kind, content):
        return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in wide)
    header = (5).to_bytes(4, "big") + (6).to_bytes(4, "big") + bytes([16, 2, 0, 0, 0])
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    assert np.array_equal(decode(content), wide >> 8)


def test_cmyk_becomes_the_colours_that_it_prints():
    ink = pixels(8, 6, 5, 4)
    got = decode(encode(Image.fromarray(ink, "CMYK"), "TIFF"))
    expected = 255.0 * (1 - ink[..., :3] / 255) * (1 - ink[..., 3:] / 255)
    assert np.abs(got - expected).max() <= 1.5


def declared(width, height):
    """A PNG of a few bytes that says it is that large."""
    content = bytearray(encode(np.zeros((1, 1), dtype=np.uint8)))
    content[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    return bytes(content)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("width", "height", "said"),
    [
        (8001, 8000, "8001x8000 pixels, more"),
        (10_000, 10_000, "10000x10000 pixels, more"),  # Pillow warns
        (100_000, 100_000, "more pixels"),  # Pillow refuses
    ],
)
def test_what_declares_too_many_pixels_is_refused_before_it_is_decoded(width, height, said, monkeypatch):
    content = declared(width, height)
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: pytest.fail("decoded"))
    with pytest.raises(BadImageError, match=f"declares {said} than the 64 megapixels that are decoded"):
        decode(content)


@pytest.mark.filterwarnings("error")
def test_of_as_many_pixels_as_are_allowed_the_rest_is_what_is_missing():
    with pytest.raises(BadImageError, match="damaged or cut short"):
        decode(declared(8000, 8000)[:-20])


@pytest.mark.filterwarnings("error")
def test_stray_metadata_warns_of_nothing():
    content = encode(COLOUR, "TIFF", tiffinfo={700: b"junk", 34665: 8})
    assert np.array_equal(decode(content), COLOUR)
    exif = encode(COLOUR, "PNG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff")
    assert np.array_equal(decode(exif), COLOUR)

"""Synthetic people for the demonstration, made on the spot from two public-domain portraits.

The portraits ship inside scientific packages: `skimage.data.astronaut` (NASA) and matplotlib's sample
`grace_hopper.jpg` (U.S. Navy). Their features are morphed region by region, the face is warped strongly,
recoloured and partly redrawn (hair, brows, beard, glasses) until the pictures show nobody who exists. The
parameters in `_TABLE` were chosen so that the embedded engine holds the people apart
(tools/choose_synthetic_people.py searched them, tests/biometrics/test_synthetic_people.py holds it).

Everything is a plain function of pixels and numbers: the same call gives the same picture.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import matplotlib.cbook
import numpy as np
import numpy.typing as npt
import skimage.data
from PIL import Image, ImageDraw, ImageFilter

Floats = npt.NDArray[np.float64]

WIDTH, HEIGHT = 320, 400
# Where the centres of the eyes lie on the canvas of a neutral photograph.
EYE_LINE = 205.0
HALF_EYE_DISTANCE = 42.0

# Control points typed in from the pictures: name, (x, y) in `astronaut`, (x, y) in `grace_hopper`.
# "left" and "right" are the picture's.
_POINTS: tuple[tuple[str, tuple[float, float], tuple[float, float]], ...] = (
    ("brow-left-outer", (189, 91), (194, 168)),
    ("brow-left-middle", (199, 88), (218, 161)),
    ("brow-left-inner", (213, 93), (244, 168)),
    ("brow-right-inner", (238, 94), (281, 165)),
    ("brow-right-middle", (249, 91), (307, 157)),
    ("brow-right-outer", (262, 95), (335, 163)),
    ("eye-left-outer", (194, 102), (204, 195)),
    ("eye-left-top", (203, 97), (220, 184)),
    ("eye-left-inner", (212, 104), (238, 194)),
    ("eye-left-bottom", (203, 106), (221, 198)),
    ("eye-right-inner", (238, 105), (290, 190)),
    ("eye-right-top", (246, 100), (306, 180)),
    ("eye-right-outer", (256, 105), (323, 188)),
    ("eye-right-bottom", (246, 108), (306, 195)),
    ("bridge", (225, 106), (265, 196)),
    ("nose-tip", (224, 125), (268, 236)),
    ("nose-left", (212, 128), (240, 243)),
    ("nose-right", (236, 129), (295, 240)),
    ("nose-base", (224, 133), (268, 251)),
    ("mouth-left", (203, 141), (228, 279)),
    ("mouth-right", (247, 140), (306, 276)),
    ("mouth-top", (225, 141), (267, 271)),
    ("mouth-bottom", (225, 154), (268, 296)),
    ("cheek-left", (190, 130), (205, 245)),
    ("cheek-right", (262, 130), (330, 242)),
    ("jaw-left-ear", (179, 105), (186, 200)),
    ("jaw-left-high", (181, 130), (191, 240)),
    ("jaw-left-low", (189, 158), (206, 295)),
    ("jaw-left-chin", (206, 174), (232, 326)),
    ("chin", (225, 179), (268, 336)),
    ("jaw-right-chin", (244, 173), (305, 326)),
    ("jaw-right-low", (260, 158), (328, 295)),
    ("jaw-right-high", (268, 130), (342, 240)),
    ("jaw-right-ear", (271, 105), (352, 197)),
    ("forehead-left", (187, 80), (197, 142)),
    ("forehead", (226, 78), (264, 134)),
    ("forehead-right", (264, 83), (334, 140)),
    ("crown-left", (160, 60), (165, 110)),
    ("crown", (228, 18), (264, 50)),
    ("crown-right", (292, 60), (362, 108)),
)
_NAMES = tuple(name for name, _, _ in _POINTS)

# Every parameter of a person with its range; 0 is neutral for those that reach below it.
PARAMETERS: Mapping[str, tuple[float, float]] = {
    # how much of the second portrait shows in a region
    "second_eyes": (0, 1),
    "second_nose": (0, 1),
    "second_mouth": (0, 1),
    "second_skin": (0, 1),
    "mirror": (0, 1),
    # geometry
    "eye_gap": (-1, 1),
    "eye_size": (-1, 1),
    "eye_tilt": (-1, 1),
    "brow_height": (-1, 1),
    "brow_tilt": (-1, 1),
    "nose_length": (-1, 1),
    "nose_width": (-1, 1),
    "mouth_width": (-1, 1),
    "mouth_height": (-1, 1),
    "mouth_drop": (-1, 1),
    "smile": (-1, 1),
    "jaw_width": (-1, 1),
    "chin_length": (-1, 1),
    "chin_width": (-1, 1),
    "cheek_width": (-1, 1),
    "forehead_height": (-1, 1),
    # colour
    "skin_light": (-1, 1),
    "skin_red": (-1, 1),
    "skin_contrast": (-1, 1),
    "hair_light": (0, 1),
    "hair_red": (0, 1),
    "background": (0, 1),
    # drawn
    "hair_line": (-1, 1),
    "hair_sides": (0, 1),
    "brow_weight": (0, 1),
    "beard": (0, 1),
    "moustache": (0, 1),
    "glasses": (0, 1),
    "freckles": (0, 1),
    "shade_eyes": (0, 1),
}


@dataclass(frozen=True, slots=True)
class SyntheticPerson:
    """Nobody who exists. number: from 1. parameters: by the names of `PARAMETERS`."""

    number: int
    parameters: tuple[float, ...]

    @property
    def person_id(self) -> str:
        """A pseudonymous id, for example `synthetic-07`."""
        return f"synthetic-{self.number:02d}"

    def photograph(self, n: int = 0) -> bytes:
        """The n-th photograph (n from 0), a JPEG: each with its own small turn, scale, light and noise."""
        if n < 0:
            raise ValueError(f"photograph number {n} is negative")
        return _jpeg(_varied(_neutral_photograph(self), np.random.default_rng([self.number, n])), 93)


def people(count: int) -> list[SyntheticPerson]:
    """The first `count` synthetic people.

    Raises ValueError: fewer than 1, or more than the table holds (`MOST_PEOPLE`).
    """
    if not 1 <= count <= MOST_PEOPLE:
        raise ValueError(f"{count} synthetic people asked for: 1 to {MOST_PEOPLE} can be made")
    return [SyntheticPerson(i + 1, _TABLE[i]) for i in range(count)]


def blurred_still(person: SyntheticPerson) -> bytes:
    """A dim, small, blurred camera still (JPEG): a face is found in it, but no template is worth making."""
    image = _varied(_neutral_photograph(person), np.random.default_rng([person.number, 9_001]))
    small = _picture(image * 0.45 + 6).resize((176, 220), Image.Resampling.BOX)
    return _jpeg(np.asarray(small.filter(ImageFilter.GaussianBlur(2.6)), dtype=np.float64), 60)


def store_camera_still(person: SyntheticPerson) -> bytes:
    """A usable still from a ceiling camera (JPEG): smaller, warmer, uneven light, noise, a wide frame."""
    rng = np.random.default_rng([person.number, 9_002])
    image = _varied(_neutral_photograph(person), rng)
    light = (1.06 - 0.22 * _grid()[1] / HEIGHT)[..., None] * np.array([1.03, 0.98, 0.88])
    small = _picture(image * light).resize((240, 300), Image.Resampling.LANCZOS)
    frame = np.zeros((360, 480, 3)) + np.array([92.0, 90.0, 84.0])
    frame[:, ::60] -= 14
    frame[180:184] -= 20
    frame[60:, 130:370] = np.asarray(small, dtype=np.float64)
    return _jpeg(frame + rng.normal(0, 2.5, frame.shape), 85)


def group_photograph(group: Sequence[SyntheticPerson]) -> bytes:
    """The people side by side in one JPEG: a crop must be chosen before anything can be compared."""
    if len(group) < 2:
        raise ValueError("a group has at least two people")
    parts = [_varied(_neutral_photograph(p), np.random.default_rng([p.number, 9_003])) for p in group]
    return _jpeg(np.concatenate(parts, axis=1), 92)


def cartoon() -> bytes:
    """A drawn face of plain shapes (PNG) that is nobody's and that no face detector should take for one."""
    image = Image.new("RGB", (320, 400), (250, 244, 214))
    draw = ImageDraw.Draw(image)
    draw.ellipse([40, 60, 280, 340], fill=(255, 214, 64), outline=(40, 30, 20), width=8)
    draw.ellipse([70, 90, 150, 200], fill=(255, 255, 255), outline=(40, 30, 20), width=6)
    draw.ellipse([180, 130, 230, 180], fill=(255, 255, 255), outline=(40, 30, 20), width=6)
    draw.ellipse([110, 150, 126, 166], fill=(20, 20, 20))
    draw.ellipse([196, 140, 212, 156], fill=(20, 20, 20))
    draw.polygon([(160, 210), (60, 250), (165, 238)], fill=(230, 90, 60), outline=(40, 30, 20))
    draw.arc([120, 230, 250, 310], 10, 120, fill=(150, 20, 30), width=9)
    return _encoded(image, "PNG")


@cache
def _portraits() -> tuple[Floats, Floats]:
    first = Image.fromarray(skimage.data.astronaut())  # type: ignore[no-untyped-call]
    # Twice the size, so that both faces have about the canvas's scale.
    first = first.resize((first.width * 2, first.height * 2), Image.Resampling.LANCZOS)
    with Image.open(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)) as file:
        second = file.convert("RGB")
    return np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)


@cache
def _source_points() -> tuple[Floats, Floats]:
    first = np.array([point for _, point, _ in _POINTS], dtype=np.float64) * 2
    return first, np.array([point for _, _, point in _POINTS], dtype=np.float64)


def _picture(image: Floats) -> Image.Image:
    return Image.fromarray(np.clip(np.round(image), 0, 255).astype(np.uint8))


def _encoded(image: Image.Image, kind: str, **options: int) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def _jpeg(image: Floats, quality: int) -> bytes:
    return _encoded(_picture(image), "JPEG", quality=quality)


@lru_cache(maxsize=64)
def _neutral_photograph(person: SyntheticPerson) -> Floats:
    image = _render(dict(zip(PARAMETERS, person.parameters, strict=True)), person.number * 100)
    image.setflags(write=False)
    return image


def _varied(image: Floats, rng: np.random.Generator) -> Floats:
    """Another photograph of the same head: turned, scaled, moved and lit a little differently."""
    angle, scale = np.radians(rng.uniform(-7, 7)), rng.uniform(0.9, 1.1)
    yaw, pitch = rng.uniform(-1, 1, 2)
    x, y = _grid()
    centre_x, centre_y = WIDTH / 2 + rng.uniform(-12, 12), EYE_LINE + rng.uniform(-10, 10)
    u, v = (x - centre_x) / scale, (y - centre_y) / scale
    u, v = u * np.cos(angle) + v * np.sin(angle), v * np.cos(angle) - u * np.sin(angle)
    # A turn of the head shifts the middle of the face against its edge.
    middle = np.exp(-((u / 90) ** 2) - ((v - 30) / 120) ** 2)
    turned = _sample(image, WIDTH / 2 + u + 8.0 * yaw * middle, EYE_LINE + v + 6.0 * pitch * middle)
    gain = rng.uniform(0.85, 1.1) * (1 + 0.25 * rng.uniform(-1, 1) * (x / WIDTH - 0.5))
    tint = 1 + rng.uniform(-0.04, 0.04, 3)
    return np.asarray(turned * gain[..., None] * tint + rng.normal(0, rng.uniform(0.8, 2.2), image.shape))


def _rows(*names: str) -> list[int]:
    return [_NAMES.index(name) for name in names]


_EYE_LEFT = _rows("eye-left-outer", "eye-left-top", "eye-left-inner", "eye-left-bottom")
_EYE_RIGHT = _rows("eye-right-outer", "eye-right-top", "eye-right-inner", "eye-right-bottom")
_BROW_LEFT = _rows("brow-left-outer", "brow-left-middle", "brow-left-inner")
_BROW_RIGHT = _rows("brow-right-outer", "brow-right-middle", "brow-right-inner")
_NOSE = _rows("nose-tip", "nose-left", "nose-right", "nose-base")
_MOUTH = _rows("mouth-left", "mouth-right", "mouth-top", "mouth-bottom")
_JAW = [i for i, name in enumerate(_NAMES) if name.startswith("jaw-")]
_LOW = _rows("jaw-left-chin", "chin", "jaw-right-chin")
_OUTLINE = [
    *_rows("jaw-left-ear", "jaw-left-high", "jaw-left-low", "jaw-left-chin", "chin"),
    *_rows("jaw-right-chin", "jaw-right-low", "jaw-right-high", "jaw-right-ear"),
]


def _upright(points: Floats) -> Floats:
    """Points with the eyes' centres at (-1, 0) and (1, 0), y downward."""
    left, right = points[_EYE_LEFT].mean(axis=0), points[_EYE_RIGHT].mean(axis=0)
    axis = (right - left) / 2
    moved = points - (left + right) / 2
    length = axis @ axis
    x = moved @ axis / length
    y = moved @ np.array([-axis[1], axis[0]]) / length
    return np.stack([x, y], axis=1)


@cache
def _neutral() -> Floats:
    """The mean of the two faces, made symmetric."""
    first, second = _source_points()
    mean = (_upright(first) + _upright(second)) / 2
    other = [_NAMES.index(_other_side(name)) for name in _NAMES]
    flipped = mean[other] * np.array([-1.0, 1.0])
    return np.asarray((mean + flipped) / 2)


def _other_side(name: str) -> str:
    if "left" in name:
        return name.replace("left", "right")
    return name.replace("right", "left")


def _shape(p: Mapping[str, float]) -> Floats:
    """The person's control points on the canvas."""
    points = _neutral().copy()
    x, y = points[:, 0], points[:, 1]
    for rows, side in ((_EYE_LEFT, -1.0), (_EYE_RIGHT, 1.0)):
        centre = points[rows].mean(axis=0)
        points[rows] = centre + (points[rows] - centre) * (1 + 0.3 * p["eye_size"])
        x[rows] += side * 0.17 * p["eye_gap"]
        y[rows] += side * (x[rows] - x[rows].mean()) * -0.3 * p["eye_tilt"]
    for rows, side in ((_BROW_LEFT, -1.0), (_BROW_RIGHT, 1.0)):
        x[rows] += side * 0.15 * p["eye_gap"]
        y[rows] -= 0.16 * p["brow_height"]
        y[rows] += side * (x[rows] - x[rows].mean()) * -0.25 * p["brow_tilt"]
    y[_NOSE] += 0.28 * p["nose_length"]
    x[_NOSE] *= 1 + 0.35 * p["nose_width"]
    x[_MOUTH] *= 1 + 0.28 * p["mouth_width"]
    y[_MOUTH] += 0.2 * p["nose_length"] + 0.18 * p["mouth_drop"]
    top, bottom = _rows("mouth-top", "mouth-bottom")
    y[top] -= 0.1 * p["mouth_height"]
    y[bottom] += 0.16 * p["mouth_height"]
    y[_rows("mouth-left", "mouth-right")] -= 0.14 * p["smile"]
    x[_JAW] *= 1 + 0.22 * p["jaw_width"]
    cheeks = _rows("cheek-left", "cheek-right", "jaw-left-high", "jaw-right-high")
    cheeks += _rows("jaw-left-ear", "jaw-right-ear")
    x[cheeks] *= 1 + 0.14 * p["cheek_width"]
    y[_LOW] += 0.2 * p["nose_length"] + 0.42 * p["chin_length"]
    y[_rows("jaw-left-low", "jaw-right-low")] += 0.12 * p["nose_length"] + 0.2 * p["chin_length"]
    x[_rows("jaw-left-chin", "jaw-right-chin")] *= 1 + 0.4 * p["chin_width"]
    y[_rows("forehead-left", "forehead", "forehead-right")] -= 0.25 * p["forehead_height"]
    return np.asarray(points * HALF_EYE_DISTANCE + np.array([WIDTH / 2, EYE_LINE]))


def _thin_plate(target: Floats, source: Floats, at: Floats) -> Floats:
    """The thin-plate spline that takes `target` to `source`, evaluated at `at`. All (n, 2)."""

    def kernel(a: Floats, b: Floats) -> Floats:
        squared = ((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2)
        return np.asarray(squared * np.log(squared + 1e-9))

    def affine(a: Floats) -> Floats:
        return np.concatenate([np.ones((len(a), 1)), a], axis=1)

    count = len(target)
    system = np.zeros((count + 3, count + 3))
    # A little smoothing keeps strong warps from folding.
    system[:count, :count] = kernel(target, target) + np.eye(count) * 40.0
    system[:count, count:] = affine(target)
    system[count:, :count] = affine(target).T
    weights = np.linalg.solve(system, np.concatenate([source, np.zeros((3, 2))]))
    return np.asarray(kernel(at, target) @ weights[:count] + affine(at) @ weights[count:])


def _sample(image: Floats, x: Floats, y: Floats) -> Floats:
    """Bilinear, the edge repeated."""
    height, width = image.shape[:2]
    x, y = np.clip(x, 0, width - 1.001), np.clip(y, 0, height - 1.001)
    left, top = x.astype(np.intp), y.astype(np.intp)
    fx, fy = (x - left)[..., None], (y - top)[..., None]
    upper = image[top, left] * (1 - fx) + image[top, left + 1] * fx
    lower = image[top + 1, left] * (1 - fx) + image[top + 1, left + 1] * fx
    return np.asarray(upper * (1 - fy) + lower * fy)


def _grid() -> tuple[Floats, Floats]:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    return x, y


def _warped(image: Floats, source: Floats, target: Floats) -> Floats:
    """The portrait with its control points moved to `target`."""
    step = 8
    columns, rows = np.arange(0, WIDTH + step, step), np.arange(0, HEIGHT + step, step)
    coarse = np.stack(np.meshgrid(columns, rows), axis=-1).astype(np.float64)
    moved = _thin_plate(target, source, coarse.reshape(-1, 2)).reshape(coarse.shape)
    x, y = _grid()
    fine = _sample(moved, x / step, y / step)
    return _sample(image, fine[..., 0], fine[..., 1])


def _blob(centre: Floats, rx: float, ry: float) -> Floats:
    """A soft spot, 1 in the middle."""
    x, y = _grid()
    return np.asarray(np.exp(-((((x - centre[0]) / rx) ** 2 + ((y - centre[1]) / ry) ** 2) ** 1.5)))


def _polygon(points: Sequence[tuple[float, float]], soft: float) -> Floats:
    mask = Image.new("L", (WIDTH, HEIGHT))
    ImageDraw.Draw(mask).polygon([(float(x), float(y)) for x, y in points], fill=255)
    return np.asarray(mask.filter(ImageFilter.GaussianBlur(soft)), dtype=np.float64) / 255


def _noise(seed: int, grain: int) -> Floats:
    """Smooth noise, mean 0, deviation 1."""
    rng = np.random.default_rng(seed)
    small = rng.normal(size=(HEIGHT // grain + 2, WIDTH // grain + 2))
    image = Image.fromarray(small.astype(np.float32)).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    field = np.asarray(image, dtype=np.float64)
    return np.asarray((field - field.mean()) / field.std())


def _levelled(image: Floats, mask: Floats) -> Floats:
    """Brought to a common mean and spread of colour inside the mask."""
    weight = mask[..., None] / mask.sum()
    mean = (image * weight).sum(axis=(0, 1))
    spread = np.sqrt(((image - mean) ** 2 * weight).sum(axis=(0, 1)))
    return np.asarray((image - mean) / spread.mean() * 36 + np.array([182.0, 138.0, 116.0]))


def _paint(image: Floats, mask: Floats, colour: Floats, strength: float) -> Floats:
    cover = (mask * strength)[..., None]
    return np.asarray(image * (1 - cover) + colour * cover)


def _render(p: Mapping[str, float], seed: int) -> Floats:
    """The neutral photograph: (HEIGHT, WIDTH, 3), 0..255."""
    points = _shape(p)
    face_mask = _polygon(
        [tuple(points[i]) for i in _OUTLINE]
        + [tuple(points[_NAMES.index(n)]) for n in ("forehead-right", "forehead", "forehead-left")],
        6,
    )
    layers = []
    mirrors = (p["mirror"] > 0.5, False)
    for image, source, mirrored in zip(_portraits(), _source_points(), mirrors, strict=True):
        if mirrored:
            image = image[:, ::-1]
            other = [_NAMES.index(_other_side(name)) for name in _NAMES]
            source = np.array([image.shape[1] - 1, 0]) + source[other] * np.array([-1, 1])
        layers.append(_levelled(_warped(image, source, points), face_mask))
    first, second = layers
    eyes = _blob(points[_EYE_LEFT].mean(axis=0), 34, 26) + _blob(points[_EYE_RIGHT].mean(axis=0), 34, 26)
    nose = _blob(points[_NOSE].mean(axis=0) - np.array([0, 12]), 26, 32)
    mouth = _blob(points[_MOUTH].mean(axis=0), 46, 26)
    share = np.full((HEIGHT, WIDTH), p["second_skin"])
    for mask, name in ((nose, "second_nose"), (eyes, "second_eyes"), (mouth, "second_mouth")):
        mask = np.clip(mask, 0, 1)
        share = share * (1 - mask) + p[name] * mask
    share = share[..., None]
    image = first * (1 - share) + second * share
    image = _coloured(_bare_forehead(image, points), p, seed)
    image = _drawn(image, p, points, seed)
    return np.clip(_surrounded(image, p, points, seed), 0, 255)


def _bare_forehead(image: Floats, points: Floats) -> Floats:
    """Skin where the portraits have a hair line or a cap."""
    x, y = map(int, points[_NAMES.index("forehead")])
    skin = image[y + 12 : y + 22, x - 20 : x + 20].mean(axis=(0, 1))
    above = np.array([points[_NAMES.index(name)] for name in ("forehead-left", "forehead", "forehead-right")])
    edge = [
        (0.0, above[0][1] + 10),
        *((point[0], point[1] + 12) for point in above),
        (WIDTH, above[2][1] + 10),
    ]
    mask = _polygon([*edge, (WIDTH, 0.0), (0.0, 0.0)], 7)
    return _paint(image, mask, skin + _noise(7, 3)[..., None] * 3, 1.0)


def _coloured(image: Floats, p: Mapping[str, float], seed: int) -> Floats:
    contrast = 1 + 0.3 * p["skin_contrast"]
    middle = np.array([182.0, 138.0, 116.0])
    light = 1 + (0.24 if p["skin_light"] > 0 else 0.5) * p["skin_light"]
    tone = middle * light * np.array([1 + 0.07 * p["skin_red"], 1.0, 1 - 0.12 * p["skin_red"]])
    spots = np.clip(_noise(seed + 1, 3) - 1.1, 0, None)[..., None] * np.array([14.0, 22.0, 22.0])
    spots = spots * p["freckles"]
    blotches = _noise(seed + 2, 28)[..., None] * 4.0
    return np.asarray((image - middle) * contrast * (0.55 + 0.45 * light) + tone - spots + blotches)


def _hair_colour(p: Mapping[str, float]) -> Floats:
    dark, light = np.array([28.0, 22.0, 20.0]), np.array([205.0, 196.0, 180.0])
    colour = dark + (light - dark) * p["hair_light"] ** 1.5
    return np.asarray(colour + np.array([45.0, 5.0, -18.0]) * p["hair_red"])


def _drawn(image: Floats, p: Mapping[str, float], points: Floats, seed: int) -> Floats:
    at = {name: points[i] for i, name in enumerate(_NAMES)}
    hair = _hair_colour(p)
    strands = (_noise(seed + 3, 2) * 12)[..., None]
    beard = _polygon(
        [tuple(points[i]) for i in _OUTLINE[1:-1]]
        + [tuple(at["mouth-right"] + (14, -14)), tuple(at["nose-base"] + (0, 8))]
        + [tuple(at["mouth-left"] + (-14, -14))],
        7,
    )
    width = (at["mouth-right"] - at["mouth-left"])[0] * 0.5
    lips = _blob((at["mouth-top"] + at["mouth-bottom"]) / 2, width, 12)
    image = _paint(image, beard * (1 - np.clip(lips, 0, 1)), hair * 0.9 + strands, 0.85 * p["beard"])
    lip = (at["nose-base"] * 0.45 + at["mouth-top"] * 0.55) + np.array([0.0, 1.0])
    image = _paint(image, _blob(lip, width, 8), hair * 0.9 + strands, 0.9 * p["moustache"])
    brows = _brows(points, 2.0 + 6.0 * p["brow_weight"])
    image = _paint(image, brows, hair * 0.75 + strands, 0.9 * p["brow_weight"])
    for eye in (_EYE_LEFT, _EYE_RIGHT):
        shade = _blob(points[eye].mean(axis=0) + np.array([0.0, 6.0]), 30, 20)
        image = image * (1 - 0.35 * p["shade_eyes"] * shade)[..., None]
    if p["glasses"] > 0.5:
        image = _glasses(image, points, p["glasses"])
    return image


def _brows(points: Floats, weight: float) -> Floats:
    mask = Image.new("L", (WIDTH, HEIGHT))
    draw = ImageDraw.Draw(mask)
    for rows in (_BROW_LEFT, _BROW_RIGHT):
        line = [(float(points[i][0]), float(points[i][1])) for i in rows]
        draw.line(line, fill=255, width=max(1, round(weight)), joint="curve")
    return np.asarray(mask.filter(ImageFilter.GaussianBlur(1.6)), dtype=np.float64) / 255


def _glasses(image: Floats, points: Floats, amount: float) -> Floats:
    mask = Image.new("L", (WIDTH, HEIGHT))
    draw = ImageDraw.Draw(mask)
    line = 2 + round(8 * (amount - 0.5))
    inner = []
    for rows in (_EYE_LEFT, _EYE_RIGHT):
        x, y = map(float, points[rows].mean(axis=0))
        draw.rounded_rectangle([x - 32, y - 20, x + 32, y + 26], radius=16, outline=255, width=line)
        inner.append((x, y))
    (left, y_left), (right, y_right) = inner
    draw.line([(left + 31, y_left - 4), (right - 31, y_right - 4)], fill=255, width=line)
    frame = np.asarray(mask.filter(ImageFilter.GaussianBlur(0.8)), dtype=np.float64) / 255
    return _paint(image, frame, np.array([26.0, 24.0, 26.0]), 0.95)


def _surrounded(image: Floats, p: Mapping[str, float], points: Floats, seed: int) -> Floats:
    """Hair of one colour around the face, and a plain background."""
    at = {name: points[i] for i, name in enumerate(_NAMES)}
    left, right = at["jaw-left-ear"], at["jaw-right-ear"]
    middle = (left[0] + right[0]) / 2
    half = (right[0] - left[0]) / 2
    top = at["forehead"][1] - 52
    line = at["forehead"][1] - 14 - 20 * p["hair_line"]
    low = left[1] + 150 * p["hair_sides"] + 5
    # Neck and shoulders first: a plain shirt hides what the portraits wore.
    collar = at["chin"][1] + 34
    background = np.array([70.0, 92.0, 122.0]) + p["background"] * np.array([120.0, 106.0, 84.0])
    x, y = _grid()
    head = _polygon(
        [tuple(points[i]) for i in _OUTLINE]
        + [(right[0], line), (middle + half * 0.6, line - 14), (middle, line - 20)]
        + [(middle - half * 0.6, line - 14), (left[0], line)],
        1.6,
    )
    neck = _polygon(
        [
            (middle - half * 0.62, left[1]),
            (middle + half * 0.62, left[1]),
            (middle + half * 0.62, collar + 20),
            (middle - half * 0.62, collar + 20),
        ],
        3,
    )
    back = _polygon(_arch(middle, half * 1.22, top, low, at["forehead"][1]), 3)
    skin = image[int(at["nose-tip"][1]), int(middle)] * 0.62
    strands = (_noise(seed + 4, 2) * 9 + _noise(seed + 5, 12) * 7)[..., None]
    hair = _hair_colour(p) + strands
    shirt = np.array([58.0, 62.0, 72.0]) + _noise(seed + 6, 20)[..., None] * 3
    body = 1 / (1 + np.exp(-(y - collar - 0.0016 * (x - middle) ** 2 + 12) / 2.0))
    scene = np.zeros((HEIGHT, WIDTH, 3)) + background * (1.08 - 0.16 * y / HEIGHT)[..., None]
    scene = _paint(scene, back, hair * 0.8, 1.0)
    scene = _paint(scene, neck, np.zeros((HEIGHT, WIDTH, 3)) + skin, 1.0)
    scene = _paint(scene, body, shirt, 1.0)
    scene = _paint(scene, head, image, 1.0)
    return _paint(scene, _fringe(middle, half, top, line, left[1]), hair, 0.97)


def _arch(middle: float, half: float, top: float, low: float, shoulder: float) -> list[tuple[float, float]]:
    """The outline of the hair as a mass: a half ellipse on two sides that reach down to `low`."""
    angles = np.linspace(np.pi, 0, 25)
    curve = [(middle + half * np.cos(a), shoulder + 10 - (shoulder + 10 - top) * np.sin(a)) for a in angles]
    return [(middle - half * 1.02, low), *curve, (middle + half * 1.02, low)]


def _fringe(middle: float, half: float, top: float, line: float, ear: float) -> Floats:
    """The hair in front: above the hair line, thinning towards the ears."""
    outer = _arch(middle, half * 1.16, top, ear - 8, line + 14)
    angles = np.linspace(0, np.pi, 25)
    low = ear - 18
    inner = [(middle + half * 0.98 * np.cos(a), low - (low - line) * np.sin(a) ** 0.6) for a in angles]
    return _polygon([*outer, *inner], 3)


# One row a person: hundredths, in the order of PARAMETERS. Written by tools/choose_synthetic_people.py.
_ROWS: tuple[str, ...] = (
    "9 66 81 100 38 -85 100 89 29 65 53 -44 -76 -100 100 -100 56 4 "
    "-41 100 -100 -11 -100 84 54 42 17 -34 40 0 0 7 11 0 90",
    "0 1 100 0 6 20 -24 -55 -84 -90 21 -77 -75 28 -70 -45 100 38 "
    "-100 -84 37 80 -22 53 79 16 66 97 100 100 0 58 15 19 17",
    "100 0 6 0 49 -100 -100 25 -100 88 100 -26 100 -100 -82 47 -59 47 "
    "-40 -50 62 92 -100 -25 100 5 50 66 48 100 73 0 0 0 52",
    "0 74 34 84 39 99 87 75 78 53 63 -84 99 100 -82 -67 42 68 "
    "-85 95 -49 99 66 -12 55 10 9 44 67 91 36 24 0 0 92",
    "0 3 100 0 52 -72 -94 71 -59 -76 50 -28 -53 -87 100 37 -27 -5 "
    "-91 72 83 -57 91 -22 64 94 73 -100 62 78 0 20 33 0 98",
    "0 100 0 46 16 -63 72 -76 42 -37 -34 76 -79 91 87 52 -94 51 "
    "38 69 -72 94 86 -86 32 3 83 89 99 61 67 0 57 95 61",
    "0 100 75 21 95 62 74 3 78 -76 -6 -96 27 -50 28 85 -40 25 "
    "96 37 100 56 -72 89 36 86 44 -69 64 21 0 4 61 0 21",
    "26 0 10 0 96 98 86 75 -77 96 -73 83 85 43 15 -74 14 -59 "
    "-84 -84 74 90 -82 -98 26 13 19 34 42 43 21 0 0 0 46",
    "5 50 83 0 44 -74 57 -100 -55 82 -86 -100 100 65 -44 -40 -72 -16 "
    "33 92 -95 100 100 -49 73 100 65 -60 62 78 0 36 2 8 78",
    "61 0 0 0 79 44 85 -45 74 68 11 -28 -100 40 -52 -92 -37 -25 "
    "-65 -42 77 -15 42 -25 20 77 51 -23 71 75 0 0 0 100 30",
    "0 100 0 4 27 -80 -64 30 94 33 48 -54 31 13 36 40 25 -100 "
    "34 -9 -79 42 76 -76 54 64 40 -63 37 54 69 10 0 0 82",
    "49 80 98 100 22 -100 -60 -81 68 78 -82 -91 -53 74 69 -22 46 90 "
    "85 -85 81 70 97 -34 16 47 23 -39 77 65 68 67 0 0 40",
    "100 98 0 100 33 2 36 21 -86 100 100 -100 93 -63 -100 100 -30 60 "
    "100 61 -100 87 57 0 48 63 100 -30 75 16 21 0 0 29 85",
    "53 0 60 100 79 -56 78 -98 -44 -91 -65 93 -100 -58 44 100 70 -63 "
    "-71 81 -82 -67 -15 -8 98 10 56 -12 69 100 38 0 0 6 63",
    "100 2 100 100 96 20 65 100 61 14 53 -100 100 69 93 48 -54 47 "
    "14 -61 -42 97 98 45 38 72 4 92 44 8 0 0 0 0 43",
    "0 0 4 100 42 -42 75 -87 -90 -83 37 94 74 85 -51 -30 -26 24 "
    "45 -68 -64 45 15 86 45 47 69 -41 12 79 0 0 94 0 69",
    "100 0 0 0 38 46 -65 -16 16 45 -73 95 -60 -57 -65 -92 -33 69 "
    "59 -74 -83 -54 69 -11 92 66 62 69 75 34 0 44 0 0 44",
    "36 9 18 0 0 66 -31 100 99 61 99 66 -54 74 -86 10 4 58 78 78 99 42 -98 -100 25 0 56 95 3 91 0 71 0 0 27",
    "0 0 48 74 23 53 -60 -100 -44 66 -79 70 -47 -8 -91 -100 52 89 "
    "-63 56 85 100 94 -86 67 28 32 -2 96 35 0 0 67 0 2",
    "68 95 27 0 69 -98 83 30 -68 -100 49 44 -55 -52 -21 71 21 79 "
    "5 29 -21 54 -9 62 19 22 60 -39 84 100 0 14 0 42 0",
    "46 100 88 69 83 100 100 -75 -93 87 -8 -100 -54 22 -43 3 -100 -100 "
    "-88 -94 34 -53 -37 92 63 93 100 100 7 38 0 55 0 8 19",
    "39 64 51 100 2 -47 -100 100 -43 31 59 -30 40 -100 23 77 -21 37 "
    "-10 -58 100 -46 -87 -17 83 0 37 100 28 97 84 50 0 0 22",
    "7 3 62 100 19 -100 100 -37 78 -45 67 -40 -98 67 60 35 -83 -37 "
    "-12 -100 3 -61 100 100 96 57 20 -82 43 95 0 39 0 78 46",
    "100 0 100 0 22 -15 24 -46 -82 -53 -64 -78 -100 90 100 -87 -96 -100 "
    "-12 -91 35 -35 -4 -25 57 52 100 -86 44 100 0 0 0 0 85",
)
_TABLE = tuple(tuple(int(value) / 100 for value in row.split()) for row in _ROWS)
MOST_PEOPLE = len(_TABLE)

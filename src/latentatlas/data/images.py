"""Images to rows of pixels: a folder, one file, or the encoded images of a data set."""

from __future__ import annotations

import io
import os
import struct
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np
from jaxtyping import Float

from latentatlas.core import DataError, ShapeError, SpecError, available_threads, to_spec
from latentatlas.data.arrays import DataWarning
from latentatlas.data.progress import tell
from latentatlas.data.select import Roles, reassign
from latentatlas.data.table import Table

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["IMAGE_SUFFIXES", "EncodedImage", "Images", "image_files", "read_pixels"]

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".gif")

_LARGE = 2**32  # bytes of pixels from which a smaller image size is worth a thought
_SIDEWAYS = (5, 6, 7, 8)  # EXIF orientations that swap width and height
_ORIENTATION = 0x0112
_REPORTS = 100  # at most so many reports of progress


@final
@dataclass(frozen=True)
class Images:
    """Reads a folder of images, or one image: a row is the pixels of one image, 0 (black) to 255.

    Files whose name ends in .png, .jpg, .jpeg, .bmp, .webp, .tif, .tiff or .gif are read, in all sub-folders, in the
    order of their paths; hidden files are not. Ids are the paths below the folder. If every image lies in a sub-folder
    and there are several of them, their names are the labels.

    Pixels are flattened; `item_shape` is (height, width) for grey images and (height, width, 3) for colour. If one
    image has colours all are read as RGB. Images are turned as their EXIF data say, transparent parts lie on white,
    16-bit grey is scaled to 0 … 255, and of an animation the first frame is taken.

    Attributes:
        size: (height, width), or one number for both, to which images are brought: the middle part of the right aspect
            is cut out and resized bilinearly, with antialiasing. All images must have one size if None.
        colour: True for RGB, False for grey; as the images are if None.

    >>> Images(64).size
    (64, 64)
    """

    size: tuple[int, int] | int | None = None
    colour: bool | None = None

    def __post_init__(self) -> None:
        if self.size is None:
            return
        size = (self.size, self.size) if isinstance(self.size, int) else tuple(self.size)
        if len(size) != 2 or not all(isinstance(side, int) and side >= 1 for side in size):
            raise SpecError(f"Images wants size as (height, width) in pixels; got {self.size!r}. Pass 64 or (48, 64).")
        object.__setattr__(self, "size", size)

    def __call__(self, files: Sequence[Path], roles: Roles, root: Path) -> Table:
        """The table of image files, which are named by their paths below `root`.

        Cost: height · width · channels · 4 bytes per image in memory; time to decode, on all processors.

        Warns:
            DataWarning: if the pixels take more than 4 GiB.

        Raises:
            DataError: if there is no image, one cannot be read, sizes differ, or a role is unknown.
        """
        if roles.vector is not None:
            raise DataError(
                f"{root} holds images, which are mapped by their pixels; got vector={roles.vector[0]!r}. Leave it out."
            )
        names = [file.relative_to(root).as_posix() for file in files]
        images = [EncodedImage(name, file) for name, file in zip(names, files, strict=True)]
        pixels, reader = read_pixels(images, self, who=str(root))
        whole = files[0] if len(files) == 1 else root
        table = Table(
            pixels.reshape(len(pixels), -1),
            ids=np.array(names),
            label=_folders(names),
            name=whole.resolve().stem if whole.is_file() else root.resolve().name,
            pointer=str(whole.resolve()),
            item_shape=pixels.shape[1:],
            reading={"reader": to_spec(reader)},
        )
        return reassign(table, roles)


class EncodedImage(NamedTuple):
    """An image that is not decoded yet: its name for messages, and its file or bytes."""

    name: str
    content: Path | bytes


class _Header(NamedTuple):
    """What is known before decoding."""

    size: tuple[int, int]
    colour: bool


def image_files(folder: Path) -> list[Path]:
    """The image files in a folder and its sub-folders by path, without hidden ones.

    Warns:
        DataWarning: that counts the other files, if there are images too.
    """
    found, others = [], []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if not name.startswith("."):
                (found if name.lower().endswith(IMAGE_SUFFIXES) else others).append(Path(parent, name))
    if found and others:
        warnings.warn(
            f"{folder} holds {len(found):,} images; what else is there is ignored ({len(others):,}): "
            f"{min(others).relative_to(folder)}{', …' if len(others) > 1 else ''}",
            DataWarning,
            stacklevel=2,
        )
    return sorted(found, key=lambda file: file.relative_to(folder).as_posix())


def read_pixels(
    images: Sequence[EncodedImage], reader: Images, *, who: str
) -> tuple[Float[np.ndarray, "n height width *channels"], Images]:
    """Pixels 0 … 255 of images, and a reader that gives new images the same size and mode.

    Raises:
        DataError: if there is no image, one cannot be read, or sizes differ.
    """
    if not images:
        raise DataError(f"{who} wants at least one image; there is none. Known: {', '.join(IMAGE_SUFFIXES)}.")
    with ThreadPoolExecutor(available_threads()) as pool:
        headers = list(pool.map(partial(_header, who=who), images))
        size = reader.size if isinstance(reader.size, tuple) else _common_size(images, headers, who)
        colour = any(header.colour for header in headers) if reader.colour is None else reader.colour
        known = replace(reader, size=size, colour=colour)
        pixels = np.empty((len(images), *size, *([3] if colour else [])), np.float32)
        if pixels.nbytes > _LARGE:
            warnings.warn(
                f"{who}: {len(images):,} images of {size[0]} × {size[1]} pixels take {pixels.nbytes / 2**30:.1f} GiB "
                "of memory. Pass a smaller image size (Images(size=64), --image-size 64) to need less.",
                DataWarning,
                stacklevel=2,
            )
        decoded = pool.map(partial(_decoded, reader=known, who=who), images)
        for row, values in enumerate(decoded):
            pixels[row] = values
            if (row + 1) % max(1, len(images) // _REPORTS) == 0 or row + 1 == len(images):
                tell("Decoding images", row + 1, len(images))
    return pixels, known


def _folders(names: Sequence[str]) -> np.ndarray | None:
    """The first folder of each path, if all have one and there are several."""
    folders = [name.split("/", 1)[0] for name in names if "/" in name]
    return np.array(folders) if len(folders) == len(names) and len(set(folders)) > 1 else None


def _common_size(images: Sequence[EncodedImage], headers: Sequence[_Header], who: str) -> tuple[int, int]:
    first = headers[0].size
    for image, header in zip(images, headers, strict=True):
        if header.size != first:
            sizes = len({each.size for each in headers})
            raise ShapeError(
                f"{who} wants images of one size; there are {sizes} sizes: {images[0].name} is {_shown(first)}, "
                f"{image.name} is {_shown(header.size)} (height × width). Give the size to bring all to: "
                "Images(size=(64, 64)), --image-size 64."
            )
    return first


def _shown(size: tuple[int, int]) -> str:
    return f"{size[0]} × {size[1]}"


def _header(image: EncodedImage, *, who: str) -> _Header:
    """Size as shown and mode, without decoding where the format allows."""

    def look(opened: Image) -> _Header:
        width, height = opened.size
        late_exif = opened.format == "PNG" and "exif" not in opened.info  # to look for it would decode the image
        if not late_exif and opened.getexif().get(_ORIENTATION) in _SIDEWAYS:
            width, height = height, width
        return _Header((height, width), _has_colour(opened))

    return _opened(image, look, who)


def _decoded(image: EncodedImage, *, reader: Images, who: str) -> np.ndarray:
    """Float pixels in the size and mode of the reader."""
    assert isinstance(reader.size, tuple)
    assert reader.colour is not None
    height, width = reader.size

    def decode(opened: Image) -> np.ndarray:
        from PIL import ImageOps
        from PIL.Image import Resampling

        plain = _plain(ImageOps.exif_transpose(opened), colour=bool(reader.colour))
        if plain.size != (width, height):
            plain = ImageOps.fit(plain, (width, height), method=Resampling.BILINEAR)
        return np.asarray(plain)

    return _opened(image, decode, who)


def _opened(image: EncodedImage, look: Any, who: str) -> Any:
    """What a function makes of the opened image; whatever is wrong with the file becomes one error that names it."""
    from PIL import Image

    content = io.BytesIO(image.content) if isinstance(image.content, bytes) else image.content
    try:
        with Image.open(content) as opened:
            return look(opened)
    except DataError as error:
        raise DataError(f"{who} cannot use the image {image.name}: {error}") from error
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError) as error:
        raise DataError(
            f"{who} cannot read the image {image.name}: {str(error).split(' <')[0]}. It is damaged, cut off or no "
            "image. Remove it, or write it again."
        ) from error


def _has_colour(image: Image) -> bool:
    if image.mode in ("P", "PA"):
        palette = np.array(image.getpalette("RGB") or [0]).reshape(-1, 3)
        return bool((palette != palette[:, :1]).any())
    return not image.mode.startswith(("1", "L", "I", "F")) or image.mode == "LAB"


def _plain(image: Image, *, colour: bool) -> Image:
    """The image as RGB, or as grey of 8 bits or floats from 0 to 255."""
    from PIL import Image as pillow

    if image.mode.startswith(("I", "F")):
        image = _eight_bits(image)
    if image.has_transparency_data:
        over = image.convert("RGBA")
        image = pillow.alpha_composite(pillow.new("RGBA", over.size, "white"), over)
    if colour:
        return (image.convert("L") if image.mode == "F" else image).convert("RGB")
    return image if image.mode == "F" else image.convert("L")


def _eight_bits(image: Image) -> Image:
    from PIL import Image as pillow

    values = np.asarray(image)
    if image.mode == "F" or values.min() < 0 or values.max() > np.iinfo(np.uint16).max:
        raise DataError(
            f"its pixels are 32-bit numbers (mode {image.mode}), whose range is not known. Convert it to 8 or 16 bits."
        )
    return pillow.fromarray((values / 257).astype(np.float32))

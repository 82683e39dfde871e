"""Frames of an animation, composed as browsers show them, of which the most different ones are kept.

Every frame is composed, as far as the limit of pixels goes, since each stands on the ones before it. Those that differ
visibly from all before are counted; of them as many are kept as may be judged, and the rest is told.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from PIL import Image

from model.budget import Budget
from model.errors import MemeError
from model.picture.blocks import VISIBLE_LEVELS, BlockGrid, Blocks, difference
from model.picture.colour import in_srgb
from model.picture.containers.base import Container, Frame
from model.picture.limits import MIN_FRAME_PIXELS, MemeLimits
from model.picture.pixels import decode

#: Distinct frames that are told apart; an animation of more has "over" so many.
_MAX_DISTINCT = 64


@dataclass(frozen=True)
class Shown:
    """A frame as it is shown: its number, the composed canvas (RGBA), and what was measured of it."""

    index: int
    canvas: Image.Image
    blocks: Blocks


@dataclass
class Distinct:
    """The frames that were found to differ: those that are kept, and the measures of all."""

    most_kept: int
    kept: list[Shown] = field(default_factory=list)
    blocks: list[Blocks] = field(default_factory=list)
    n_over: int = 0

    def add(self, index: int, canvas: Image.Image, blocks: Blocks) -> None:
        """Look at the next frame. The first one is always kept; a new one may take another's place."""
        if any(difference(blocks, seen) <= VISIBLE_LEVELS for seen in reversed(self.blocks)):
            return
        if len(self.blocks) >= _MAX_DISTINCT:
            self.n_over += 1
            return
        self.blocks.append(blocks.copy())
        if len(self.kept) >= self.most_kept and not self._make_room(blocks):
            return
        self.kept.append(Shown(index, canvas.copy(), self.blocks[-1]))

    def _make_room(self, blocks: Blocks) -> bool:
        """Drop one of the two kept frames that are most alike, if the new one is less like any of them."""
        pairs = [
            (difference(one.blocks, other.blocks), at) for at, one in enumerate(self.kept) for other in self.kept[:at]
        ]
        if not pairs:
            return False
        alike, dropped = min(pairs)
        if min(difference(blocks, shown.blocks) for shown in self.kept) <= alike:
            return False
        del self.kept[dropped]
        return True

    @property
    def n_not_kept(self) -> int:
        """Distinct frames that none of the kept ones looks like."""
        return self.n_over + sum(
            all(difference(blocks, shown.blocks) > VISIBLE_LEVELS for shown in self.kept) for blocks in self.blocks
        )


@dataclass
class Played:
    """What came of an animation."""

    kept: list[Shown]
    damage: list[str]
    not_seen: list[str]


def play(container: Container, limits: MemeLimits, budget: Budget) -> Played:
    """Compose the frames and keep the most different. Raises ``MemeError`` where none of them can be decoded."""
    n_pixels = container.width_px * container.height_px
    distinct = Distinct(max(1, min(limits.max_frames, limits.max_pixels // n_pixels)))
    stage = _Stage(container, limits, budget)
    for index in stage.play():
        distinct.add(index, stage.canvas, stage.grid.blocks)
    if not distinct.kept:
        raise stage.first_error or MemeError("corrupt", f"the {container.format} has no frame that can be decoded")
    not_seen = []
    if distinct.n_not_kept:
        n_distinct = len(distinct.kept) + distinct.n_not_kept
        not_seen.append(f"{len(distinct.kept)} of {n_distinct} distinct frames were judged")
    if stage.was_stopped:
        not_seen.append(f"frames after the first {stage.n_played} were not decoded")
    return Played(distinct.kept, stage.damage, not_seen + stage.undecoded)


class _Stage:
    """The canvas on which frames are composed."""

    def __init__(self, container: Container, limits: MemeLimits, budget: Budget) -> None:
        self._container = container
        self._limits = limits
        self._budget = budget
        size = container.width_px, container.height_px
        self.canvas = Image.new("RGBA", size)
        self.grid = BlockGrid(*size)
        self.damage: list[str] = []
        self.undecoded: list[str] = []
        self.first_error: MemeError | None = None
        self.n_played = 0
        self.was_stopped = False
        #: What the frame before left to be measured anew.
        self._disposed: list[tuple[int, int, int, int]] = []

    def play(self) -> Iterator[int]:
        """Compose one frame after the other, and give its number while the canvas shows it."""
        n_pixels = 0
        for index, frame in enumerate(self._container.frames):
            n_pixels += max(frame.width_px * frame.height_px * self._container.pixel_cost, MIN_FRAME_PIXELS)
            if index and (n_pixels > self._limits.max_frame_pixels or self._budget.is_spent):
                self.was_stopped = True
                return
            self.n_played += 1
            image = self._decoded(index, frame)
            if image is None:
                continue
            before = self.canvas.crop(frame.box) if frame.disposal == "previous" else None
            self._show(frame, image)
            yield index
            self._dispose(frame, before)
        self.was_stopped = self.n_played >= self._limits.max_decoded_frames

    def _decoded(self, index: int, frame: Frame) -> Image.Image | None:
        try:
            decoded = decode(frame.encoded(), (frame.width_px, frame.height_px), self._budget)
        except MemeError as error:
            self.first_error = self.first_error or error
            self._note(self.undecoded, f"frame {index + 1} could not be decoded")
            return None
        if decoded.missing > 0:
            self._note(self.damage, f"{decoded.missing:.0%} of frame {index + 1} is missing")
        return in_srgb(decoded.image, self._container.colour)

    def _note(self, notes: list[str], note: str) -> None:
        if len(notes) < 4:
            notes.append(note)

    def _show(self, frame: Frame, image: Image.Image) -> None:
        if image.mode == "RGBA" and frame.blends:
            rgba = image.crop((0, 0, *self._cut(frame)))
            self.canvas.alpha_composite(rgba, (frame.left, frame.top))
        else:
            self.canvas.paste(image, (frame.left, frame.top))
        for box in {self._inside(frame), *self._disposed}:
            self.grid.update(self.canvas, box)
        self._disposed = []

    def _dispose(self, frame: Frame, before: Image.Image | None) -> None:
        if before is not None:
            self.canvas.paste(before, (frame.left, frame.top))
        elif frame.disposal == "clear":
            self.canvas.paste((0, 0, 0, 0), frame.box)
        else:
            return
        self._disposed = [self._inside(frame)]

    def _inside(self, frame: Frame) -> tuple[int, int, int, int]:
        left, top, right, bottom = frame.box
        width_px, height_px = self.canvas.size
        return min(left, width_px), min(top, height_px), min(right, width_px), min(bottom, height_px)

    def _cut(self, frame: Frame) -> tuple[int, int]:
        left, top, right, bottom = self._inside(frame)
        return right - left, bottom - top

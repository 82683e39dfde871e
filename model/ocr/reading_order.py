"""The order in which a person reads the lines of a meme: blocks row by row, left to right; lines top to bottom.

A block is a run of lines under one another (a caption, a speech bubble, a column of a comparison). Blocks and not
lines are ordered, so that two captions side by side are not read across: "A1 A2 B1 B2", never "A1 B1 A2 B2".
"""

from collections import defaultdict
from collections.abc import Sequence

from model.ocr.boxes import bounding_box
from model.ocr.types import Box, Line, OcrWord

Block = list[Line]

# In units of a line's height. Measured by eye on memes; the exact values matter little.
_MAX_LINE_GAP = 0.8
_MAX_WORD_GAP = 1.5
_SAME_ROW_OVERLAP = 0.5
# Boxes of neighbouring rows overlap by a few pixels: an overlap below this share of the smaller box does not count.
_TOLERANCE = 0.25

# Where a box keeps its extent on an axis: at this index and two further on.
_HORIZONTAL, _VERTICAL = 0, 1


def group_words(words: Sequence[OcrWord]) -> list[list[OcrWord]]:
    """Join words into lines: neighbours that share most of their height with a gap of a word or so between them."""
    lines: list[list[OcrWord]] = []
    for word in sorted(words, key=lambda word: (word.box[0], word.box[1], word.box[2:], word.text)):
        near = [line for line in lines if _continues(line[-1].box, word.box)]
        if near:
            min(near, key=lambda line: abs(_middle(line[-1].box) - _middle(word.box))).append(word)
        else:
            lines.append([word])
    return lines


def order_lines(lines: Sequence[Line]) -> list[Line]:
    """Put lines (each with at least one word) in reading order; the order they come in does not matter."""
    ordered = sorted(lines, key=lambda line: (_line_box(line)[1], _line_box(line), [word.text for word in line]))
    return [line for block in _ordered_blocks(_blocks(ordered)) for line in block]


def _line_box(line: Line) -> Box:
    return bounding_box(word.box for word in line)


def _block_box(block: Block) -> Box:
    return bounding_box(_line_box(line) for line in block)


def _middle(box: Box) -> float:
    return (box[1] + box[3]) / 2


def _height(box: Box) -> int:
    return box[3] - box[1]


def _continues(before: Box, after: Box) -> bool:
    shared = min(before[3], after[3]) - max(before[1], after[1])
    gap = after[0] - before[2]
    tallest, smallest = max(_height(before), _height(after)), min(_height(before), _height(after))
    return shared > _SAME_ROW_OVERLAP * smallest and -tallest < 2 * gap < 2 * _MAX_WORD_GAP * tallest


def _follows(above: Box, below: Box) -> bool:
    """Whether a line comes right under another: same columns, a small gap."""
    height = min(_height(above), _height(below))
    gap = below[1] - above[3]
    side_by_side = min(above[2], below[2]) <= max(above[0], below[0])
    return not side_by_side and -_SAME_ROW_OVERLAP * height <= gap <= _MAX_LINE_GAP * height


def _blocks(lines: Sequence[Line]) -> list[Block]:
    """Chain lines that follow one another; a title over two columns follows neither and stays apart."""
    boxes = [_line_box(line) for line in lines]
    below, above = defaultdict(list), defaultdict(list)
    for i, first in enumerate(boxes):
        for j in range(i + 1, len(boxes)):
            second = boxes[j]
            if second[1] > first[3] + _MAX_LINE_GAP * _height(first):
                break  # the lines come from the top down: none of the others is near
            if first[1] < second[1] and _follows(first, second):
                below[i].append(j)
                above[j].append(i)
    blocks: list[Block] = []
    for start in range(len(lines)):
        if len(above[start]) == 1 and len(below[above[start][0]]) == 1:
            continue  # it is inside the chain of the line above it
        chain = [start]
        while len(below[chain[-1]]) == 1 and len(above[below[chain[-1]][0]]) == 1:
            chain.append(below[chain[-1]][0])
        blocks.append([lines[index] for index in chain])
    return blocks


def _ordered_blocks(blocks: list[Block]) -> list[Block]:
    """Recursive XY-cut (Nagy and Seth 1984), rows before columns."""
    if len(blocks) < 2:
        return blocks
    for axis in (_VERTICAL, _HORIZONTAL):
        parts = _cut(blocks, axis)
        if len(parts) > 1:
            return [block for part in parts for block in _ordered_blocks(part)]
    return sorted(blocks, key=lambda block: (_block_box(block)[1], _block_box(block)[0]))


def _cut(blocks: list[Block], axis: int) -> list[list[Block]]:
    """Group blocks whose extents on one axis overlap; groups come in the order of the axis."""
    extents = {id(block): (_block_box(block)[axis], _block_box(block)[axis + 2]) for block in blocks}
    parts: list[list[Block]] = []
    reach = 0.0
    for block in sorted(blocks, key=lambda block: extents[id(block)]):
        start, end = extents[id(block)]
        if not parts or start >= reach:
            parts.append([])
            reach = start
        parts[-1].append(block)
        reach = max(reach, end - _TOLERANCE * (end - start))
    return parts

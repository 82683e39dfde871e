"""Attention rollout of a head's second stage (Abnar and Zuidema 2020): how much of CLS is mixed from each token.

The exported graph keeps its attention to itself, so a copy in memory is asked, whose softmaxes are outputs too. Those
of the fusion are told from the text tower's by their width: CLS, the picture's patches, the words' tokens and the tags.
A graph that averages several networks has a rollout for each, and the mean is given.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime

from model.bundle import Bundle
from model.explanation.coalitions import Floats
from model.explanation.game import Players
from model.explanation.regions import tokens_of
from model.preprocess import Preprocessor
from model.runtime import ImageFeatures

#: [CLS] before the words' tokens, [SEP] behind them.
_N_SPECIAL = 2


@dataclass(frozen=True)
class Rollout:
    """Shares of CLS that come from a picture's patch tokens [P] and from tokens of its words [T]."""

    patches: Floats
    tokens: Floats


class AttentionReader:
    """Asks a copy of one bundle's head for its attention."""

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        graph = onnx.load(str(bundle.file(bundle.manifest.head.file)))
        self._softmaxes = [node.output[0] for node in graph.graph.node if node.op_type == "Softmax"]
        kept = {output.name for output in graph.graph.output}
        graph.graph.output.extend(onnx.ValueInfoProto(name=name) for name in self._softmaxes if name not in kept)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(
            graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self._preprocessor = bundle.preprocessor

    def __call__(self, text: str, features: ImageFeatures) -> Rollout:
        """Of a meme without tags; ``features`` are of its picture, one row."""
        words = self._preprocessor.text_inputs([text], [()])
        n_patches, n_tokens = features.patches.shape[1], words.input_ids.shape[1]
        feed = {
            "image_embeds": features.embeds,
            "patch_tokens": features.patches,
            "image_mask": np.ones(1, dtype=np.int64),
            "input_ids": words.input_ids,
            "attention_mask": words.attention_mask,
            "tag_ids": words.tag_ids,
            "tag_mask": words.tag_mask,
        }
        inputs = {one.name for one in self._session.get_inputs()}
        found = self._session.run(self._softmaxes, {name: value for name, value in feed.items() if name in inputs})
        widest = 1 + n_patches + n_tokens
        layers = [layer[0].astype(np.float64).mean(axis=0) for layer in found if layer.shape[-1] >= widest]
        if not layers:
            raise ValueError("this head has no second stage whose attention could be read")
        cls = np.mean([rolled_out(one) for one in networks_of(layers)], axis=0)
        return Rollout(cls[1 : 1 + n_patches], cls[1 + n_patches : widest])


def networks_of(layers: Sequence[Floats]) -> list[list[Floats]]:
    """The layers of each network, in order: of its last one CLS alone is asked, so that it is a row [S], no [S, S]."""
    networks: list[list[Floats]] = [[]]
    for layer in layers:
        networks[-1].append(layer)
        if layer.ndim == 1:
            networks.append([])
    return [one for one in networks if one]


def rolled_out(layers: Sequence[Floats]) -> Floats:
    """How much of CLS comes from each token [S], when each layer keeps half of a token and mixes the other half."""
    share = np.zeros(layers[0].shape[-1])
    share[0] = 1.0
    for layer in reversed(layers):
        mixed = share[0] * layer if layer.ndim == 1 else share @ layer
        share = (share + mixed) / 2
    return share


def word_shares(rollout: Rollout, players: Players, text: str, preprocessor: Preprocessor) -> Floats:
    """The shares of the tokens of each of the players' words, [W]; 0 for words that are beyond what is read."""
    before = preprocessor.text_inputs([text[:end] for _, end in players.words], [()] * len(players.words))
    ends = np.maximum(before.attention_mask.sum(axis=1) - _N_SPECIAL, 0)
    starts = np.concatenate([[0], ends[:-1]])
    return np.array(
        [rollout.tokens[1 + start : 1 + end].sum() for start, end in zip(starts, ends, strict=True)], dtype=np.float64
    )


def region_shares(rollout: Rollout, players: Players, size: tuple[int, int], preprocessor: Preprocessor) -> Floats:
    """The mean share of the patch tokens of each of the players' regions of a picture of this ``size``, [R].

    A mean, since regions of one size do not hold equally many tokens.
    """
    side_px = preprocessor.config.side_px
    tokens = tokens_of(players.regions, len(rollout.patches), preprocessor.place(size), side_px)
    return np.asarray(tokens @ rollout.patches / np.maximum(tokens.sum(axis=1), 1), dtype=np.float64)

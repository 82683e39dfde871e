"""A bundle as the start of a run: its towers and tokenizer, and its fusion where the config asks for it.

The image tower is the bundle's own file, so features are those that serving computes. The text tower is restored from
the head's graph as the bundle's training left it, and can be tuned further.
"""

from dataclasses import dataclass, fields
from pathlib import Path

from model.bundle import Bundle, ImageTowerSpec, open_bundle
from model.export.restore import HeadWeights, restore_text_tower
from model.network.backbone import Backbone, TokenizerSpec
from model.network.config import NetworkConfig
from model.network.memefier import MemeNetwork
from training.errors import ConfigError

#: Of a network's config, what may differ from that of the network that it starts from.
_FREE = ("tasks", "projection_dropout", "encoder_dropout", "head_dropout", "head_margin")


@dataclass(frozen=True)
class BundleStart:
    """A bundle, opened and checked, with the weights of its head."""

    bundle: Bundle
    head: HeadWeights

    @classmethod
    def open(cls, path: Path) -> "BundleStart":
        """Raises ``BundleError`` for what is no bundle of this version."""
        bundle = open_bundle(path)
        return cls(bundle, HeadWeights.read(bundle.file(bundle.manifest.head.file)))

    @property
    def image_path(self) -> Path:
        """The image tower's file."""
        return self.bundle.file(self.bundle.manifest.image_tower.file)

    @property
    def recorded(self) -> dict[str, str]:
        """Which bundle it is, for the provenance of what comes of it."""
        manifest = self.bundle.manifest
        return {"name": manifest.name, "version": manifest.version, "digest": self.bundle.digest}

    def backbone(self) -> Backbone:
        """The towers with weights of their own. Raises ``BundleError`` for a text tower that cannot be restored."""
        manifest, text_tower = self.bundle.manifest, restore_text_tower(self.head)
        tokenizer_json = self.bundle.file(manifest.tokenizer).read_bytes()
        n_positions = text_tower.bert.config.max_position_embeddings
        return Backbone(
            image_tower=None,
            image_tower_path=self.image_path,
            text_tower=text_tower,
            image_width=manifest.image_tower.embed_width,
            patch_width=manifest.image_tower.patch_width,
            side_px=manifest.preprocess.side_px,
            mean=manifest.preprocess.mean,
            std=manifest.preprocess.std,
            tokenizer=TokenizerSpec(tokenizer_json, manifest.preprocess.pad_token_id, n_positions),
        )

    def tower_spec(self, file: str) -> ImageTowerSpec:
        """What the bundle says of its image tower, which lies in ``file`` of the next one."""
        return self.bundle.manifest.image_tower.model_copy(update={"file": file})

    def names(self, licence: str) -> dict[str, str]:
        """Names of the towers, for the manifest of what comes of them."""
        manifest = self.bundle.manifest
        return {
            "image_backbone": manifest.image_tower.backbone,
            "image_source": manifest.image_tower.source,
            "text_backbone": manifest.head.text_backbone,
            "text_source": f"{manifest.head.source}; from the bundle {manifest.name} {manifest.version}",
            "licence": licence,
        }

    def start_fusion(self, network: MemeNetwork) -> None:
        """Give ``network`` the fusion of the bundle, and its heads for the tasks that both have.

        Of a bundle that averages several networks it is the first one's. Raises ``ConfigError`` where the two differ in
        more than tasks and dropout.
        """
        _check_alike(network.config, self.head.description.network)
        weights = {name: self.head.below(f"{name}.") for name in ("fusion", "heads")}
        known = {name for name in network.heads.state_dict() if name in weights["heads"]}
        kept = {name: values for name, values in weights["heads"].items() if name in known}
        missing = network.fusion.state_dict().keys() - weights["fusion"].keys()
        if missing:
            raise ConfigError(f"start=fusion: the bundle's graph has no {sorted(missing)[0]!r}; take start=towers")
        network.fusion.load_state_dict(weights["fusion"])
        network.heads.load_state_dict(network.heads.state_dict() | kept)


def _check_alike(ours: NetworkConfig, theirs: NetworkConfig | None) -> None:
    if theirs is None:
        raise ConfigError(
            "start=fusion: the bundle's head does not say of which network it is, since it was exported before 0.4; "
            "take start=towers, or export that bundle again"
        )
    for field in fields(NetworkConfig):
        pair = getattr(ours, field.name), getattr(theirs, field.name)
        if field.name not in _FREE and pair[0] != pair[1]:
            raise ConfigError(
                f"start=fusion: network.{field.name} is {pair[0]!r} here and {pair[1]!r} in the bundle; make them the "
                "same, or take start=towers"
            )

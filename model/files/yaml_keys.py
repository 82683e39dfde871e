"""YAML loader that refuses a key twice in one mapping, of which YAML would silently drop the first."""

from typing import Any

import yaml


class DuplicateKeyError(yaml.constructor.ConstructorError):
    """A key that stands for the second time."""


class UniqueKeyLoader(yaml.SafeLoader):
    """YAML in which every key of a mapping stands once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Raise ``DuplicateKeyError`` at the second of two keys."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise DuplicateKeyError(None, None, "a key stands for the second time", key.start_mark)
            if isinstance(key, yaml.ScalarNode):
                seen.add(key.value)
        return super().construct_mapping(node, deep)

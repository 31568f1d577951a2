"""YAML in which no key is given twice: of two, YAML takes the last without a word."""

from typing import Any

import yaml

_MERGE = "tag:yaml.org,2002:merge"


class DuplicateKeyError(yaml.YAMLError):  # type: ignore[misc]
    """The same key twice in one mapping."""


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            name = (key.tag, str(key.value))
            if name in seen and key.tag != _MERGE:
                raise DuplicateKeyError(f"line {key.start_mark.line + 1}: {key.value!r} is given twice; keep one")
            seen.add(name)
        return node


def load_yaml(text: str) -> Any:
    """Plain values of a YAML document. Raises yaml.YAMLError, of which DuplicateKeyError names key and line."""
    return yaml.load(text, Loader=_Loader)

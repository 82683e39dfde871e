"""Pages that commands write, read strictly: every element closed, and nothing in them that runs or loads by itself."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

_VOID = {"meta", "input", "img", "br", "hr", "link"}
#: Addresses that an element loads or leads to.
_LOADING = ("src", "href", "action", "formaction", "data", "poster", "srcset", "background", "xlink:href")


@dataclass(frozen=True)
class Element:
    name: str
    attributes: dict[str, str]
    text: list[str] = field(default_factory=list)

    @property
    def content(self) -> str:
        return "".join(self.text)


class StrictPage(HTMLParser):
    """Elements in the order of the page; raises ``ValueError`` where one is closed that is not the last opened."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(source)
        self.close()
        if self._open:
            raise ValueError(f"never closed: {[one.name for one in self._open]}")

    @classmethod
    def of(cls, path: Path) -> "StrictPage":
        return cls(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            raise ValueError(f"an attribute twice: {tag} {names}")
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1].name != tag:
            raise ValueError(f"</{tag}> does not close {self._open[-1].name if self._open else 'anything'}")
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text.append(data)

    def all(self, name: str) -> list[Element]:
        return [one for one in self.elements if one.name == name]

    @property
    def policy(self) -> str:
        """The content security policy."""
        (found,) = (one for one in self.all("meta") if one.attributes.get("http-equiv") == "Content-Security-Policy")
        return found.attributes["content"]

    def loads(self) -> list[str]:
        """What is loaded from, or leads, elsewhere: neither a place in the page nor data in it."""
        addresses = [one.attributes[name] for one in self.elements for name in _LOADING if name in one.attributes]
        return [address for address in addresses if not address.startswith(("#", "data:image/jpeg;base64,"))]

    def handlers(self) -> list[str]:
        """Attributes that are scripts."""
        return [name for one in self.elements for name in one.attributes if name.startswith("on")]

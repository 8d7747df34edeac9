"""An extension of griffe for the site: docstrings name things by Sphinx' roles, which Markdown does not know."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import griffe

if TYPE_CHECKING:
    from griffe import GriffeLoader, Object

ROLE = re.compile(r":(?:class|meth|func|mod|data|attr|exc):`~?([^`<]+)`")


class PlainRoles(griffe.Extension):
    """Shows ``:class:`a.b.Name``` as the code ``a.b.Name``."""

    def on_object(self, *, obj: Object, loader: GriffeLoader, **_: Any) -> None:
        """Change the docstring of one object before it is parsed."""
        if obj.docstring is not None:
            obj.docstring.value = ROLE.sub(r"`\1`", obj.docstring.value)

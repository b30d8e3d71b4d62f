"""Results as JSON documents, one per command. Their schemas, docs/schemas/<command>.schema.json, come from these types.

A document is a DocumentHead followed by the fields of the answer.
"""

import json
from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct, to_builtins

from hero_build.events import WarningRaised
from hero_build.model.failure import Failure


class DocumentHead(Struct, frozen=True):
    """The fields that every document begins with."""

    schema: Annotated[Literal[1], Meta(description="the version of the document's format")]
    command: Annotated[str, Meta(description="empty when the arguments could not be parsed")]
    exit: Annotated[int, Meta(description="the exit code, docs/exit-codes.md")]
    warnings: tuple[WarningRaised, ...]


class ErrorDocument(Struct, frozen=True):
    """The document of a command that failed before it had an answer."""

    error: Failure


def render(command: str, code: int, warnings: Sequence[WarningRaised], answer: Struct) -> str:
    """The document with one key per line, in ASCII, so that no text in it can control a terminal."""
    head = DocumentHead(1, command, exit=code, warnings=tuple(warnings))
    return json.dumps({**to_builtins(head), **to_builtins(answer)}, indent=2) + "\n"

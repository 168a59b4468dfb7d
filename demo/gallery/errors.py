"""Every sentence that the code raises for users, read from the source: what is said, and where."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import bot.errors as errors

BOT = Path(errors.__file__).parent
KINDS = frozenset(
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.UserError)
)
RETURNED = frozenset({"sentence"})
"""Functions whose returned text is raised, or shown as the reason of a failure."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """What a user is told, with the names of what is filled in, in brackets."""

    where: str
    number: int
    text: str


class NotPlain(ValueError):
    """A text is put together in a way that cannot be read from the source."""


@cache
def sentences() -> tuple[Sentence, ...]:
    """Return all texts of user errors in ``bot/``.

    Raises:
        NotPlain: a text is neither a string, nor an f-string, nor a constant of its module.
    """
    found: dict[str, Sentence] = {}
    for path in sorted(BOT.rglob("*.py")):
        where = str(path.relative_to(BOT).with_suffix("")).replace("/", ".")
        for number, text in enumerate(_texts(ast.parse(path.read_text()), where), 1):
            found.setdefault(text, Sentence(where, number, text))
    return tuple(found.values())


def _texts(tree: ast.Module, where: str) -> Iterator[str]:
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            kind = node.func.id
            if kind in KINDS and node.args:
                yield _text(node.args[0], constants, f"{where}:{node.lineno}")
            elif kind == "Failure" and len(node.args) == 2 and _said(node.args[1]):
                yield _text(node.args[1], constants, f"{where}:{node.lineno}")
        elif isinstance(node, ast.FunctionDef) and node.name in RETURNED:
            for inner in ast.walk(node):
                if isinstance(inner, ast.Return) and inner.value is not None:
                    yield _text(inner.value, constants, f"{where}:{inner.lineno}")


def _said(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant | ast.JoinedStr)


def _text(node: ast.expr, constants: dict[str, ast.expr], where: str) -> str:
    if isinstance(node, ast.Name) and node.id in constants:
        node = constants[node.id]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else f"[{_name(part)}]"
            for part in node.values
        )
    raise NotPlain(
        f"{where}: write a user's error as one string where it is raised, or as a constant of its"
        " module, so that docs/words.md can show it"
    )


def _name(part: ast.expr) -> str:
    inner = part.value if isinstance(part, ast.FormattedValue) else part
    return {"error_code(error)": "Slack's reason", "why": "Slack's reason"}.get(
        ast.unparse(inner), ast.unparse(inner).split("(")[0].split("[")[0].split(".")[-1]
    )

"""Lays Python source out as the black formatter does, so that a written script is stable under it.

Renderers return one-line source. Here it is parsed and written again: one line where it fits; else
the arguments on an indented line of their own; else one argument a line with a comma behind the
last. What does not parse, and comment lines, are left as they are.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator, Sequence

WIDTH = 88
"""Characters a line may have, black's own default."""
_INDENT = "    "
_COMMENT = "__comment__"


def lay_out(source: str, indent: str = "") -> list[str]:
    """Return the lines of some statements, each beginning with `indent`.

    Args:
        source: one or more statements, or comment lines.
        indent: spaces before every line.
    """
    if source.lstrip().startswith("#"):
        return [indent + line.strip() for line in source.splitlines()]
    try:
        tree = ast.parse(_kept_comments(source))
    except SyntaxError:
        return [indent + line if line.strip() else "" for line in source.splitlines()]
    lines: list[str] = []
    for statement in tree.body:
        lines.extend(_statement(statement, indent))
    return lines


def _kept_comments(source: str) -> str:
    """Return source whose comment lines are statements, which the parser does not lose."""
    if "#" not in source:
        return source
    lines = source.splitlines()
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return source
    for token in tokens:
        row, column = token.start
        if token.type == tokenize.COMMENT and not lines[row - 1][:column].strip():
            lines[row - 1] = f"{lines[row - 1][:column]}{_COMMENT}({token.string!r})"
    return "\n".join(lines)


def _statement(node: ast.stmt, indent: str) -> Iterator[str]:
    if isinstance(node, ast.Expr) and (comment := _comment(node.value)) is not None:
        yield indent + comment
    elif isinstance(node, ast.Expr):
        yield from _bracketed(node.value, indent, "", "")
    elif isinstance(node, ast.Assign) and len(node.targets) == 1:
        yield from _bracketed(node.value, indent, f"{_flat(node.targets[0])} = ", "")
    elif isinstance(node, ast.With) and len(node.items) == 1:
        item = node.items[0]
        name = "" if item.optional_vars is None else f" as {_flat(item.optional_vars)}"
        yield from _bracketed(item.context_expr, indent, "with ", f"{name}:")
        for inner in node.body:
            yield from _statement(inner, indent + _INDENT)
    else:
        yield from (indent + line for line in ast.unparse(node).splitlines())


def _comment(node: ast.expr) -> str | None:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == _COMMENT:
        return str(ast.literal_eval(node.args[0]))
    return None


def _bracketed(node: ast.expr, indent: str, before: str, after: str) -> Iterator[str]:
    """Yield `before`, the expression and `after`, split at the expression's brackets where it is too long."""
    flat = _flat(node)
    if len(indent) + len(before) + len(flat) + len(after) <= WIDTH and not _is_table(node):
        yield f"{indent}{before}{flat}{after}"
        return
    parts = _parts(node)
    if parts is None:
        yield f"{indent}{before}{flat}{after}"
        return
    opening, items, closing = parts
    inner = indent + _INDENT
    body = ", ".join(_item_text(item) for item in items)
    yield f"{indent}{before}{opening}"
    if len(inner) + len(body) <= WIDTH and not _is_table(node) and not _one_tuple(node):
        yield inner + body
    else:
        comma = "," if len(items) > 1 else ""
        for prefix, item in items:
            yield from _bracketed(item, inner, prefix, comma)
    yield f"{indent}{closing}{after}"


_Items = Sequence[tuple[str, ast.expr]]


def _parts(node: ast.expr) -> tuple[str, _Items, str] | None:
    """Return what stands before, between and behind the brackets of an expression; None if it has none."""
    if isinstance(node, ast.Call) and (node.args or node.keywords):
        items = [("", argument) for argument in node.args]
        items += [("**" if word.arg is None else f"{word.arg}=", word.value) for word in node.keywords]
        return f"{_flat(node.func)}(", items, ")"
    if isinstance(node, ast.List) and node.elts:
        return "[", [("", item) for item in node.elts], "]"
    if isinstance(node, ast.Tuple) and node.elts:
        return "(", [("", item) for item in node.elts], ")"
    if isinstance(node, ast.Dict) and node.keys:
        pairs = zip(node.keys, node.values, strict=True)
        return "{", [("**" if key is None else f"{_flat(key)}: ", value) for key, value in pairs], "}"
    return None


def _item_text(item: tuple[str, ast.expr]) -> str:
    return item[0] + _flat(item[1])


def _is_table(node: ast.expr) -> bool:
    """Say whether a call has a column or row a line however short it is: create_table and bulk_insert."""
    return isinstance(node, ast.Call) and _flat(node.func).endswith((".create_table", ".bulk_insert"))


def _one_tuple(node: ast.expr) -> bool:
    return isinstance(node, ast.Tuple) and len(node.elts) == 1


def _flat(node: ast.expr) -> str:
    """Return an expression in one line, its strings in double quotes."""
    if isinstance(node, ast.Constant):
        return quoted(node.value) if isinstance(node.value, str) else repr(node.value)
    if isinstance(node, ast.Starred):
        return f"*{_flat(node.value)}"
    if isinstance(node, ast.Attribute):
        return f"{_flat(node.value)}.{node.attr}"
    if _one_tuple(node):
        assert isinstance(node, ast.Tuple)
        return f"({_flat(node.elts[0])},)"
    parts = _parts(node)
    if parts is None:
        return f"{_flat(node.func)}()" if isinstance(node, ast.Call) else ast.unparse(node)
    opening, items, closing = parts
    return opening + ", ".join(_item_text(item) for item in items) + closing


def quoted(text: str) -> str:
    """Return the literal of a string: in double quotes, unless that needs more backslashes than single ones."""
    literal = repr(text)
    if literal[0] == '"' or '"' in text:
        return literal
    return '"' + literal[1:-1].replace("\\'", "'") + '"'

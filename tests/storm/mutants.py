"""Small wrong versions of a module, one change each: what tests are worth is what they notice of them.

Operators (DeMillo, Lipton and Sayward 1978): a comparison flipped to its neighbor, a constant off by one, a condition
negated, `and` for `or`, a result of None, a statement deleted. Sites are numbered in order of the source, so that a
mutant is a number; docstrings, annotations and what a text shows are left alone.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

FLIPS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
DELETED = (ast.Expr, ast.Assign, ast.AugAssign, ast.Raise, ast.Delete)


@dataclass(frozen=True, slots=True)
class Site:
    """Where and what: `change` rewrites the node of that number in a copy of the tree."""

    number: int
    line: int
    what: str
    change: Callable[[ast.AST], ast.AST]


def sites(tree: ast.Module) -> list[Site]:
    """All mutants of a module, in order of the source."""
    skipped = {number for number, node in enumerate(ast.walk(tree)) if isinstance(node, ast.JoinedStr)}
    return [
        Site(number, getattr(node, "lineno", 0), what, change)
        for number, node in enumerate(ast.walk(tree))
        if number not in skipped and not _is_told(tree, node)
        for what, change in _changes(node)
    ]


def mutated(tree: ast.Module, site: Site) -> ast.Module:
    """A copy of the tree with that one change."""
    other = copy.deepcopy(tree)
    target = next(node for number, node in enumerate(ast.walk(other)) if number == site.number)
    for parent in ast.walk(other):
        for name, value in ast.iter_fields(parent):
            if value is target:
                setattr(parent, name, site.change(target))
            elif isinstance(value, list) and any(item is target for item in value):
                setattr(parent, name, [site.change(item) if item is target else item for item in value])
    return ast.fix_missing_locations(other)


def _is_told(tree: ast.Module, node: ast.AST) -> bool:
    """Docstrings and the outermost level: constants of a module, imports, classes' fields."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if not isinstance(node, ast.stmt):
        return False
    return node in tree.body or any(isinstance(each, ast.ClassDef) and node in each.body for each in tree.body)


def _changes(node: ast.AST) -> Iterator[tuple[str, Callable[[ast.AST], ast.AST]]]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        old, new = type(node.ops[0]), FLIPS[type(node.ops[0])]
        yield f"{old.__name__} to {new.__name__}", lambda one: _set(one, ops=[new()])
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield f"{node.value} + 1", lambda one: ast.Constant(one.value + 1)  # type: ignore[attr-defined]
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield f"not {node.value}", lambda one: ast.Constant(not one.value)  # type: ignore[attr-defined]
    elif isinstance(node, ast.BoolOp):
        other = ast.Or if isinstance(node.op, ast.And) else ast.And
        yield f"{type(node.op).__name__} to {other.__name__}", lambda one: _set(one, op=other())
    elif isinstance(node, ast.If | ast.While | ast.IfExp):
        yield "condition negated", lambda one: _set(one, test=ast.UnaryOp(ast.Not(), one.test))  # type: ignore[attr-defined]
    elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield "returns None", lambda one: _set(one, value=ast.Constant(None))
    elif isinstance(node, DELETED):
        yield "statement deleted", lambda one: ast.Pass()


def _set(node: ast.AST, **fields: object) -> ast.AST:
    for name, value in fields.items():
        setattr(node, name, value)
    return node


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None

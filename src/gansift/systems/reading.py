"""Settings of a system, a metric or an audit, read from the keywords and the docstring of its function.

They are read from the source without running it, so that help is shown without importing torch or a person's code.
"""

from __future__ import annotations

import ast
import inspect
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Any, NamedTuple

from gansift.bounds import Range
from gansift.catalogue import SAMPLE_METRICS
from gansift.errors import UsageError
from gansift.named import import_named, source_file
from gansift.systems.settings import Setting

_PLAIN = (bool, int, float, str)
# What annotations may name when they are read without running the module.
_SCOPE: dict[str, Any] = {kind.__name__: kind for kind in _PLAIN}


class Manual(NamedTuple):
    """What help is shown for a function.

    Attributes:
        text: the docstring up to its list of arguments.
        settings: the arguments after the first one, which is the data.
        metrics: the metrics that a system brings, by name, with what each of them is.
        reads_files: whether the first argument is annotated as `audit.Files`: an audit that reads them by itself.
    """

    text: str
    settings: tuple[Setting, ...]
    metrics: Mapping[str, str]
    reads_files: bool = False


class _Keyword(NamedTuple):
    """A keyword argument before it is understood: its annotation and default as objects."""

    name: str
    annotation: Any
    default: Any


def manual(spec: str) -> Manual:
    """Text and settings of a function, without importing its module where its source tells them.

    Annotations may be bool, int, float, str, ``Literal[...]``, ``Annotated[..., Range(...)]``, each also ``| None``;
    without one the type is that of the default.

    >>> from gansift.systems.system import spec_of
    >>> {setting.name: setting.default for setting in manual(spec_of("gan")).settings}["beta1"]
    0.0

    Args:
        spec: ``module:function`` or ``file.py:function``.

    Raises:
        UsageError: if there is no such function, or one of its settings is of a kind that no flag can have.
    """
    found = _read(spec)
    if found is None:
        function = import_named(spec, "the settings")
        try:
            found = inspect.getdoc(function) or "", list(_live_keywords(function)), _live_subject(function)
        except (TypeError, ValueError) as error:  # it cannot be called, or nobody knows how
            raise UsageError(f"{spec} is not a function whose settings can be told: {error}") from error
    text, keywords, subject = found
    helps = argument_texts(text)
    settings = tuple(_setting(spec, one, helps.get(one.name, "")) for one in keywords)
    return Manual(_before_sections(text), settings, metric_texts(text), subject.rpartition(".")[2] == "Files")


def argument_texts(docstring: str) -> dict[str, str]:
    r"""What the section ``Args:`` of a docstring in Google's style says of each argument, on one line each.

    >>> argument_texts("Do it.\n\nArgs:\n    most: how much\n        at most.\n    how (str): or so.\n")
    {'most': 'how much at most.', 'how': 'or so.'}
    """
    texts: dict[str, str] = {}
    name = ""
    for entry in _entries(docstring, "Args"):
        start = re.match(r"\*{0,2}(\w+)(?: \([^)]*\))?:\s*(.*)", entry)
        if start:
            name, texts[start[1]] = start[1], start[2]
        elif name:
            texts[name] += f" {entry}"
    return texts


def metric_texts(docstring: str) -> dict[str, str]:
    r"""What the section ``Metrics:`` of a system's docstring says of each metric that the system brings.

    The metrics of samples need no text.

    >>> sorted(metric_texts("A system.\n\nMetrics:\n    kid, fid\n    class-loss: loss of labels\n        held out\n"))
    ['class-loss', 'fid', 'kid']
    """
    texts: dict[str, str] = {}
    for entry in _entries(docstring, "Metrics"):
        names, _, text = entry.partition(":")
        texts |= {name.strip(): text.strip() or SAMPLE_METRICS.get(name.strip(), "") for name in names.split(",")}
    return texts


def _entries(docstring: str, section: str) -> list[str]:
    """The entries of a section, on one line each; what is indented further belongs to the entry above."""
    entries: list[str] = []
    margin = None
    for line in _section(docstring, section):
        margin = _indent(line) if margin is None else margin
        if _indent(line) > margin and entries:
            entries[-1] += f" {line.strip()}"
        else:
            entries.append(line.strip())
    return entries


def _section(docstring: str, section: str) -> Iterator[str]:
    lines = iter(inspect.cleandoc(docstring).splitlines())
    for line in lines:
        if line.strip() == f"{section}:":
            break
    for line in lines:
        if line.strip() and not _indent(line):
            return
        if line.strip():
            yield line


def _before_sections(docstring: str) -> str:
    return re.split(r"^(?:Args|Metrics|Returns|Raises|Yields):\s*$", inspect.cleandoc(docstring), flags=re.MULTILINE)[
        0
    ].strip()


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _read(spec: str) -> tuple[str, list[_Keyword], str] | None:
    """Docstring, keywords and the first argument's annotation from the source; None where only importing can tell."""
    path = source_file(spec)
    if path is None:
        return None
    try:
        tree = ast.parse(path.read_bytes())
        named = [node for node in tree.body if getattr(node, "name", None) == spec.rpartition(":")[2]]
        if len(named) == 1 and isinstance(named[0], ast.FunctionDef) and not named[0].decorator_list:
            own = named[0]
            return ast.get_docstring(own) or "", list(_source_keywords(own.args)), _source_subject(own.args)
    except (OSError, SyntaxError, ValueError, NameError, TypeError, AttributeError):
        pass  # importing it either succeeds or says what is wrong
    return None


def _source_keywords(arguments: ast.arguments) -> Iterator[_Keyword]:
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(positional) - len(arguments.defaults)) + list(arguments.defaults)
    after_data: Iterable[tuple[ast.arg, ast.expr | None]] = list(zip(positional, defaults, strict=True))[1:]
    for argument, default in (*after_data, *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)):
        yield _Keyword(
            argument.arg,
            inspect.Parameter.empty if argument.annotation is None else _evaluated(argument.annotation),
            inspect.Parameter.empty if default is None else ast.literal_eval(default),
        )


def _source_subject(arguments: ast.arguments) -> str:
    """What the first argument is annotated with; "" for nothing."""
    first = next(iter([*arguments.posonlyargs, *arguments.args]), None)
    return "" if first is None or first.annotation is None else ast.unparse(first.annotation).strip("'\"")


def _evaluated(annotation: ast.expr) -> Any:
    """The object that an annotation stands for, if it names nothing but types and `Range`."""
    names = {"typing": typing, "__builtins__": {}} | {name: getattr(typing, name) for name in typing.__all__}
    return eval(compile(ast.Expression(annotation), "<annotation>", "eval"), names | _SCOPE | {"Range": Range})


def _live_keywords(function: Any) -> Iterator[_Keyword]:
    parameters = list(inspect.signature(function).parameters.values())[1:]
    scope = getattr(inspect.unwrap(function), "__globals__", {})
    for one in parameters:
        if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD):
            annotation = one.annotation
            if isinstance(annotation, str):
                with suppress(Exception):  # a name that only type checkers know; it is then refused as it is
                    annotation = eval(annotation, scope)
            yield _Keyword(one.name, annotation, one.default)


def _live_subject(function: Any) -> str:
    """As `_source_subject`."""
    first = next(iter(inspect.signature(function).parameters.values()), None)
    annotation = "" if first is None or first.annotation is first.empty else first.annotation
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")


def _setting(spec: str, keyword: _Keyword, help_text: str) -> Setting:
    name, annotation, default = keyword
    if default is inspect.Parameter.empty:
        raise UsageError(f"{spec}: its setting {name!r} needs a default, so that nobody has to give it")
    if annotation is inspect.Parameter.empty:
        annotation = type(default)
    plain, optional, bounds = _taken_apart(annotation)
    choices = typing.get_args(plain) if typing.get_origin(plain) is typing.Literal else ()
    kind = type(choices[0]) if choices else plain
    if kind not in _PLAIN or any(type(choice) is not kind for choice in choices):
        raise UsageError(
            f"{spec}: its setting {name!r} is annotated with {annotation}; a flag can be bool, int, float, str or "
            "Literal[...] of one of these, each also | None"
        )
    setting = Setting(name, kind, default, help_text, optional, choices, bounds)
    try:
        return replace(setting, default=setting.check(default))
    except UsageError as error:
        raise UsageError(f"{spec}: the default of a setting does not fit its annotation: {error}") from error


def _taken_apart(annotation: Any) -> tuple[Any, bool, Range]:
    """An annotation without ``Annotated`` and ``| None``: what is left, whether None was allowed, and the bounds."""
    optional, bounds = False, Range()
    while True:
        arguments = typing.get_args(annotation)
        if typing.get_origin(annotation) is Annotated:
            annotation = arguments[0]
            bounds = next((one for one in arguments[1:] if isinstance(one, Range)), bounds)
        elif typing.get_origin(annotation) in (typing.Union, types.UnionType) and type(None) in arguments:
            optional = True
            annotation = typing.Union[tuple(one for one in arguments if one is not type(None))]  # noqa: UP007
        else:
            return annotation, optional, bounds

"""The chart as data: reads ``call.yaml`` strictly.

The document is read node by node, so that every refusal can name its line. Nothing is
guessed: an unknown key, a state named twice, a target that does not exist, or a guard, action,
effect or event that nobody has written is refused, with the nearest known name as a hint.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import yaml
from statemachine import StateChart

from engine.errors import ChartError


@dataclass(frozen=True, slots=True)
class Transition:
    """One way out of ``source`` (or, without a target, one thing done while staying).

    ``number`` is its place in the document, which is its identity in journals and diagrams.
    """

    number: int
    source: str
    event: str
    target: str | None
    cond: tuple[str, ...]
    unless: tuple[str, ...]
    on: tuple[str, ...]
    internal: bool
    line: int

    @property
    def guard(self) -> str:
        """The guard as people write it: ``a and not b``; empty if there is none."""
        return " and ".join([*self.cond, *(f"not {name}" for name in self.unless)])


@dataclass(slots=True)
class State:
    """A state of the chart and what lives in it."""

    id: str
    line: int
    parent: State | None = None
    initial: bool = False
    final: bool = False
    parallel: bool = False
    enter: tuple[str, ...] = ()
    exit: tuple[str, ...] = ()
    invoke: tuple[str, ...] = ()
    transitions: list[Transition] = field(default_factory=list)
    children: list[State] = field(default_factory=list)

    @property
    def ancestors(self) -> Iterator[State]:
        """The states around this one, innermost first."""
        around = self.parent
        while around is not None:
            yield around
            around = around.parent

    def walk(self) -> Iterator[State]:
        """This state and all inside it, in document order."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """A whole chart. ``digest`` identifies its text (the first 16 hex digits of SHA-256)."""

    name: str
    description: str
    path: str
    digest: str
    roots: tuple[State, ...]
    states: dict[str, State]
    transitions: tuple[Transition, ...]

    @property
    def events(self) -> tuple[str, ...]:
        """Every event that some transition reacts to, in document order."""
        return tuple(dict.fromkeys(transition.event for transition in self.transitions))


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names a chart may use, apart from its own states."""

    events: Collection[str]
    guards: Collection[str]
    actions: Collection[str]
    effects: Collection[str]


_LIBRARY_FIELDS = frozenset({"model", "history_values", "state_field", "configuration"})
"""What python-statemachine keeps on each machine, beside what its class has."""

_STATE_KEYS = {
    "initial", "final", "parallel", "enter", "exit", "invoke", "transitions", "states",
}  # fmt: skip
_TRANSITION_KEYS = {"event", "target", "cond", "unless", "on", "internal"}
_CHART_KEYS = {"name", "description", "states"}


def default_chart_path() -> Path:
    """Where the chart that comes with antiphon is."""
    return Path(str(files("statecharts").joinpath("call.yaml")))


def load_chart(path: Path, vocabulary: Vocabulary) -> Chart:
    """Read and strictly check one chart.

    Raises :class:`ChartError` with the file, the line and a hint.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ChartError(f"cannot read the chart {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ChartError(f"cannot read the chart {path}: it is not UTF-8") from error
    return parse_chart(text, str(path), vocabulary)


def parse_chart(text: str, path: str, vocabulary: Vocabulary) -> Chart:
    """As :func:`load_chart`, from the text of a chart. ``path`` is for messages."""
    return _Reader(path, vocabulary).read(text)


class _Reader:
    def __init__(self, path: str, vocabulary: Vocabulary) -> None:
        self.path = path
        self.vocabulary = vocabulary
        self.states: dict[str, State] = {}
        self.transitions: list[Transition] = []

    def read(self, text: str) -> Chart:
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise ChartError(f"{self.path}:{line}: not valid YAML: {error.problem}") from error
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            raise ChartError(f"{self.path}:{line}: not valid YAML: {error.reason}") from error
        if root is None:
            raise ChartError(f"{self.path}:1: the chart is empty")
        top = self.mapping(root, _CHART_KEYS, "chart")
        if "states" not in top:
            raise self.error(root, "the chart has no 'states'")
        roots = self.siblings(top["states"], None)
        self.check_targets()
        return Chart(
            name=self.text(top["name"]) if "name" in top else "chart",
            description=self.text(top["description"]) if "description" in top else "",
            path=self.path,
            digest=hashlib.sha256(text.encode()).hexdigest()[:16],
            roots=tuple(roots),
            states=self.states,
            transitions=tuple(self.transitions),
        )

    # --- states ---

    def siblings(self, node: yaml.Node, parent: State | None) -> list[State]:
        states = [
            self.state(name, key, body, parent) for name, key, body in self.items(node, "states")
        ]
        if not states:
            raise self.error(node, "'states' is empty")
        initials = [state for state in states if state.initial]
        if parent is not None and parent.parallel:
            if initials:
                raise self.error(node, f"the regions of '{parent.id}' all start: none is 'initial'")
        elif len(initials) != 1:
            where = f"in '{parent.id}'" if parent else "at the top"
            names = ", ".join(state.id for state in initials) or "none"
            raise self.error(node, f"exactly one state {where} must be 'initial'; there is {names}")
        return states

    def state(self, name: str, key: yaml.Node, body: yaml.Node, parent: State | None) -> State:
        if not name.isidentifier():
            raise self.error(key, f"'{name}' cannot name a state: use letters, digits and '_'")
        if hasattr(StateChart, name) or name in _LIBRARY_FIELDS:
            raise self.error(key, f"'{name}' means something else to the library: rename the state")
        if name in self.states:
            first = self.states[name].line
            raise self.error(key, f"state '{name}' is already defined in line {first}")
        keys = self.mapping(body, _STATE_KEYS, f"state '{name}'")
        state = State(id=name, line=key.start_mark.line + 1, parent=parent)
        self.states[name] = state
        state.initial = self.flag(keys.get("initial"))
        state.final = self.flag(keys.get("final"))
        state.parallel = self.flag(keys.get("parallel"))
        state.enter = self.names(keys.get("enter"), "action", self.vocabulary.actions)
        state.exit = self.names(keys.get("exit"), "action", self.vocabulary.actions)
        state.invoke = self.names(keys.get("invoke"), "effect", self.vocabulary.effects)
        if "transitions" in keys:
            items = keys["transitions"]
            if not isinstance(items, yaml.SequenceNode):
                raise self.error(items, "'transitions' must be a list")
            state.transitions = [self.transition(item, state) for item in items.value]
        if "states" in keys:
            state.children = self.siblings(keys["states"], state)
        if state.final and (state.children or state.transitions or state.invoke):
            raise self.error(key, f"the final state '{name}' can hold nothing")
        if state.parallel and len(state.children) < 2:
            raise self.error(key, f"the parallel state '{name}' needs two regions or more")
        return state

    def transition(self, node: yaml.Node, source: State) -> Transition:
        keys = self.mapping(node, _TRANSITION_KEYS, f"transition of '{source.id}'")
        if "event" not in keys:
            raise self.error(
                node, f"a transition of '{source.id}' has no 'event' (it would spin for ever)"
            )
        events = self.names(keys["event"], "event", self.vocabulary.events)
        if len(events) != 1:
            raise self.error(keys["event"], "a transition reacts to one event; write one for each")
        transition = Transition(
            number=len(self.transitions),
            source=source.id,
            event=events[0],
            target=self.text(keys["target"]) if "target" in keys else None,
            cond=self.names(keys.get("cond"), "guard", self.vocabulary.guards),
            unless=self.names(keys.get("unless"), "guard", self.vocabulary.guards),
            on=self.names(keys.get("on"), "action", self.vocabulary.actions),
            internal=self.flag(keys.get("internal")),
            line=node.start_mark.line + 1,
        )
        self.transitions.append(transition)
        return transition

    def check_targets(self) -> None:
        for transition in self.transitions:
            name, where = transition.target, f"{self.path}:{transition.line}"
            if name is None and transition.internal:
                raise ChartError(f"{where}: '{transition.event}' is internal, but has no target")
            if name is None:
                continue
            if name not in self.states:
                raise ChartError(
                    f"{where}: unknown state '{name}' as the target of '{transition.event}'"
                    f"{_hint(name, self.states)}"
                )
            source = self.states[transition.source]
            around = list(self.states[name].ancestors)
            inside = source in around
            if transition.internal and not inside:
                raise ChartError(
                    f"{where}: '{transition.event}' is internal, but '{name}' is not inside "
                    f"'{source.id}'"
                )
            both = next((state for state in source.ancestors if state in around), None)
            if both is not None and both.parallel and not transition.internal:
                hint = "mark it internal: true" if inside else "a region cannot reach into another"
                raise ChartError(
                    f"{where}: '{transition.event}' would leave and re-enter all of "
                    f"'{both.id}'; {hint}"
                )

    # --- nodes ---

    def error(self, node: yaml.Node, message: str) -> ChartError:
        return ChartError(f"{self.path}:{node.start_mark.line + 1}: {message}")

    def items(self, node: yaml.Node, what: str) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        if isinstance(node, yaml.ScalarNode) and not node.value:
            return
        if not isinstance(node, yaml.MappingNode):
            raise self.error(node, f"{what} must be a mapping")
        seen: set[str] = set()
        for key, value in node.value:
            name = self.text(key)
            if name in seen:
                raise self.error(key, f"'{name}' stands twice in {what}")
            seen.add(name)
            yield name, key, value

    def mapping(self, node: yaml.Node, known: set[str], what: str) -> dict[str, yaml.Node]:
        found: dict[str, yaml.Node] = {}
        for name, key, value in self.items(node, what):
            if name not in known:
                raise self.error(key, f"unknown key '{name}' in {what}{_hint(name, known)}")
            found[name] = value
        return found

    def text(self, node: yaml.Node) -> str:
        # The scalar's own text, so that `on` stays a word and does not become True.
        if not isinstance(node, yaml.ScalarNode) or not node.value:
            raise self.error(node, "expected a word here")
        return str(node.value)

    def flag(self, node: yaml.Node | None) -> bool:
        if node is None:
            return False
        if self.text(node) not in ("true", "false"):
            raise self.error(node, "expected true or false")
        return self.text(node) == "true"

    def names(self, node: yaml.Node | None, kind: str, known: Collection[str]) -> tuple[str, ...]:
        if node is None:
            return ()
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for item in nodes:
            name = self.text(item)
            if name not in known:
                raise self.error(item, f"unknown {kind} '{name}'{_hint(name, known)}")
        return tuple(self.text(item) for item in nodes)


def _hint(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""

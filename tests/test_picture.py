"""The picture: fresh, whole, the same everywhere, and nothing in it lies over anything else."""

from __future__ import annotations

import re
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.chart import Chart, default_chart_path, load_chart
from engine.errors import ChartError
from engine.picture import Layout, layout_of, svg
from engine.picture.arrows import arrows_of
from engine.picture.boxes import FONT, SMALL, mono, title_width
from engine.picture.layout import drawn_digest, layout_path, new_layout, written
from engine.vocabulary import VOCABULARY
from tests.chart_kit import shipped_chart, small_chart
from tests.test_diagram import SMALL as SMALL_CHART

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")


@dataclass(frozen=True)
class Area:
    """Where a text or a box lies."""

    what: str
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Area) -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def holds(self, other: Area) -> bool:
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.top <= other.top
            and other.bottom <= self.bottom
        )


def drawn(chart: Chart, layout: Layout) -> ET.Element:
    return ET.fromstring(re.sub(' xmlns="[^"]*"', "", svg(chart, layout)))


def written_area(text: ET.Element) -> Area:
    """The room that a text may take in the widest usual font."""
    what, kinds = text.text or "", text.get("class", "").split(" ")
    x, baseline = float(text.get("x", "")), float(text.get("y", ""))
    size = SMALL if "number" in kinds else FONT
    width = mono(len(what), size)
    if "name" in kinds:
        size = float(kinds[-1].removeprefix("size-"))
        width = title_width(what, size)
    else:
        assert float(text.get("textLength", "")) == pytest.approx(width, abs=0.06)
    return Area(what, x, baseline - size, x + width, baseline + size * 0.25)


def box_area(rect: ET.Element) -> Area:
    x, y, width, height = (float(rect.get(name, "")) for name in ("x", "y", "width", "height"))
    return Area(rect.get("class", ""), x, y, x + width, y + height)


def pictures() -> Iterator[object]:
    yield pytest.param(shipped_chart(), id="shipped")
    yield pytest.param(small_chart(SMALL_CHART), id="small", marks=needs_dot)


@pytest.fixture(params=pictures())
def chart(request: pytest.FixtureRequest) -> Chart:
    assert isinstance(request.param, Chart)
    return request.param


@pytest.fixture
def picture(chart: Chart) -> ET.Element:
    return drawn(chart, layout_of(chart))


def groups(picture: ET.Element, kind: str) -> dict[str, ET.Element]:
    """The groups of a kind, by their ids."""
    return {
        group.get("id", ""): group
        for group in picture.iter("g")
        if kind in group.get("class", "").split(" ") and group.get("id")
    }


class TestWhatIsDrawn:
    def test_every_state_with_its_name_and_effects(self, chart: Chart, picture: ET.Element) -> None:
        """Under state-<id>, which holds the state's own box."""
        found = groups(picture, "state")
        assert set(found) == {f"state-{name}" for name in chart.states}
        for name, state in chart.states.items():
            group = found[f"state-{name}"]
            texts = {text.text for text in group.iter("text")}
            assert {name, *state.invoke} <= texts
            assert group.findall("rect")[0].get("class") == "frame"
            assert (group.find("rect[@class='inner']") is not None) == state.final

    def test_every_transition_with_guard_actions_and_target(
        self, chart: Chart, picture: ET.Element
    ) -> None:
        """Under t<number>, in the box of its state; each part has its class."""
        for one in chart.transitions:
            group = groups(groups(picture, "state")[f"state-{one.source}"], "transition")
            texts = list(group[f"t{one.number}"].iter("text"))
            said = {
                kind: " ".join(text.text or "" for text in texts if kind in text.get("class", ""))
                for kind in ("event", "guard", "action", "target")
            }
            assert said["event"] == one.event
            assert said["guard"] == (f"[{one.guard}]" if one.guard else "")
            assert said["action"] == (f"/ {', '.join(one.on)}" if one.on else "")
            assert said["target"][2:] == (one.target or "")

    def test_every_transition_that_leads_to_another_state_has_an_arrow(
        self, chart: Chart, picture: ET.Element
    ) -> None:
        """The arrow names it, and lies between states that hold its ends."""
        arrows = groups(picture, "arrow")
        lead = {
            number: arrow
            for arrow in arrows.values()
            for number in arrow.get("data-transitions", "").split(" ")
        }
        for one in chart.transitions:
            if one.target is None or one.target == one.source:
                assert f"t{one.number}" not in lead
                continue
            source, target = chart.states[one.source], chart.states[one.target]
            arrow = lead.get(f"t{one.number}")
            if arrow is None:  # it enters anew a state in which it begins
                assert target in source.ancestors
                continue
            ends = re.fullmatch("from-(.+)-to-(.+)", arrow.get("id", ""))
            assert ends is not None
            assert chart.states[ends[1]] in (source, *source.ancestors)
            assert chart.states[ends[2]] in (target, *target.ancestors)

    def test_everything_tells_what_it_is_when_pointed_at(self, picture: ET.Element) -> None:
        """States, transitions and arrows have a title; the whole says what it shows."""
        for kind in ("state", "transition", "arrow"):
            for group in groups(picture, kind).values():
                assert group.findtext("title")
        assert picture.get("role") == "img"
        labels = str(picture.get("aria-labelledby")).split(" ")
        assert [picture.find(f"*[@id='{label}']") is not None for label in labels] == [True, True]

    def test_ids_stand_once(self, picture: ET.Element) -> None:
        """So that a page finds what it looks for."""
        ids = [element.get("id") for element in picture.iter() if element.get("id")]
        assert len(ids) == len(set(ids))


class TestWhereItLies:
    def test_no_text_lies_over_another(self, picture: ET.Element) -> None:
        """Whatever font there is: each text has the room that the widest would take."""
        head = [written_area(text) for text in picture.findall("text")]
        body = [written_area(text) for group in picture.findall("g") for text in group.iter("text")]
        assert len(body) > 20
        for texts in (head, sorted(body, key=lambda area: area.top)):
            for place, one in enumerate(texts):
                for other in texts[place + 1 :]:
                    assert not one.overlaps(other), (one, other)

    def test_each_text_lies_in_its_box(self, chart: Chart, picture: ET.Element) -> None:
        """And no state inside lies over the text of the state around."""
        found = groups(picture, "state")
        frames = {name: box_area(group.findall("rect")[0]) for name, group in found.items()}
        for name, group in found.items():
            texts = [written_area(text) for text in group.iter("text")]
            assert all(frames[name].holds(text) for text in texts)
            for child in chart.states[name.removeprefix("state-")].children:
                frame = frames[f"state-{child.id}"]
                assert frames[name].holds(frame)
                assert [text for text in texts if frame.overlaps(text)] == []

    def test_boxes_side_by_side_do_not_touch(self, chart: Chart) -> None:
        """Nor does a box lie above the place where its chart begins."""
        places = layout_of(chart).states
        areas = {n: Area(n, x, y, x + w, y + h) for n, (x, y, w, h) in places.items()}
        for state in chart.states.values():
            siblings = state.parent.children if state.parent else chart.roots
            for other in siblings:
                if other is not state:
                    assert not areas[state.id].overlaps(areas[other.id])

    def test_no_arrow_crosses_text(self, chart: Chart, picture: ET.Element) -> None:
        """Arrows keep to the room between boxes."""
        body = [written_area(text) for group in picture.findall("g") for text in group.iter("text")]
        points = [
            (x, y)
            for arrow in layout_of(chart).arrows.values()
            for place in range(0, len(arrow) - 2, 3)
            for x, y in along(arrow[place : place + 4])
        ]
        for x, y in points:
            over = [one for one in body if one.left < x < one.right and one.top < y < one.bottom]
            assert over == []


def along(piece: list[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Points of one piece of a Bézier curve."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = piece
    for step in range(21):
        t = step / 20
        a, b, c, d = (1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3
        yield a * ax + b * bx + c * cx + d * dx, a * ay + b * by + c * cy + d * dy


class TestTheCommittedPicture:
    def test_is_of_this_chart(self) -> None:
        """What stands in the README is what runs. No Graphviz is needed to see that."""
        path = default_chart_path().with_suffix(".svg")
        chart = shipped_chart()
        assert layout_of(chart).digest == drawn_digest(chart), "run scripts/diagram"
        fresh = svg(chart, layout_of(chart))
        assert path.read_text(encoding="utf-8") == fresh, "run scripts/diagram"

    def test_the_layout_has_all_that_is_drawn_and_no_more(self) -> None:
        """As it stands in the file."""
        chart, layout = shipped_chart(), layout_of(shipped_chart())
        assert layout_path(chart).read_text(encoding="utf-8") == written(layout)
        assert set(layout.states) == set(chart.states)
        assert set(layout.arrows) == {one.id for one in arrows_of(chart) if not one.inward}

    def test_loads_nothing_from_elsewhere(self) -> None:
        """It is shown where nothing may be fetched, and run where no script may."""
        text = default_chart_path().with_suffix(".svg").read_text(encoding="utf-8")
        assert re.findall('https?://[^"]*', text) == ["http://www.w3.org/2000/svg"]
        assert not re.search("<script|<image|url\\(|@import| style=", text)


class TestLayouts:
    def copied(self, folder: Path, text: str) -> Chart:
        path = folder / "mine.yaml"
        path.write_text(text, encoding="utf-8")
        return load_chart(path, VOCABULARY)

    @pytest.fixture
    def mine(self, tmp_path: Path) -> Chart:
        """A copy of the shipped chart, with its layout beside it."""
        layout = layout_path(shipped_chart()).read_text(encoding="utf-8")
        (tmp_path / "mine.layout.json").write_text(layout, encoding="utf-8")
        return self.copied(tmp_path, default_chart_path().read_text(encoding="utf-8"))

    @pytest.fixture(autouse=True)
    def no_dot(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        """Graphviz is not installed here, unless a test needs it."""
        if "skipif" not in request.keywords:
            monkeypatch.setenv("PATH", "")

    def test_a_comment_does_not_make_a_layout_stale(self, mine: Chart, tmp_path: Path) -> None:
        """Only what changes a box, or an arrow, does."""
        text = "# Another comment.\n" + Path(mine.path).read_text(encoding="utf-8")
        changed = self.copied(tmp_path, text)
        assert changed.digest != mine.digest
        assert layout_of(changed) == layout_of(mine)

    def test_a_stale_layout_is_not_used(self, mine: Chart, tmp_path: Path) -> None:
        """Without Graphviz the line says what to install."""
        text = Path(mine.path).read_text(encoding="utf-8")
        changed = self.copied(tmp_path, text.replace("invoke: [judge_turn]", ""))
        with pytest.raises(ChartError, match="install it"):
            layout_of(changed)

    def test_a_file_that_is_not_a_layout(self, mine: Chart, tmp_path: Path) -> None:
        """The line says which, and how to make it anew."""
        (tmp_path / "mine.layout.json").write_text("[]")
        with pytest.raises(ChartError, match=r"mine.layout.json: not a layout .* -f layout"):
            layout_of(mine)

    @needs_dot
    def test_graphviz_lays_a_chart_of_ones_own_out(self) -> None:
        """As the file has it that would be committed, and the same each time."""
        chart = small_chart(SMALL_CHART)
        assert written(new_layout(chart)) == written(new_layout(chart))
        assert new_layout(chart).digest == drawn_digest(chart)

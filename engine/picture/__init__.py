"""The picture of a chart, drawn by our own hand: SVG, the same bytes on every machine."""

from engine.picture.drawing import svg
from engine.picture.layout import Layout, layout_of
from engine.picture.paint import Paint, Shade

__all__ = ["Layout", "Paint", "Shade", "layout_of", "svg"]

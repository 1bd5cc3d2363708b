"""A scene as one HTML page that needs nothing else: the SVG, with pan, zoom and level of detail."""

from __future__ import annotations

from html import escape

from cnnvis_caffe.render.svg import scene_svg
from cnnvis_caffe.scene.shapes import Scene
from cnnvis_caffe.text.plain import visible

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
html, body {{ margin: 0; height: 100%; overflow: hidden; background: {ground}; }}
svg {{ width: 100%; height: 100%; display: block; cursor: grab; touch-action: none; }}
svg.dragged {{ cursor: grabbing; }}
</style>
</head>
<body>
{svg}
<script>
"use strict";
const svg = document.querySelector("svg");
const whole = svg.viewBox.baseVal;
const home = {{ x: 0, y: 0, width: whole.width, height: whole.height }};
const levels = [...svg.querySelectorAll("[data-min-zoom], [data-max-zoom]")].map(element => ({{
  element,
  least: Number(element.dataset.minZoom || 0),
  most: Number(element.dataset.maxZoom || Infinity),
}}));
let shown = NaN;
function zoom() {{
  return Math.min(svg.clientWidth / whole.width, svg.clientHeight / whole.height);
}}
function detail() {{
  const now = zoom();
  if (now === shown) return;
  shown = now;
  for (const level of levels)
    level.element.style.display = level.least <= now && now < level.most ? "" : "none";
}}
function show(box) {{
  Object.assign(whole, box);
  detail();
}}
function at(event) {{
  const point = new DOMPoint(event.clientX, event.clientY);
  return point.matrixTransform(svg.getScreenCTM().inverse());
}}
svg.addEventListener("wheel", event => {{
  event.preventDefault();
  const point = at(event);
  const least = home.width / 40 / whole.width, most = 2 * home.width / whole.width;
  const factor = Math.min(Math.max(Math.exp(event.deltaY * 0.0015), least), most);
  show({{
    x: point.x - (point.x - whole.x) * factor, y: point.y - (point.y - whole.y) * factor,
    width: whole.width * factor, height: whole.height * factor,
  }});
}}, {{ passive: false }});
let start = null;
svg.addEventListener("pointerdown", event => {{
  start = at(event);
  svg.setPointerCapture(event.pointerId);
  svg.classList.add("dragged");
}});
svg.addEventListener("pointermove", event => {{
  if (!start) return;
  const point = at(event);
  show({{ x: whole.x + start.x - point.x, y: whole.y + start.y - point.y, width: whole.width, height: whole.height }});
}});
for (const name of ["pointerup", "pointercancel"])
  svg.addEventListener(name, () => {{ start = null; svg.classList.remove("dragged"); }});
svg.addEventListener("dblclick", () => show(home));
window.addEventListener("resize", detail);
detail();
</script>
</body>
</html>
"""


def scene_html(scene: Scene) -> str:
    """Write a scene as one page: wheel to zoom, drag to move, double click for the whole."""
    svg = scene_svg(scene, zoom=None)
    svg = svg[svg.index("<svg") :]
    return _PAGE.format(title=escape(visible(scene.title)), ground=scene.ground, svg=svg)

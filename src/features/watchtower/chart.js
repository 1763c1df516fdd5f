// Counts over time as stacked bars. The same numbers stand in a table below, for whoever does not see the picture.

import { SEVERITIES, badge, byId, clock, make, number } from "./words.js";

const [HEIGHT, LEFT, TOP, BOTTOM] = [220, 44, 10, 26];
/** So that one alarm among a thousand usual events is seen. */
const LEAST = 4;
const shown = { alarm: true, warning: true, info: true };
let drawn = null;

// As wide as its place, so that its letters are as large as all others.
new ResizeObserver(() => { if (drawn) draw(drawn); }).observe(byId("chart"));

/** The sum of each severity, step by step. */
function sums(summary) {
  const steps = Array.from({ length: 60 }, () => ({ alarm: 0, warning: 0, info: 0 }));
  for (const { severity, steps: counts } of summary.types) counts.forEach((count, at) => { steps[at][severity] += count; });
  return steps;
}

/** Nothing stays of what was drawn. */
export function clear() {
  drawn = null;
  byId("chart").replaceChildren();
}

export function draw(summary) {
  drawn = summary;
  const steps = sums(summary);
  const begin = (at) => new Date(Date.parse(summary.since) + at * summary.step_seconds * 1000).toISOString();
  legend(summary);
  byId("chart").replaceChildren(picture(steps, begin, summary));
  byId("chart-table").tBodies[0].replaceChildren(...steps.flatMap((step, at) => rowOf(step, begin(at))));
  const rank = ({ severity }) => SEVERITIES.indexOf(severity);
  const types = summary.types.toSorted((a, b) => rank(a) - rank(b) || b.total - a.total);
  byId("type-table").tBodies[0].replaceChildren(...types.map(({ type, severity, total }) =>
    make("tr", {}, make("th", { scope: "row" }, type), make("td", {}, badge(severity)), make("td", { class: "count" }, number(total)))));
}

function rowOf(step, begin) {
  if (SEVERITIES.every((severity) => step[severity] === 0)) return [];
  const counts = SEVERITIES.map((severity) => make("td", { class: "count" }, number(step[severity])));
  return [make("tr", {}, make("th", { scope: "row" }, clock(begin)), ...counts)];
}

/** Made once, so that the focus stays where it is when the numbers change. */
function legend(summary) {
  const place = byId("legend");
  for (const severity of SEVERITIES) {
    let label = place.querySelector(`[data-of=${severity}]`);
    if (!label) {
      const box = make("input", { type: "checkbox", checked: shown[severity] });
      box.addEventListener("change", () => { shown[severity] = box.checked; draw(drawn); });
      label = make("label", { "data-of": severity }, box, badge(severity), make("b"));
      place.append(label);
    }
    label.lastChild.textContent = number(summary.by_severity[severity]);
  }
}

function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function picture(steps, begin, summary) {
  const visible = SEVERITIES.filter((severity) => shown[severity]);
  const total = (step) => visible.reduce((sum, severity) => sum + step[severity], 0);
  const width = Math.max(260, byId("chart").clientWidth);
  const most = round(Math.max(4, ...steps.map(total)));
  const height = HEIGHT - TOP - BOTTOM;
  const ground = TOP + height;
  const wide = (width - LEFT) / steps.length;
  const all = SEVERITIES.map((severity) => `${number(summary.by_severity[severity])} ${severity === "info" ? "usual" : `${severity}s`}`);
  const drawing = svg("svg", { width, height: HEIGHT, role: "img", "aria-label": `Events over time: ${all.join(", ")}. The table below has each step.` });
  for (const part of [0, 0.5, 1]) {
    const y = ground - part * height;
    drawing.append(svg("line", { class: "grid", x1: LEFT, x2: width, y1: y, y2: y }),
      svg("text", { class: "scale", x: LEFT - 6, y: y + 4, "text-anchor": "end" }, number(most * part)));
  }
  steps.forEach((step, at) => {
    const bar = svg("g", {}, svg("title", {}, `${begin(at).slice(0, 16).replace("T", " ")}: ${visible.map((severity) => `${number(step[severity])} ${severity}`).join(", ")}`));
    let top = ground;
    // From the ground: the usual first, alarms on top.
    for (const severity of visible.toReversed()) {
      if (step[severity] === 0) continue;
      const tall = Math.min(top - TOP, Math.max(LEAST, (step[severity] / most) * height));
      top -= tall;
      bar.append(svg("rect", { class: `bar ${severity}`, x: LEFT + at * wide + 1, y: top, width: Math.max(1, wide - 2), height: tall }));
    }
    drawing.append(bar);
    if (at % 12 === 0) {
      const text = summary.step_seconds > 3600 ? begin(at).slice(5, 10) : begin(at).slice(11, 16);
      drawing.append(svg("text", { class: "scale", x: LEFT + at * wide, y: HEIGHT - 8 }, text));
    }
  });
  return drawing;
}

/** The next number that is easy to read: 4, 10, 20, 40, 100 and so on. */
function round(value) {
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 10].map((step) => step * unit).find((nice) => nice >= value);
}

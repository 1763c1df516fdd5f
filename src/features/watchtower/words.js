// How things are written on the page. Every text is set as text: an event may hold what an attacker sent.

import { SEVERITY } from "./kinds.js";

export const TYPES = Object.keys(SEVERITY);

/** A shape and a word, for whoever does not see the colours. */
const LOOKS = {
  alarm: { icon: "▲", word: "Alarm" },
  warning: { icon: "◆", word: "Warning" },
  info: { icon: "●", word: "Usual" },
};

export const SEVERITIES = ["alarm", "warning", "info"];

export const byId = (id) => document.getElementById(id);

export const severityOf = (type) => SEVERITY[type] ?? "info";

/** An element with attributes and children; children are elements or text. */
export function make(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

export function badge(severity) {
  const { icon, word } = LOOKS[severity];
  return make("span", { class: `badge ${severity}` }, make("span", { "aria-hidden": "true" }, icon), make("span", { class: "word" }, ` ${word}`));
}

/** `09:30:07`, with the day where it is not today's. The log has UTC, so the page has. */
export function clock(iso, withDay = true) {
  const text = iso.slice(11, 19);
  const today = new Date().toISOString().slice(0, 10);
  const day = withDay && iso.slice(0, 10) !== today ? `${iso.slice(5, 10)} ` : "";
  return make("time", { datetime: iso, title: iso }, day + text);
}

/** A type, which may go on in the next line after each of its words. */
export const broken = (type) => type.split(/(?<=_)/).flatMap((word) => [word, make("wbr")]);

/** `reason: wrong password · route: /v1/users/me` */
export function told(details) {
  const brief = (value) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value) ? short(value) : value;
  return Object.entries(details).map(([name, value]) => `${name}: ${brief(value)}`).join(" · ");
}

/** The end of an id, which is where two of them differ. */
export const short = (id) => `…${id.slice(-8)}`;

export const number = (value) => value.toLocaleString("en");

export function say(place, text) {
  place.textContent = text ?? "";
  place.hidden = !text;
}

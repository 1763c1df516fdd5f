// The list of pillars, in groups. On a narrow screen it is shut until it is asked for.

import { byId, make } from "./words.js";

const links = new Map();

export function showList(lessons) {
  const groups = new Map();
  for (const lesson of lessons) {
    if (!groups.has(lesson.group)) groups.set(lesson.group, []);
    groups.get(lesson.group).push(lesson);
  }
  byId("groups").replaceChildren(...[...groups].flatMap(([group, members]) => [
    make("h3", {}, group),
    make("ul", {}, ...members.map(item)),
  ]));
  byId("list-toggle").addEventListener("click", () => open(byId("list-toggle").getAttribute("aria-expanded") !== "true"));
}

function item({ name, title }) {
  const link = make("a", { href: `#${name}` }, make("span", { class: "title" }, title), " ", make("code", {}, name));
  links.set(name, link);
  return make("li", {}, link);
}

/** Which one is shown, and which was run. */
export function mark(shown, seen) {
  for (const [name, link] of links) {
    if (name === shown) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const link = links.get(seen);
  if (link && !link.querySelector(".seen")) {
    link.append(make("span", { class: "seen" }, make("span", { "aria-hidden": "true" }, "✓"), make("span", { class: "hidden" }, "run")));
  }
}

function open(is) {
  byId("list-toggle").setAttribute("aria-expanded", String(is));
  byId("list").classList.toggle("open", is);
}

export const shut = () => open(false);

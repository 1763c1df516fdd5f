// One pillar: its attacks, what there is to know, and where it is written.

import { byId, make, prose } from "./words.js";

/** The id of the attack that is chosen, if there is one. */
export const choice = () => byId("case").value;

export function showLesson(lesson, id) {
  byId("group").textContent = lesson.group;
  byId("name").textContent = lesson.name;
  byId("title").textContent = lesson.title;
  const attack = lesson.attacks.find((one) => one.id === id) ?? lesson.attacks[0];
  const options = lesson.attacks.map((one) => make("option", { value: one.id }, one.title));
  byId("case").replaceChildren(...options);
  if (attack) byId("case").value = attack.id;

  // One attack is no choice.
  byId("case").hidden = lesson.attacks.length < 2;
  document.querySelector("label[for=case]").hidden = lesson.attacks.length < 2;
  byId("only").hidden = lesson.attacks.length > 1;
  byId("only").textContent = attack ? attack.title : "No attack of the program proves this pillar yet.";
  byId("run").hidden = !attack;
  byId("teaching").replaceChildren(...prose(attack?.teaching ?? ""));
  byId("tags").replaceChildren(...tags(lesson, attack));
  byId("terminal").hidden = !attack;
  byId("commands").textContent = attack ? commands(lesson, attack) : "";
}

function tags({ chapter, means }, attack) {
  const tag = (...what) => make("li", {}, ...what);
  const made = [];
  for (const id of attack?.owasp ?? []) made.push(tag(`OWASP ${id}`));
  for (const id of attack?.asvs ?? []) made.push(tag(`ASVS ${id}`));
  made.push(tag(`left out by ${means.replace("layers left out", "fewer layers")}`));
  if (chapter) made.push(tag(make("a", { href: chapter }, "Chapter: ", chapter.split("/").at(-1).replace(".md", ""))));
  return made;
}

const commands = ({ name }, { id }) => [
  `drawbridge lab --without ${name}`,
  `cargo run -p drawbridge-attack -- ${location.origin} --only ${id} \\`,
  "    --credentials .data/lab/dev-credentials.env --keys-dir .data/lab/keys",
].join("\n");

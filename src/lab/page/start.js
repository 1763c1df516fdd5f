// The page begins here: the list is fetched once, and the address says which lesson is shown (`#jwt-audience`, or
// `#jwt-audience/jwt-audience-other-service`).

import { mark, showList, shut } from "./list.js";
import { choice, showLesson } from "./lesson.js";
import { ask, run } from "./run.js";
import { showCode, showProgress, showResult } from "./sides.js";
import { byId, say } from "./words.js";

let lessons = [];
let running = false;
/** What was run since the page was opened, by the attack's id. */
const results = new Map();

function wanted() {
  const [name, id] = decodeURIComponent(location.hash.slice(1)).split("/");
  return { lesson: lessons.find((lesson) => lesson.name === name), name, id };
}

function show(moved) {
  const { lesson, name, id } = wanted();
  byId("welcome").hidden = Boolean(lesson);
  byId("lesson").hidden = !lesson;
  if (name === "main") return;
  if (!running) say(byId("problem"), name && !lesson ? `There is no pillar “${name}”: choose one from the list.` : "");
  document.title = lesson ? `${lesson.name} · The lab` : "The lab";
  mark(lesson?.name);
  if (!lesson) return;
  showLesson(lesson, id);
  shut();
  fill(lesson);
  if (moved) byId("title").focus();
}

/** Both columns: what the last run of the chosen attack has shown, or the code alone. */
function fill(lesson) {
  showCode(lesson);
  const result = results.get(choice());
  if (result) showResult(result);
  if (!running) say(byId("stand"), result ? told(result) : "");
}

/** In one sentence, for whoever hears the page. */
function told({ with: whole, without }) {
  const word = ({ verdict }) => ({ held: "refused", hole: "a success" }[verdict] ?? verdict);
  return `With the pillar the attack was ${word(whole.side)}, without it ${word(without.side)}.`;
}

function going(is) {
  running = is;
  // Not `disabled`: the focus stays where it is.
  byId("run").setAttribute("aria-disabled", String(is));
  byId("attack").setAttribute("aria-busy", String(is));
}

async function attack(event) {
  event.preventDefault();
  const { lesson } = wanted();
  const id = choice();
  if (running || !lesson || !id) return;
  going(true);
  say(byId("problem"), "");
  say(byId("stand"), "Two services are started and attacked …");
  const begun = Date.now();
  const ticking = setInterval(() => { byId("clock").textContent = `${Math.round((Date.now() - begun) / 1000)} s`; }, 1000);
  const here = () => wanted().lesson === lesson && choice() === id;
  try {
    showProgress({ with: { stage: "starting" }, without: { stage: "starting" } });
    const result = await run(id, (so_far) => { if (here()) showProgress(so_far); });
    results.set(id, result);
    mark(wanted().lesson?.name, lesson.name);
    if (here()) showResult(result);
    say(byId("stand"), told(result));
  } catch (problem) {
    say(byId("stand"), "");
    say(byId("problem"), problem.message);
    if (here()) showCode(lesson);
  } finally {
    clearInterval(ticking);
    byId("clock").textContent = "";
    going(false);
  }
}

async function start() {
  try {
    lessons = await ask("GET", "/lab/pillars.json");
  } catch (problem) {
    say(byId("problem"), problem.message);
    return;
  }
  showList(lessons);
  byId("attack").addEventListener("submit", attack);
  byId("case").addEventListener("change", () => {
    const { lesson } = wanted();
    history.replaceState(null, "", `#${lesson.name}/${choice()}`);
    showLesson(lesson, choice());
    fill(lesson);
  });
  addEventListener("hashchange", () => show(true));
  show(false);
}

start();

// The lab's page in Chromium: attacks are run with their pillar and without, a keyboard is enough, axe finds nothing, the
// policy is never broken.

import assert from "node:assert/strict";
import { join } from "node:path";
import { axe, close, expecting, open, step, troubles, verdict } from "./browser.mjs";
import { Service } from "./service.mjs";

const [program, shots] = process.argv.slice(2);
const service = new Service(program, "lab");

/** What is left out, an attack that proves it, and words of the log and of both codes. */
const LESSONS = [
  { pillar: "jwt-audience", log: "aud does not hold ours", defence: "aud", careless: "validate_aud = false" },
  { pillar: "jwt-algorithm", log: "alg", defence: "Refusal::Algorithm", careless: "read_by_its_header" },
  { pillar: "mass-assignment", log: "VALIDATION_FAILED", defence: "deny_unknown_fields", careless: "role = coalesce" },
];

const shot = (page, name, fullPage = false) => page.screenshot({ path: join(shots, `${name}.png`), fullPage });
const side = (page, name) => page.locator(`#${name}`);
const title = (page) => page.locator("#title");

async function theBeginning(page) {
  await page.goto(`${service.url}/lab`);
  await page.locator("#welcome").waitFor();
  assert.equal(await page.locator("#groups li").count(), 32);
  assert.equal(await page.locator("#groups h3").count(), 6);
  await axe(page, "the beginning");
  await shot(page, "welcome");
  // The first link of the content is where the list may be skipped to.
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
}

/** By keyboard alone, from the list to the verdict. */
async function lesson(page, { pillar, log, defence, careless }) {
  const link = page.locator(`#groups a[href="#${pillar}"]`);
  await link.focus();
  await page.keyboard.press("Enter");
  await page.locator("#name", { hasText: pillar }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), "title", "the focus follows");
  await side(page, "with").locator(".code", { hasText: defence }).waitFor();
  await side(page, "without").locator(".code", { hasText: careless }).waitFor();
  await page.locator("#run").focus();
  await page.keyboard.press("Enter");
  await page.locator("#stand", { hasText: "With the pillar the attack was refused, without it a success." }).waitFor({ timeout: 60_000 });
  assert.equal(await page.evaluate(() => document.activeElement.id), "run", "the focus stays");
  await side(page, "with").locator(".verdict.held").waitFor();
  await side(page, "without").locator(".verdict.hole").waitFor();
  for (const name of ["with", "without"]) {
    const opened = side(page, name).locator("details.exchange[open]");
    assert.equal(await opened.count(), 1, "the request that decides is open");
    assert.match(await opened.innerText(), /HTTP\/1\.1/);
    await opened.locator(".log", { hasText: "message" }).first().waitFor();
  }
  await side(page, "with").locator(".exchange .log", { hasText: log }).first().waitFor();
  await link.locator(".seen").waitFor({ state: "attached" });
  console.log(`  ${pillar}: ${await page.locator("#with .took").innerText()}, ${await page.locator("#without .took").innerText()}`);
}

/** When it is over. Each question waits a second for its answer. */
const theLastRun = (page) => page.evaluate(async () => {
  for (;;) {
    const run = await (await fetch("/lab/run")).json();
    if (!run.going_on) return run;
  }
});

async function oneAtATime(page) {
  await expecting(page, async () => {
    const answers = await page.evaluate(async () => {
      const ask = (body) => fetch("/lab/run", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
      const begun = await Promise.all([ask({ case: "jwt-alg-none" }), ask({ case: "jwt-alg-none" })]);
      const unknown = await ask({ case: "no-such-case" });
      return [...begun, unknown].map((answer) => answer.status);
    });
    assert.deepEqual(answers.sort(), [202, 400, 409]);
    // Somebody else's run is told in a sentence, and the page goes on.
    await page.locator("#run").press("Enter");
    await page.locator("#problem", { hasText: "One attack at a time: the last one still runs. (err-" }).waitFor();
  });
  await theLastRun(page);
}

/** A run that takes long, and one that fails: what the lab would say is put in its mouth. */
async function progress(page) {
  const half = (stage) => ({ stage, side: null });
  const number = (await theLastRun(page)).number + 1;
  const told = [
    { number, going_on: true, trouble: null, with: half("attacking"), without: half("waiting") },
    { number, going_on: false, trouble: "The attack could not be run; the lab's log says why", with: half("attacking"), without: half("waiting") },
  ];
  let seen;
  const first = new Promise((resolve) => { seen = resolve; });
  await page.route("**/lab/run", async (route) => {
    if (route.request().method() !== "GET") return route.continue();
    const json = told.shift();
    if (!json.going_on) await first;
    return route.fulfill({ json, contentType: "application/json" });
  });
  await page.locator("#run").press("Enter");
  await page.locator("#with .stage", { hasText: "Is being attacked" }).waitFor();
  await page.locator("#without .stage", { hasText: "Waits for the other" }).waitFor();
  await page.locator("#clock", { hasText: "1 s" }).waitFor();
  await axe(page, "a run");
  await shot(page, "running");
  seen();
  await page.locator("#problem", { hasText: "The attack could not be run; the lab's log says why." }).waitFor();
  await page.locator("#without", { hasText: "Not attacked yet" }).waitFor();
  await page.unroute("**/lab/run");
  await theLastRun(page);
}

/** A foreign page cannot run anything, and does not learn what is run. */
async function strangers(page) {
  const before = await theLastRun(page);
  const elsewhere = await page.context().newPage();
  await elsewhere.goto("data:text/html,<title>elsewhere</title>");
  const outcome = await elsewhere.evaluate(async (url) => {
    const headers = { "Content-Type": "application/json" };
    const ask = (options) => fetch(`${url}/lab/run`, options).then((answer) => answer.status, () => "refused");
    return Promise.all([
      ask({ method: "POST", headers, body: '{"case":"jwt-alg-none"}' }),
      ask({ method: "POST", mode: "no-cors", body: '{"case":"jwt-alg-none"}' }),
      ask({}),
    ]);
  }, service.url);
  assert.deepEqual(outcome, ["refused", "refused", "refused"]);
  await elsewhere.close();
  assert.deepEqual(await theLastRun(page), before, "nothing was run");
}

async function deepLinks(page) {
  await page.goto("about:blank");
  await page.goto(`${service.url}/lab#jwt-algorithm`);
  await title(page).filter({ hasText: "A token chooses how it is checked" }).waitFor();
  await page.locator("#case").selectOption({ index: 1 });
  const chosen = await page.locator("#case").inputValue();
  assert.equal(new URL(page.url()).hash, `#jwt-algorithm/${chosen}`);
  await page.reload();
  await title(page).waitFor();
  assert.equal(await page.locator("#case").inputValue(), chosen);
  await page.goto(`${service.url}/lab#no-such-pillar`);
  await page.locator("#problem", { hasText: "There is no pillar" }).waitFor();
  await page.locator("#groups a").first().click();
  await page.locator("#problem").waitFor({ state: "hidden" });
  const chapter = page.locator("#tags a");
  // A text has no icon, so the browser looks for one.
  await expecting(page, async () => {
    const [opened] = await Promise.all([page.waitForNavigation(), chapter.click()]);
    assert.match(await opened.text(), /^# Access tokens/);
    await page.goBack();
    await title(page).waitFor();
  });
}

async function looks(page) {
  await page.goto(`${service.url}/lab#jwt-audience`);
  await title(page).waitFor();
  await page.locator("#run").press("Enter");
  await page.locator("#without .verdict").waitFor();
  await axe(page, "a result");
  // For docs/images.
  await page.locator("#run").blur();
  await page.setViewportSize({ width: 1600, height: 1700 });
  for (const [name, colorScheme] of [["lab", "light"], ["lab-dark", "dark"]]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await shot(page, name, true);
  }
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    for (const [name, width, height] of [["wide", 1600, 1150], ["middle", 1000, 900], ["phone", 360, 780]]) {
      await page.setViewportSize({ width, height });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth ? [] :
        [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > innerWidth).map((one) => one.outerHTML.slice(0, 120)));
      assert.deepEqual(wide, [], `it is wider than ${width}`);
      await page.evaluate(() => scrollTo(0, 0));
      await shot(page, `${name}-${colorScheme}`);
      await shot(page, `${name}-${colorScheme}-whole`, true);
    }
    if (colorScheme === "light") {
      await page.locator("#list-toggle").press("Enter");
      await axe(page, "on a phone");
      await shot(page, "phone-list");
      await page.locator("#list-toggle").press("Enter");
    }
  }
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  await page.setViewportSize({ width: 1600, height: 1150 });
}

/** The lab goes: the page says so. */
async function theEnd(page) {
  await expecting(page, async () => {
    await service.stop();
    await page.locator("#run").press("Enter");
    await page.locator("#problem", { hasText: "The lab does not answer" }).waitFor();
  });
}

try {
  await service.start();
  const page = await open(service);
  try {
    await step("the beginning", () => theBeginning(page));
    for (const one of LESSONS) await step(one.pillar, () => lesson(page, one));
    await step("one at a time", () => oneAtATime(page));
    await step("progress", () => progress(page));
    await step("strangers", () => strangers(page));
    await step("deep links", () => deepLinks(page));
    await step("looks", () => looks(page));
    await step("the end", () => theEnd(page));
  } catch (problem) {
    await shot(page, "failed");
    troubles.push(problem.stack);
    await service.stop();
  }
} finally {
  await close();
  service.remove();
}
verdict();

// The page in Chromium: every attack is seen on it, a keyboard is enough, axe finds nothing, the policy is never broken.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { join } from "node:path";
import { ATTACKS } from "./attacks.mjs";
import { axe, close, expecting, open, step, troubles, verdict } from "./browser.mjs";
import { Service } from "./service.mjs";

const [program, shots] = process.argv.slice(2);
const service = new Service(program);
// So that a refresh token's reuse can be shown without a wait of ten seconds.
service.environment.REFRESH_GRACE = "1s";
// Nobody works in that hour of every day: whatever changes now changes at night.
const night = (new Date().getUTCHours() + 11) % 23;
service.environment.BUSINESS_HOURS = `mon-sun ${String(night).padStart(2, "0")}:00-${String(night + 1).padStart(2, "0")}:00`;

const shot = (page, name) => page.screenshot({ path: join(shots, `${name}.png`) });
const problem = (page) => page.locator("#door-problem");
const row = (page, text, address = "") => page.locator("#events tbody tr", { hasText: text }).filter({ hasText: address });

/** By keyboard alone: the focus is where one begins. */
async function signIn(page, { email, password }) {
  await page.locator("#email:focus").waitFor();
  await page.keyboard.press("Control+A");
  await page.keyboard.type(email);
  await page.keyboard.press("Tab");
  await page.keyboard.type(password);
  await page.keyboard.press("Enter");
}

const live = (page) => page.locator("#state[data-is=live]").waitFor();

async function theDoor(page, people) {
  await page.goto(`${service.url}/watchtower`);
  await axe(page, "the door");
  await shot(page, "door");
  await expecting(page, async () => {
    await signIn(page, { ...people.admin, password: "not the password of anybody" });
    await problem(page).filter({ hasText: "credentials are not valid" }).waitFor();
  });
  await page.locator("#email").focus();
  await signIn(page, people.victim);
  await problem(page).filter({ hasText: "for administrators" }).waitFor();
  assert.equal(await page.locator("#tower").isVisible(), false);
}

/** A second factor is asked for where there is one; a recovery code is as good. */
async function theSecondFactor(page, people) {
  const { access_token: token } = await service.signIn(people.admin);
  const { json: { secret } } = await service.ask("POST", "/v1/users/me/mfa/totp", { token, body: {} });
  const { json: { recovery_codes } } = await service.ask("POST", "/v1/users/me/mfa/totp/confirm", { token, body: { code: totp(secret) } });
  await signIn(page, people.admin);
  await page.locator("#code:focus").waitFor();
  await expecting(page, async () => {
    await page.keyboard.type("AAAAA-AAAAA");
    await page.keyboard.press("Enter");
    await problem(page).waitFor();
  });
  await page.locator("#code").fill(recovery_codes[0]);
  await page.keyboard.press("Enter");
  await live(page);
}

/** RFC 6238, of now. */
function totp(secret) {
  const bits = [...secret].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const mac = createHmac("sha1", key).update(counter).digest();
  const at = mac.at(-1) & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

async function theAttacks(page, people) {
  for (const attack of ATTACKS) {
    await attack.run(service, people);
    for (const kind of attack.kinds) {
      const seen = row(page, kind, attack.address ?? "").first();
      const there = await seen.waitFor().then(() => true, () => false);
      console.log(`  ${attack.name}: ${kind} ${there ? "is seen" : "is not seen"}`);
      if (!there) troubles.push(`${attack.name} does not show as ${kind}`);
    }
  }
  assert.equal(await row(page, "malicious_", "127.0.0.1").count(), 0, "the page itself is no stranger");
  assert.equal(await page.locator("#alarms-list li").count(), 5);
  assert.match(await page.locator("#announce").textContent(), /^Alarm: /);
  await page.locator("#addresses", { hasText: "203.0.113.10" }).waitFor();
  await page.locator("#chart rect.alarm").first().waitFor();
  await page.locator("#chart rect.warning").first().waitFor();
}

async function filters(page) {
  await page.locator("#addresses button", { hasText: "203.0.113.50" }).click();
  await page.waitForFunction(() => [...document.querySelectorAll("#events tbody tr")].every((row) => row.textContent.includes("203.0.113.50")));
  assert.ok(await row(page, "input_validation_fail").count() >= 4);
  await page.locator("#clear").click();
  await row(page, "authn_login_fail", "203.0.113.10").first().waitFor();
  await page.locator("#f-severity").selectOption("alarm");
  await page.waitForFunction(() => [...document.querySelectorAll("#events tbody tr")].every((row) => row.classList.contains("alarm")));
  await page.locator("#f-severity").selectOption("");
  await expecting(page, async () => {
    await page.locator("#f-user").fill("nobody");
    await page.keyboard.press("Enter");
    await page.locator("#events-problem").waitFor();
  });
  await page.locator("#clear").click();
  await page.locator("#events-problem").waitFor({ state: "hidden" });
  await page.locator("#hours").selectOption("1");
  await page.locator("#chart svg").waitFor();
}

async function pausing(page) {
  await page.locator("#pause").press("Enter");
  const before = await page.locator("#events tbody tr").count();
  await service.ask("POST", "/v1/auth/login", { raw: "{", address: "203.0.113.200" });
  await page.locator("#events-note", { hasText: "1 new" }).waitFor();
  assert.equal(await page.locator("#events tbody tr").count(), before);
  await page.locator("#pause").press("Enter");
  await row(page, "input_validation_fail", "203.0.113.200").waitFor();
}

/** From an event to the end of an account's sessions, by keyboard. */
async function acting(page, people) {
  const { access_token: token } = await service.signIn(people.victim, "198.51.100.77");
  const victims = row(page, "authn_login_fail", "203.0.113.10").first().locator("button");
  await victims.focus();
  await page.keyboard.press("Enter");
  const dialog = page.locator("#detail[open]");
  await dialog.filter({ hasText: /drawbridge why err-\d{4}-\d{2}-[0-9a-z]{12}/ }).waitFor();
  for (let tabs = 0; tabs < 12; tabs += 1) {
    await page.keyboard.press("Tab");
    assert.ok(await page.evaluate(() => document.activeElement === document.body || document.querySelector("#detail").contains(document.activeElement)),
      "the focus has left the dialog");
  }
  await page.getByRole("button", { name: "Look up the account" }).press("Enter");
  await dialog.filter({ hasText: people.victim.email }).waitFor();
  await axe(page, "an event");
  await shot(page, "event");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "End all sessions");
  await page.keyboard.press("Enter");
  await page.locator("#confirm[open]").waitFor();
  await axe(page, "the question");
  // The first choice changes nothing.
  await page.keyboard.press("Enter");
  assert.equal((await service.ask("GET", "/v1/users/me", { token })).status, 200);
  await page.getByRole("button", { name: "End all sessions" }).press("Enter");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.locator("#detail-said", { hasText: "All sessions have been ended." }).waitFor();
  assert.equal((await service.ask("GET", "/v1/users/me", { token })).status, 401);
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  assert.equal(await victims.evaluate((button) => button === document.activeElement), true, "the focus is back where it was");
}

/** The service goes and comes back: the page says so, and nothing of meanwhile is lost. */
async function aCut(page) {
  await expecting(page, async () => {
    await service.stop();
    await page.locator("#state[data-is=cut], #state[data-is=connecting]").first().waitFor();
    await service.start();
    await live(page);
  });
  await row(page, "sys_shutdown").first().waitFor();
  await row(page, "sys_startup").first().waitFor();
  const ids = await page.locator("#events tbody tr").evaluateAll((rows) => rows.map((row) => row.dataset.id));
  assert.equal(new Set(ids).size, ids.length, "nothing stands there twice");
  assert.deepEqual(ids, ids.toSorted().toReversed(), "the newest first");
}

async function looks(page) {
  await page.evaluate(() => scrollTo(0, 0));
  await axe(page, "the tower");
  for (const details of await page.locator("details > summary").all()) await details.click();
  await axe(page, "the tables");
  for (const details of await page.locator("details > summary").all()) await details.click();
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.setViewportSize({ width: 1600, height: 1000 });
    await shot(page, colorScheme);
    await page.setViewportSize({ width: 1360, height: 1560 });
    await page.evaluate(() => { document.activeElement.blur(); scrollTo(0, 0); });
    await shot(page, `whole-${colorScheme}`);
    await page.setViewportSize({ width: 360, height: 780 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth ? [] :
      [...document.querySelectorAll("body *:not(.wide *)")].filter((one) => one.getBoundingClientRect().right > innerWidth).map((one) => one.outerHTML.slice(0, 120)));
    assert.deepEqual(wide, [], "it is wider than a phone");
    await page.screenshot({ path: join(shots, `narrow-${colorScheme}.png`), fullPage: false });
    if (colorScheme === "light") {
      await axe(page, "on a phone");
      await page.locator("#events-title").evaluate((title) => title.scrollIntoView());
      await shot(page, "narrow-events");
      await page.evaluate(() => scrollTo(0, 0));
    }
  }
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  await page.setViewportSize({ width: 1600, height: 1000 });
}

async function leaving(page, people) {
  await page.locator("#sign-out").press("Enter");
  await page.locator("#door").waitFor();
  const text = await page.evaluate(() => document.body.textContent + document.querySelector("#password").value);
  for (const secret of [people.admin.email, people.admin.password, people.victim.email, "203.0.113."]) {
    assert.ok(!text.includes(secret), `${secret} is still there`);
  }
  const colleague = people.colleague;
  await page.locator("#email").focus();
  await signIn(page, colleague);
  await live(page);
  assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length + document.cookie.length), 0);
  await page.reload();
  await page.locator("#door").waitFor();
  assert.equal(await page.locator("#tower").isVisible(), false, "a reload signs out");
  // Whoever is suspended while they watch is shown the door.
  await signIn(page, colleague);
  await live(page);
  await expecting(page, async () => {
    await service.command("user", "set-role", "--email", colleague.email, "--role", "user");
    await problem(page).waitFor({ timeout: 15_000 });
  });
}

try {
  await service.start();
  const people = {};
  for (const [name, role] of [["victim", "user"], ["insider", "user"], ["admin", "admin"], ["colleague", "admin"]]) {
    people[name] = await service.account(name, role);
  }
  const page = await open(service);
  try {
    await step("the door", () => theDoor(page, people));
    await step("the second factor", () => theSecondFactor(page, people));
    await step("the attacks", () => theAttacks(page, people));
    await step("filters", () => filters(page));
    await step("pause", () => pausing(page));
    await step("acting", () => acting(page, people));
    await step("looks", () => looks(page));
    await step("a cut", () => aCut(page));
    await step("leaving", () => leaving(page, people));
  } catch (problem) {
    await shot(page, "failed");
    troubles.push(problem.stack);
  }
} finally {
  await close();
  await service.stop();
  service.remove();
}
verdict();

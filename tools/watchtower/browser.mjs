// A page in Chromium, watched: whatever its console says, whatever its policy refuses, whatever it asks of another host, and
// whatever axe finds is a trouble.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const troubles = [];
let browser;

/** A page of the service, whose every complaint is kept. */
export async function open(service) {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  const context = await browser.newContext({ viewport: { width: 1600, height: 1000 }, colorScheme: "light", reducedMotion: "reduce" });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  page.on("pageerror", (error) => troubles.push(`error: ${error.stack}`));
  page.on("console", (message) => {
    // The browser itself notes every answer of 400 and more, and every connection that was refused.
    const answered = /^Failed to load resource/.test(message.text()) && page.expects;
    if (["error", "warning"].includes(message.type()) && !answered) troubles.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(service.url) && !request.url().startsWith("data:")) troubles.push(`asked elsewhere: ${request.url()}`);
  });
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
  });
  return page;
}

/** While something is meant to be refused. */
export async function expecting(page, doing) {
  page.expects = true;
  await doing();
  page.expects = false;
}

/** Light and dark. */
export async function axe(page, what) {
  await page.evaluate(AXE);
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const { violations, passes } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
    for (const { id, help, nodes } of violations) {
      troubles.push(`axe, ${what}, ${colorScheme}: ${id}: ${help}: ${nodes.map((node) => node.target.join(" ")).slice(0, 4).join(", ")}`);
    }
    console.log(`  axe, ${what}, ${colorScheme}: ${violations.length} violations, ${passes.length} rules passed`);
  }
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
}

export async function step(name, doing) {
  const begun = Date.now();
  console.log(name);
  await doing();
  console.log(`  ${((Date.now() - begun) / 1000).toFixed(1)} s`);
}

/** The end: what there was to complain of is the verdict. */
export async function close() {
  await browser?.close();
}

export function verdict() {
  console.log(troubles.length ? `\n${troubles.join("\n")}` : "\nnothing to complain of");
  process.exitCode = troubles.length ? 1 : 0;
}

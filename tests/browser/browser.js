// Chromium, and what every page is held to: no error, no violation of the content security policy, nothing cut off.

import { existsSync, mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const candidates = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const executablePath = candidates.find((path) => path && existsSync(path));

export const artifacts = process.env.TEST_ARTIFACTS
  ?? fileURLToPath(new URL("../../test-artifacts/screenshots/", import.meta.url));
mkdirSync(artifacts, { recursive: true });

export const desktop = { width: 1280, height: 800 };
export const phone = { width: 390, height: 844 };

export async function launch() {
  if (!executablePath) throw new Error("no Chromium found; `apt-get install chromium`, or name it in CHROMIUM");
  // The tests run as root in containers, where Chromium's sandbox cannot.
  return chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });
}

/** A page that collects what went wrong on it in `page.faults`. */
export async function open(browser, options = {}) {
  const context = await browser.newContext({ viewport: desktop, deviceScaleFactor: 1, reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  page.faults = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") page.faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => page.faults.push(`script: ${error.message}`));
  page.on("requestfailed", (request) => {
    // The icon is fetched after the page has loaded; going on to the next page aborts it.
    if (!request.url().includes("/favicon.svg")) page.faults.push(`request: ${request.url()} ${request.failure()?.errorText}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) page.faults.push(`answer: ${response.status()} ${response.url()}`);
  });
  return page;
}

/** What sticks out of the page sideways: the body must not scroll, only boxes made for it. */
export function overflow(page) {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    const scrolls = (element) => element && element !== document.body
      && (["auto", "scroll", "hidden"].includes(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
    const culprits = [...document.body.querySelectorAll("*")]
      .filter((element) => element.getBoundingClientRect().right > width + 1 && !scrolls(element.parentElement))
      .slice(0, 5)
      .map((element) => `${element.tagName.toLowerCase()}.${element.getAttribute("class") ?? ""}: ${element.textContent.trim().slice(0, 40)}`);
    return [`the page is ${document.documentElement.scrollWidth} wide`, ...culprits];
  });
}

export function fileName(path) {
  return path === "/" ? "overview" : path.replace(/^\//, "").replace(/[^a-z0-9]+/gi, "-").slice(0, 60);
}

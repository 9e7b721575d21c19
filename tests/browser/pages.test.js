// Every page of a running service in a real browser: desktop and phone, light and dark, with and without scripts.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, test } from "node:test";
import { artifacts, desktop, fileName, launch, open, overflow, phone } from "./browser.js";
import { findPages, sections, signIn, url } from "./service.js";

const axe = createRequire(import.meta.url)("axe-core").source;

const browser = await launch();
after(() => browser.close());
const state = await signIn(browser);
const pages = await findPages(browser, state);

const looks = [
  { name: "desktop-light", viewport: desktop, colorScheme: "light" },
  { name: "desktop-dark", viewport: desktop, colorScheme: "dark" },
  { name: "phone-light", viewport: phone, colorScheme: "light" },
  { name: "phone-dark", viewport: phone, colorScheme: "dark" },
];

for (const look of looks) {
  test(`every page is whole: ${look.name}`, async (t) => {
    const page = await open(browser, { storageState: state, viewport: look.viewport, colorScheme: look.colorScheme });
    for (const path of pages) {
      await t.test(path, async () => {
        page.faults.length = 0;
        const answer = await page.goto(url + path);
        assert.equal(answer.status(), 200);
        assert.equal(await page.locator("h1").count(), 1, "one heading of the first level");
        assert.ok((await page.locator("h1").innerText()).trim(), "the heading says something");
        await page.screenshot({ path: join(artifacts, `${fileName(path)}-${look.name}.png`), fullPage: true });
        assert.deepEqual(await overflow(page), [], "nothing sticks out sideways");
        assert.deepEqual(page.faults, [], "no error in the console, no refused or failed request");
      });
    }
    await page.context().close();
  });
}

for (const look of [looks[0], looks[3]]) {
  test(`every page is accessible: ${look.name}`, async (t) => {
    const page = await open(browser, { storageState: state, viewport: look.viewport, colorScheme: look.colorScheme });
    for (const path of pages) {
      await t.test(path, async () => {
        await page.goto(url + path);
        await page.evaluate(axe);
        const violations = await page.evaluate(async () => {
          const result = await globalThis.axe.run(document, { resultTypes: ["violations"] });
          return result.violations.map(({ id, help, nodes }) =>
            `${id}: ${help}: ${nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`).join(" | ")}`);
        });
        assert.deepEqual(violations, []);
      });
    }
    await page.context().close();
  });
}

test("every page works without scripts", async (t) => {
  const page = await open(browser, { storageState: state, javaScriptEnabled: false });
  for (const path of pages) {
    await t.test(path, async () => {
      page.faults.length = 0;
      const answer = await page.goto(url + path);
      assert.equal(answer.status(), 200);
      assert.ok((await page.locator("h1").innerText()).trim());
      assert.deepEqual(page.faults, []);
    });
  }
  await page.context().close();
});

test("the navigation leads to every section and says where one is", async () => {
  const page = await open(browser, { storageState: state });
  await page.goto(url);
  const links = await page.locator("#navigation a").evaluateAll((all) => all.map((link) => link.getAttribute("href")));
  assert.deepEqual([...links].sort(), [...sections].sort());
  for (const href of links) {
    await page.locator(`#navigation a[href="${href}"]`).click();
    assert.equal(new URL(page.url()).pathname, href);
    assert.equal(await page.locator("#navigation [aria-current]").getAttribute("href"), href);
  }
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("every link of a section leads somewhere", async () => {
  const page = await open(browser, { storageState: state });
  const seen = new Set();
  for (const path of sections) {
    await page.goto(url + path);
    const links = await page.$$eval("main a[href]", (all) => all.map((link) => link.getAttribute("href")));
    for (const link of links.filter((href) => href.startsWith("/") || href.startsWith("?"))) {
      seen.add(new URL(link, url + path).href.split("#")[0]);
    }
  }
  const broken = [];
  for (const address of [...seen].slice(0, 400)) {
    const answer = await page.request.get(address, { maxRedirects: 3 });
    if (answer.status() >= 400) broken.push(`${answer.status()} ${address}`);
  }
  assert.deepEqual(broken, []);
  await page.context().close();
});

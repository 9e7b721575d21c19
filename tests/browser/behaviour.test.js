// What a person does besides reading: signing in, the keyboard, the menu on a phone, the theme, a page that is not there.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { launch, open, phone } from "./browser.js";
import { password, signIn, url, username } from "./service.js";

const browser = await launch();
after(() => browser.close());

test("whoever is signed out is asked to sign in and comes to the page they wanted", async () => {
  const page = await open(browser);
  await page.goto(`${url}/findings?severity=critical`);
  assert.equal(new URL(page.url()).pathname, "/sign-in");
  await page.getByLabel("Name").fill(username);
  await page.getByLabel("Password").fill("not the password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").waitFor();
  await page.getByLabel("Name").fill(username);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${url}/findings?severity=critical`);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.goto(`${url}/findings`);
  assert.equal(new URL(page.url()).pathname, "/sign-in", "signed out means out");
  await page.context().close();
});

const state = await signIn(browser);

test("the keyboard reaches the content first", async () => {
  const page = await open(browser, { storageState: state });
  await page.goto(url);
  await page.keyboard.press("Tab");
  const link = page.locator(":focus");
  assert.equal(await link.innerText(), "Skip to content");
  assert.ok((await link.boundingBox()).y >= 0, "it is seen when it has the focus");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "main");
  await page.context().close();
});

test("the menu opens on a phone, with and without scripts", async () => {
  for (const javaScriptEnabled of [true, false]) {
    const page = await open(browser, { storageState: state, viewport: phone, javaScriptEnabled });
    await page.goto(url);
    const findings = page.locator("#navigation").getByRole("link", { name: "Findings" });
    assert.equal(await findings.isVisible(), false);
    await page.getByRole("button", { name: "Menu" }).click();
    await findings.click();
    assert.equal(new URL(page.url()).pathname, "/findings");
    await page.context().close();
  }
});

test("a chosen theme is kept", async () => {
  const page = await open(browser, { storageState: state, colorScheme: "light" });
  await page.goto(url);
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await page.getByRole("button", { name: "Dark theme" }).click();
  const dark = await ground();
  assert.notEqual(dark, light);
  await page.goto(`${url}/findings`);
  assert.equal(await ground(), dark);
  await page.context().close();
});

test("what is not there is a page that says so", async () => {
  const page = await open(browser, { storageState: state });
  const answer = await page.goto(`${url}/findings/999999999`);
  assert.equal(answer.status(), 404);
  assert.equal(await page.locator("h1").innerText(), "Not found");
  await page.getByRole("link", { name: "Go to the overview" }).click();
  assert.equal(new URL(page.url()).pathname, "/");
  await page.context().close();
});

test("pages forbid inline styles and scripts, and assets are kept by the browser", async () => {
  const page = await open(browser, { storageState: state });
  const answer = await page.goto(url);
  assert.match(answer.headers()["content-security-policy"] ?? "", /default-src 'self'/);
  const sheet = await page.locator("link[rel=stylesheet]").getAttribute("href");
  const asset = await page.request.get(url + sheet);
  assert.match(asset.headers()["cache-control"], /immutable/);
  await page.context().close();
});

// The service under test: where it is, how to sign in, which pages it has.

import { open } from "./browser.js";

export const url = process.env.LAKEWARDEN_URL?.replace(/\/$/, "");
export const username = process.env.LAKEWARDEN_USERNAME ?? "admin";
export const password = process.env.LAKEWARDEN_PASSWORD;

if (!url || !password) {
  throw new Error("name a running service in LAKEWARDEN_URL and its administrator in LAKEWARDEN_USERNAME, LAKEWARDEN_PASSWORD");
}

/** The pages of the navigation, which must all exist. */
export const sections = [
  "/", "/isolation", "/findings", "/policies", "/datasets", "/jobs", "/lineage", "/catalog", "/access", "/quality", "/cost",
  "/ownership", "/sources", "/deliveries",
];

/** Signs in through the page, as a person does; the returned state opens further contexts. */
export async function signIn(browser) {
  const page = await open(browser);
  await page.goto(`${url}/sign-in`);
  await page.getByLabel("Name").fill(username);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  const state = await page.context().storageState();
  await page.context().close();
  return state;
}

/** One address for each kind of page: the sections, and the first of each kind of link found on them, two steps deep. */
export async function findPages(browser, state) {
  const page = await open(browser, { storageState: state });
  const kinds = new Map(sections.map((path) => [kind(path), path]));
  const found = [...sections, "/access?by=principals"];
  for (let index = 0; index < found.length && index < 80; index += 1) {
    const answer = await page.goto(url + found[index]);
    if (!answer?.headers()["content-type"]?.startsWith("text/html")) continue;
    const links = await page.$$eval("main a[href], main a", (anchors) =>
      anchors.map((anchor) => anchor.getAttribute("href")).filter((href) => href?.startsWith("/")));
    for (const link of links) {
      const path = link.split("#")[0];
      // What is downloaded is no page.
      if (!path || /^\/(api|assets|sign-out)\b/.test(path) || /\.(csv|json|pdf)(\?|$)/.test(path)) continue;
      if (!kinds.has(kind(path))) {
        kinds.set(kind(path), path);
        found.push(path);
      }
    }
  }
  await page.context().close();
  return found;
}

/** Pages below a section that are no id. */
const pageNames = new Set(["datasets", "tables", "grants", "lines", "restatements", "principals", "classes"]);

/** `/findings/7` and `/findings/8` are one kind of page. */
function kind(path) {
  // A filtered list is the same page as the list.
  const parts = path.split("?")[0].split("/");
  const isId = (part, index) => index >= 2 && !pageNames.has(part) && (index === parts.length - 1 || /\d/.test(part));
  return parts.map((part, index) => (isId(part, index) ? "{id}" : part)).join("/");
}

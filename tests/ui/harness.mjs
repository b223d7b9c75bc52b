// One daemon for a file of tests, one browser for each test, and after each the question whether the page did what it must not.
import assert from "node:assert/strict";
import { after, afterEach, before } from "node:test";
import { openBrowser } from "./browser.mjs";
import { daemonUnderTest } from "./daemon.mjs";

export { phone, signIn } from "./browser.mjs";
export { isReal } from "./daemon.mjs";

/** Of the test that runs now; live bindings. */
export let daemon;
export let browser;
export let page;

export function eachTestInItsOwnBrowser() {
  before(async () => {
    daemon = await daemonUnderTest({ traffic: false });
  });
  after(async () => {
    await daemon.stop();
  });
  afterEach(async () => {
    const wrong = browser?.wrong.seen ?? [];
    await browser?.close();
    browser = undefined;
    assert.deepEqual(wrong, [], "the page did what it must not");
  });
}

export async function open(options) {
  browser = await openBrowser(daemon.url, options);
  page = browser.page;
}

export async function submit(kind, payload) {
  await page.getByRole("button", { name: "Submit a job" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.locator(`input[value="${kind}"]`).check();
  await dialog.getByLabel("Payload", { exact: true }).fill(payload);
  await dialog.getByRole("button", { name: "Submit", exact: true }).click();
}

/** The row of the job just submitted, by the id that the page says: the daemon may hold others. */
export async function submittedRow() {
  const link = await page.getByRole("link", { name: "Open it" }).last().getAttribute("href");
  return page.locator(`tr[data-job="${link.split("/").at(-1)}"]`);
}

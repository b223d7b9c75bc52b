// The page beside a daemon that goes and comes back, and what it shows of changes that it did not make itself.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { openBrowser, signIn } from "./browser.mjs";
import { killableDaemon } from "./killable_daemon.mjs";

let daemon;
let browser;

before(async () => {
  daemon = await killableDaemon();
});
after(() => daemon.stop());
afterEach(async () => {
  const wrong = browser?.wrong.seen ?? [];
  await browser?.close();
  browser = undefined;
  assert.deepEqual(wrong, [], "the page did what it must not");
});

async function opened() {
  browser = await openBrowser(daemon.url);
  await signIn(browser.page, daemon);
  return browser.page;
}

/** Something else than the page asks the daemon, with the page's session. */
async function ask(page, method, path, body) {
  const answer = await page.context().request.fetch(daemon.url + path, {
    method,
    headers: {
      "X-Millrace-Request": "1",
      Origin: daemon.url,
      "Content-Type": "application/json",
    },
    ...(body && { data: JSON.stringify(body) }),
  });
  assert.ok(answer.ok(), `${path} answered ${answer.status()}`);
  return answer.status() === 204 ? undefined : answer.json();
}

const submit = async (page, kind, payload) => (await ask(page, "POST", "/api/v1/jobs", { kind, payload })).id;
const row = (page, id, state) => page.locator(`tr[data-job="${id}"] [data-state="${state}"]`);
const banner = (page) => page.getByText("No connection to the daemon");
const streaming = (page) => page.waitForResponse((response) => response.url().includes("/events/stream"));
/** Of the element, as it is painted: whether anything has taken its colour. */
const isGrey = (page) => page.evaluate(() => getComputedStyle(document.querySelector("main")).filter !== "none");

describe("the page", () => {
  test("shows within a second what others do, and asks for nothing while nothing happens", async () => {
    const page = await opened();
    await page.goto(`${daemon.url}/jobs`);
    await page.getByRole("heading", { name: "Jobs", exact: true }).waitFor();
    await page.waitForTimeout(2000);
    const asked = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    await page.waitForTimeout(3000);
    assert.deepEqual(asked, []);
    const id = await submit(page, "sleep", { seconds: 0.5 });
    const begin = Date.now();
    await row(page, id, "running")
      .or(row(page, id, "succeeded"))
      .waitFor({ timeout: 3000 });
    const shown = Date.now() - begin;
    await row(page, id, "succeeded").waitFor({ timeout: 3000 });
    console.log(`shown after ${shown} ms, ended on screen after ${Date.now() - begin} ms`);
  });

  test("says that the daemon is gone, shows nothing green, and is true again when it is back", async () => {
    const page = await opened();
    browser.wrong.expectStatus("network");
    await page.getByText("ready", { exact: true }).first().waitFor();
    await daemon.disappear();
    await banner(page).waitFor({ timeout: 5000 });
    await page.getByText(/What you see is [2-9] s old/).waitFor();
    assert.equal(await page.getByText("ready", { exact: true }).count(), 0, "what was true is not said of now");
    assert.ok(await isGrey(page));
    await page.waitForTimeout(4000); // its tries are seldom by now
    await daemon.reappear();
    const begin = Date.now();
    await banner(page).waitFor({ state: "detached", timeout: 10_000 });
    await page.getByText("ready", { exact: true }).first().waitFor();
    console.log(`back on screen ${Date.now() - begin} ms after the daemon`);
    assert.ok(!(await isGrey(page)));
    const id = await submit(page, "echo", {});
    await row(page, id, "succeeded").waitFor({ timeout: 3000 });
  });

  test("reads afresh when a tab is looked at again", async () => {
    const page = await opened();
    await page.goto(`${daemon.url}/jobs`);
    await page.getByRole("heading", { name: "Jobs", exact: true }).waitFor();
    const hide = (hidden) =>
      page.evaluate((value) => {
        Object.defineProperty(document, "hidden", {
          configurable: true,
          get: () => value,
        });
        document.dispatchEvent(new Event("visibilitychange"));
      }, hidden);
    await page.waitForTimeout(500);
    await hide(true);
    const id = await submit(page, "echo", {});
    await page.waitForTimeout(1500);
    assert.equal(await page.locator(`tr[data-job="${id}"]`).count(), 0, "a hidden tab asks for nothing");
    const again = streaming(page);
    await hide(false);
    await again;
    await row(page, id, "succeeded").waitFor({ timeout: 3000 });
  });

  test("tells times by the daemon's clock, when its own is an hour off", async () => {
    browser = await openBrowser(daemon.url);
    await browser.page.addInitScript(() => {
      const now = Date.now;
      Date.now = () => now() - 3_600_000;
    });
    await signIn(browser.page, daemon);
    const id = await submit(browser.page, "echo", {});
    await row(browser.page, id, "succeeded").waitFor();
    await browser.page
      .locator(`tr[data-job="${id}"]`)
      .getByText(/just now|[0-9] s ago/)
      .first()
      .waitFor();
  });

  test("two tabs show the same", async () => {
    const first = await opened();
    const second = await first.context().newPage();
    for (const page of [first, second]) await page.goto(`${daemon.url}/jobs`);
    const id = await submit(first, "sleep", { seconds: 1 });
    for (const page of [first, second]) await row(page, id, "succeeded").waitFor({ timeout: 8000 });
  });
});

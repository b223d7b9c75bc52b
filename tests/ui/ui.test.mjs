// What a person does with the page, in a real browser.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { after, afterEach, before, describe, test } from "node:test";
import { openBrowser, phone, signIn } from "./browser.mjs";
import { daemonUnderTest, isReal } from "./daemon.mjs";

const samples = fileURLToPath(new URL("../data/digits/samples/", import.meta.url));
const patch = fileURLToPath(new URL("../data/land_cover/patch.npy", import.meta.url));

let daemon;
let browser;
let page;

before(async () => { daemon = await daemonUnderTest({ traffic: false }); });
after(async () => { await daemon.stop(); });

async function open(options) {
  browser = await openBrowser(daemon.url, options);
  page = browser.page;
}

afterEach(async () => {
  const wrong = browser?.wrong.seen ?? [];
  await browser?.close();
  browser = undefined;
  assert.deepEqual(wrong, [], "the page did what it must not");
});

const tile = async (name) => Number((await page.locator(`[data-tile="${name}"]`).innerText()).replace(/[^\d.]/g, ""));

async function submit(kind, payload) {
  await page.getByRole("button", { name: "Submit a job" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.locator(`input[value="${kind}"]`).check();
  await dialog.getByLabel("Payload", { exact: true }).fill(payload);
  await dialog.getByRole("button", { name: "Submit", exact: true }).click();
}

/** The row of the job just submitted, by the id that the page says: the daemon may hold others. */
async function submittedRow() {
  const link = await page.getByRole("link", { name: "Open it" }).last().getAttribute("href");
  return page.locator(`tr[data-job="${link.split("/").at(-1)}"]`);
}

describe("signing in", () => {
  test("a wrong key is refused in words and the right one opens the overview", async () => {
    await open();
    await page.goto(`${daemon.url}/`);
    await page.getByLabel("Key").fill("mr_0197a3c25d1f7c3e8a40f2b6d9e01c55_d3Jvbmc");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("This key is not valid here").waitFor();
    await page.getByLabel("Key").fill(daemon.key);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "Overview" }).waitFor();
  });

  test("after signing out nothing is shown, not by going back either", async () => {
    await open();
    await signIn(page, daemon);
    await page.goto(`${daemon.url}/jobs`);
    await page.getByRole("heading", { name: "Jobs", exact: true }).waitFor();
    await page.getByRole("button", { name: "Sign out" }).last().click();
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    await page.goBack();
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    assert.equal(await page.getByRole("heading", { name: "Overview" }).count(), 0);
  });
});

describe("a session that ends", () => {
  test("leads back to the key with the reason, and on to where one was", async () => {
    await open();
    await signIn(page, daemon);
    await page.goto(`${daemon.url}/models`);
    await page.locator("[data-model]").first().waitFor();
    await page.context().clearCookies();
    await page.getByText("Your session ended").waitFor();
    await page.getByLabel("Key").fill(daemon.key);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Models" }).waitFor();
  });
});

describe("the overview", () => {
  test("its numbers move with the work and the worker is named", async () => {
    await open();
    await signIn(page, daemon);
    await page.locator('[data-worker="ready"]').waitFor({ timeout: 30_000 });
    await page.getByText(/libtorch/).first().waitFor();
    await page.evaluate(async () => {
      for (let number = 0; number < 40; number += 1) {
        const answer = await fetch("/api/v1/jobs", {
          method: "POST",
          headers: { "Content-Type": "application/json", "X-Millrace-Request": "1" },
          body: JSON.stringify({ kind: "sleep", payload: { seconds: 0.2 } }),
        });
        if (answer.status !== 202) throw new Error(`submitting answered ${answer.status}`);
      }
    });
    await page.waitForFunction(() => {
      const number = (name) => Number(document.querySelector(`[data-tile="${name}"]`)?.textContent?.replace(/[^\d.]/g, ""));
      return number("Submitted") > 0 && number("Finished") > 0;
    });
    assert.ok((await page.locator(".sparkline .series-line").first().getAttribute("d")).includes("L"));
    await page.waitForFunction(() => Number(document.querySelector('[data-tile="Running"]')?.textContent) === 0, undefined, { timeout: 30_000 });
    assert.equal(await tile("Queued"), 0);
  });
});

describe("jobs", () => {
  test("an echo job is submitted, seen to succeed without a reload, and opened", async () => {
    await open();
    await signIn(page, daemon);
    await page.getByRole("link", { name: "Jobs", exact: true }).click();
    await submit("echo", '{"greeting": "grüß dich", "n": 42}');
    await page.getByText(/Job …[0-9a-f]{8} is/).waitFor();
    const row = await submittedRow();
    await row.locator('[data-state="succeeded"]').waitFor();
    await row.getByRole("link").click();
    await page.locator('.page-title [data-state="succeeded"]').waitFor();
    await page.getByRole("region", { name: "result" }).getByText("grüß dich").waitFor();
    assert.ok((await page.locator(".timeline-event").count()) >= 2);
  });

  test("a payload that is not JSON is caught before it is sent", async () => {
    await open();
    await signIn(page, daemon);
    await page.goto(`${daemon.url}/jobs`);
    await submit("echo", "{not json");
    await page.getByText("This is not JSON").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
  });

  test("a sleeping job is cancelled, and a job that always fails is dead with its reason", async () => {
    await open();
    await signIn(page, daemon);
    await page.goto(`${daemon.url}/jobs`);
    await submit("sleep", '{"seconds": 60}');
    const sleeping = await submittedRow();
    await sleeping.locator('[data-state="running"]').waitFor();
    await sleeping.getByRole("link").click();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.locator('.page-title [data-state="cancelled"]').waitFor();

    await page.goto(`${daemon.url}/jobs`);
    await page.getByRole("button", { name: "Submit a job" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.locator('input[value="sleep"]').check();
    await dialog.getByLabel("Payload", { exact: true }).fill('{"seconds": 0, "fail_times": 3}');
    await dialog.getByLabel("Attempts").fill("1");
    await dialog.getByRole("button", { name: "Submit", exact: true }).click();
    const row = await submittedRow();
    await row.locator('[data-state="dead"]').waitFor();
    await row.getByRole("link").click();
    await page.locator(".failure").first().waitFor();
    await page.getByRole("button", { name: "Retry" }).waitFor();
  });

  test("the filters are in the address and hold after a reload", async () => {
    await open();
    await signIn(page, daemon);
    await page.goto(`${daemon.url}/jobs`);
    await page.getByLabel("State").selectOption("cancelled");
    await page.getByLabel("Kind").selectOption("sleep");
    await page.locator('tr[data-job] [data-state="cancelled"]').first().waitFor();
    await page.reload();
    await page.locator('tr[data-job] [data-state="cancelled"]').first().waitFor();
    assert.equal(await page.locator('tr[data-job] [data-state="succeeded"]').count(), 0);
    assert.match(page.url(), /state=cancelled/);
  });

  test("older jobs are loaded on request and stay while newer ones arrive", async () => {
    await open();
    await signIn(page, daemon);
    await page.evaluate(async () => {
      for (let number = 0; number < 70; number += 1) {
        await fetch("/api/v1/jobs", {
          method: "POST", headers: { "Content-Type": "application/json", "X-Millrace-Request": "1" },
          body: JSON.stringify({ kind: "echo", payload: { number } }),
        });
      }
    });
    await page.goto(`${daemon.url}/jobs`);
    await page.locator("tr[data-job]").nth(49).waitFor();
    await page.getByRole("button", { name: "Load more" }).click();
    await page.locator("tr[data-job]").nth(69).waitFor();
    await page.waitForTimeout(2000);
    assert.ok((await page.locator("tr[data-job]").count()) >= 70);
  });

  test("an unknown job is said to be unknown", async () => {
    await open();
    browser.wrong.expectStatus(404);
    await signIn(page, daemon);
    await page.goto(`${daemon.url}/jobs/0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55`);
    await page.getByRole("heading", { name: "No such job" }).waitFor();
  });
});

describe("models", () => {
  test("both models are listed with their accuracy", async () => {
    await open();
    await signIn(page, daemon);
    await page.getByRole("link", { name: "Models", exact: true }).click();
    await page.locator('[data-model="digits"]').getByText(/% of 360 held out/).waitFor();
    await page.locator('[data-model="land_cover"]').getByRole("link", { name: "land_cover" }).click();
    await page.getByText("artificial surface").first().waitFor();
  });

  test("a digit's picture gets its label and bars, as an answer and as a job", async () => {
    await open();
    await signIn(page, daemon);
    await page.goto(`${daemon.url}/try/digits`);
    for (const name of readdirSync(samples).filter((each) => /^digit-[037]-/.test(each))) {
      await page.locator("[data-drop]").setInputFiles(samples + name);
      await page.locator("[data-result-label]").filter({ hasText: new RegExp(`^${name.split("-")[1]}$`) }).waitFor();
      await page.locator(".preview-name").filter({ hasText: name }).waitFor();
    }
    assert.equal(await page.locator(".bars li").count(), 3);
    await page.getByRole("button", { name: "Submit as a job" }).click();
    await page.locator('.page-title [data-state="succeeded"]').waitFor();
    await page.locator("[data-result-label]").filter({ hasText: /^7$/ }).waitFor();
  });

  test("a drawn stroke is asked about as a picture of the model's size", async () => {
    await open();
    await signIn(page, daemon);
    await page.goto(`${daemon.url}/try/digits`);
    const box = await page.locator(".drawing-pad").boundingBox();
    await page.mouse.move(box.x + 64, box.y + 16);
    await page.mouse.down();
    await page.mouse.move(box.x + 64, box.y + 112, { steps: 12 });
    await page.mouse.up();
    await page.locator("[data-result-label]").waitFor();
    await page.getByText("8 × 8 pixels").waitFor();
    if (isReal) assert.equal(await page.locator("[data-result-label]").innerText(), "1");
  });

  test("a file that is no image is refused in words and the page goes on", async () => {
    await open();
    for (const status of [400, 415, 422]) browser.wrong.expectStatus(status);
    await signIn(page, daemon);
    await page.goto(`${daemon.url}/try/digits`);
    await page.locator("[data-drop]").setInputFiles({ name: "liar.png", mimeType: "image/png", buffer: Buffer.from("this is no picture") });
    await page.locator(".output .failure").waitFor();
    const good = readdirSync(samples).find((each) => each.startsWith("digit-4-"));
    await page.locator("[data-drop]").setInputFiles(samples + good);
    await page.locator("[data-result-label]").filter({ hasText: /^4$/ }).waitFor();
  });

  test("a satellite series gets a map in its legend's colours and shares that add up", async () => {
    await open();
    await signIn(page, daemon);
    await page.goto(`${daemon.url}/try/land_cover`);
    await page.locator("[data-drop]").setInputFiles(patch);
    await mapIsWhole();
  });

  test("the example that the daemon brings along runs at one press", async () => {
    await open();
    await signIn(page, daemon);
    await page.goto(`${daemon.url}/try/land_cover`);
    await page.getByRole("button", { name: "Run the satellite example" }).click();
    await mapIsWhole();
    await page.getByRole("button", { name: /^digits/ }).click();
    await page.locator("[data-example]").first().click();
    await page.locator("[data-result-label]").waitFor();
  });

  async function mapIsWhole() {
    await page.locator('.map-canvas[data-drawn="yes"]').waitFor();
    await page.locator(".season canvas").waitFor();
    const shares = await page.locator(".legend b").allInnerTexts();
    const sum = shares.reduce((total, text) => total + (Number.parseFloat(text) || 0), 0);
    assert.ok(Math.abs(sum - 100) < 0.5, `the shares add up to ${sum}`);
    const drawn = await page.evaluate(() => {
      const canvas = document.querySelector(".map-canvas");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const colors = [...document.querySelectorAll(".legend-color")].map((each) => getComputedStyle(each).backgroundColor);
      let inLegend = 0;
      for (let at = 0; at < data.length; at += 4) {
        if (colors.includes(`rgb(${data[at]}, ${data[at + 1]}, ${data[at + 2]})`)) inLegend += 1;
      }
      return inLegend / (data.length / 4);
    });
    assert.equal(drawn, 1, "every pixel has a colour of the legend");
    const box = await page.locator(".map-canvas").boundingBox();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.getByText(/column \d+, row \d+/).waitFor();
  }
});

describe("keys", () => {
  test("a key is shown once, listed without its secret, and revoked", async () => {
    await open();
    await signIn(page, daemon);
    await page.getByRole("link", { name: "Keys", exact: true }).click();
    await page.getByRole("button", { name: "Create a key" }).click();
    const name = `browser test ${Date.now()}`;
    await page.getByRole("dialog").getByLabel("Name").fill(name);
    await page.getByRole("button", { name: "Create", exact: true }).click();
    const secret = await page.locator("[data-new-key]").innerText();
    assert.match(secret, /^mr_/);
    await page.getByRole("button", { name: "I have copied it" }).click();
    const row = page.locator(`[data-key="${name}"]`);
    await row.getByRole("button", { name: "Revoke" }).click();
    assert.ok(!(await page.content()).includes(secret));
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await page.getByText(`The key “${name}” is revoked`).waitFor();
    await page.waitForFunction((wanted) => {
      const cells = document.querySelector(`[data-key="${wanted}"]`);
      return !cells || cells.textContent.includes("revoked");
    }, name);
  });
});

describe("the page itself", () => {
  test("light and dark follow the system, the toggle overrides and is remembered", async () => {
    await open({ colorScheme: "dark" });
    await signIn(page, daemon);
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await background();
    await page.getByRole("button", { name: "Use the light theme" }).last().click();
    const light = await background();
    assert.notEqual(dark, light);
    await page.reload();
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    assert.equal(await background(), light);
    await page.getByRole("button", { name: "Use the dark theme" }).last().click();
    assert.equal(await background(), dark);
  });

  test("on a phone nothing is wider than the screen", async () => {
    await open({ viewport: phone });
    await signIn(page, daemon);
    for (const path of ["/", "/jobs", "/models", "/models/land_cover", "/try/digits", "/try/land_cover", "/keys"]) {
      await page.goto(daemon.url + path);
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.waitForTimeout(400);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(overflow <= 0, `${path} is ${overflow} pixels too wide`);
    }
  });

  test("the whole way to a submitted job works with the keyboard alone", async () => {
    await open();
    await signIn(page, daemon);
    await page.getByRole("link", { name: "Jobs", exact: true }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Submit a job" }).focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog");
    await dialog.waitFor();
    assert.ok(await page.evaluate(() => document.querySelector("dialog").contains(document.activeElement)));
    await dialog.getByRole("button", { name: "Submit", exact: true }).focus();
    await page.keyboard.press("Enter");
    await page.getByText(/Job …[0-9a-f]{8} is/).waitFor();
  });

  test("a daemon that goes away is said to be gone, and the page goes on when it is back", { skip: isReal }, async () => {
    await open();
    browser.wrong.expectStatus("network");
    await signIn(page, daemon);
    await daemon.disappear();
    await page.getByText("Connection to the daemon lost").waitFor();
    await daemon.reappear();
    await page.getByRole("button", { name: "Retry now" }).click();
    await page.getByText("Connection to the daemon lost").waitFor({ state: "detached" });
  });
});

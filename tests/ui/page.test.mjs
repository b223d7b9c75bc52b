// What a person does with the page, in a real browser: signing in, the overview, keys, the page itself.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { daemon, eachTestInItsOwnBrowser, isReal, open, page, browser, phone, signIn } from "./harness.mjs";

eachTestInItsOwnBrowser();

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

const tile = async (name) => Number((await page.locator(`[data-tile="${name}"]`).innerText()).replace(/[^\d.]/g, ""));

describe("the overview", () => {
  test("its numbers move with the work and the worker is named", async () => {
    await open();
    await signIn(page, daemon);
    await page.locator('[data-worker="ready"]').waitFor({ timeout: 30_000 });
    await page
      .getByText(/libtorch/)
      .first()
      .waitFor();
    await page.evaluate(async () => {
      for (let number = 0; number < 40; number += 1) {
        const answer = await fetch("/api/v1/jobs", {
          method: "POST",
          headers: {
            "Content-Type": "application/json",
            "X-Millrace-Request": "1",
          },
          body: JSON.stringify({ kind: "sleep", payload: { seconds: 0.2 } }),
        });
        if (answer.status !== 202) throw new Error(`submitting answered ${answer.status}`);
      }
    });
    await page.waitForFunction(() => {
      const number = (name) =>
        Number(document.querySelector(`[data-tile="${name}"]`)?.textContent?.replace(/[^\d.]/g, ""));
      return number("Submitted") > 0 && number("Finished") > 0;
    });
    assert.ok((await page.locator(".sparkline .series-line").first().getAttribute("d")).includes("L"));
    await page.waitForFunction(
      () => Number(document.querySelector('[data-tile="Running"]')?.textContent) === 0,
      undefined,
      { timeout: 30_000 },
    );
    assert.equal(await tile("Queued"), 0);
  });
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
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
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

  test("the API can be read and searched", { skip: !isReal }, async () => {
    await open();
    await signIn(page, daemon);
    await page.goto(`${daemon.url}/docs`);
    await page.getByRole("searchbox").fill("post /retry");
    const path = page.locator("summary code", {
      hasText: /^\/api\/v1\/jobs\/\{id\}\/retry$/,
    });
    const entry = page.locator("details", { has: path });
    await entry.locator("summary").click();
    await entry.getByText(/^Role: /).waitFor();
  });

  test(
    "a daemon that goes away is said to be gone, and the page goes on when it is back",
    { skip: isReal },
    async () => {
      await open();
      browser.wrong.expectStatus("network");
      await signIn(page, daemon);
      await daemon.disappear();
      await page.getByText("No connection to the daemon").waitFor();
      await page.getByText("no answer", { exact: true }).waitFor();
      assert.equal(
        await page.getByText("ready", { exact: true }).count(),
        0,
        "what was true before is not said of now",
      );
      await daemon.reappear();
      await page.getByRole("button", { name: "Retry now" }).click();
      await page.getByText("No connection to the daemon").waitFor({ state: "detached" });
    },
  );
});

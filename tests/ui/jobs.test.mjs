// What a person does with the page, in a real browser: jobs.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { browser, daemon, eachTestInItsOwnBrowser, open, page, signIn, submit, submittedRow } from "./harness.mjs";

eachTestInItsOwnBrowser();

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
    await page.getByRole("status").getByText("Attempt 1 of 4 runs").waitFor();
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
          method: "POST",
          headers: {
            "Content-Type": "application/json",
            "X-Millrace-Request": "1",
          },
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

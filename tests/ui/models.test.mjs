// What a person does with the page, in a real browser: models.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, test } from "node:test";
import { browser, daemon, eachTestInItsOwnBrowser, isReal, open, page, signIn } from "./harness.mjs";

eachTestInItsOwnBrowser();

const samples = fileURLToPath(new URL("../data/digits/samples/", import.meta.url));
const patch = fileURLToPath(new URL("../data/land_cover/patch.npy", import.meta.url));

describe("models", () => {
  test("both models are listed with their accuracy", async () => {
    await open();
    await signIn(page, daemon);
    await page.getByRole("link", { name: "Models", exact: true }).click();
    await page
      .locator('[data-model="digits"]')
      .getByText(/% of 360 held out/)
      .waitFor();
    await page.locator('[data-model="land_cover"]').getByRole("link", { name: "land_cover" }).click();
    await page.getByText("artificial surface").first().waitFor();
  });

  test("a digit's picture gets its label and bars, as an answer and as a job", async () => {
    await open();
    await signIn(page, daemon);
    await page.goto(`${daemon.url}/try/digits`);
    for (const name of readdirSync(samples).filter((each) => /^digit-[037]-/.test(each))) {
      await page.locator("[data-drop]").setInputFiles(samples + name);
      await page
        .locator("[data-result-label]")
        .filter({ hasText: new RegExp(`^${name.split("-")[1]}$`) })
        .waitFor();
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
    await page.locator("[data-drop]").setInputFiles({
      name: "liar.png",
      mimeType: "image/png",
      buffer: Buffer.from("this is no picture"),
    });
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
      const colors = [...document.querySelectorAll(".legend-color")].map(
        (each) => getComputedStyle(each).backgroundColor,
      );
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

// Two models that only pretend: the digit of a sample by its file, land cover by the mean of the series.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { png } from "./fake_png.mjs";

const data = new URL("../../data/", import.meta.url);
const read = (path) => readFileSync(new URL(path, data));
export const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");

export class Problem extends Error {
  constructor(status, title, detail) {
    super(detail);
    Object.assign(this, { status, title, detail });
  }
}

export function fakeVersion(number, file, manifest, created) {
  const { description, accuracy, labels, task, input } = manifest;
  return {
    version: number,
    state: "ready",
    sha256: digest(file),
    size: file.length,
    created_at: created.toISOString(),
    description,
    accuracy,
    labels,
    task,
    input,
    format: "torchscript",
    signed_by: null,
    signature: null,
    trial: {
      runtime: "libtorch 2.13.0",
      load_ms: 84.2,
      forward_ms: 0.61,
      memory_bytes: 6_200_000,
      optimization: "optimized",
      note: "",
      precision: "fp32",
      channels_last: false,
      threads: 1,
      instances: 2,
    },
    loaded: { state: "ready", memory_bytes: 6_200_000, used_at: null },
    manifest,
  };
}

export class FakeModels {
  constructor(blobs) {
    this.blobs = blobs;
    this.samples = readdirSync(new URL("digits/samples/", data))
      .filter((name) => name.endsWith(".png"))
      .sort()
      .map((name) => ({ name, label: name.split("-")[1], bytes: read(`digits/samples/${name}`) }));
    this.patch = read("land_cover/patch.npy");
    this.models = ["digits", "land_cover"].map((name) => this.describe(name));
  }

  describe(name) {
    const manifest = JSON.parse(read(`models/${name}.manifest.json`));
    const file = read(`models/${name}.pt`);
    const version = fakeVersion("1", file, manifest, new Date(Date.now() - 3.6e6));
    return { name, production: "1", versions: [version] };
  }

  examples() {
    const digits = this.samples.map((sample) => ({
      name: sample.name,
      model: "digits",
      url: `/examples/${sample.name}`,
      media_type: "image/png",
      label: sample.label,
    }));
    const patch = {
      name: "Sentinel-2 patch",
      model: "land_cover",
      url: "/examples/land_cover.npy",
      media_type: "application/octet-stream",
    };
    return { examples: [...digits, patch] };
  }

  example(path) {
    if (path === "/examples/land_cover.npy") return this.patch;
    return this.samples.find((sample) => `/examples/${sample.name}` === path)?.bytes;
  }

  predict(name, body, version = "1") {
    const facts = { model: name, model_version: version, batch_size: 1, queue_ms: 0.31, infer_ms: 0.87 };
    if (this.models.find((model) => model.name === name)?.versions[0].task === "image_classification")
      return { ...this.digit(body), ...facts };
    if (name === "land_cover") return { ...this.landCover(body), ...facts, infer_ms: 21.4 };
    throw new Problem(404, "Not found", `there is no model ${name}`);
  }

  digit(body) {
    if (body.toString("latin1", 1, 4) !== "PNG")
      throw new Problem(422, "Unprocessable", "the image is neither PNG nor JPEG");
    const label = this.samples.find((sample) => sample.bytes.equals(body))?.label ?? "8";
    const others = ["3", "9", "1"].filter((other) => other !== label);
    const top = [
      { label, confidence: 0.981 },
      { label: others[0], confidence: 0.014 },
      { label: others[1], confidence: 0.003 },
    ];
    return { label, confidence: top[0].confidence, top };
  }

  landCover(body) {
    const shape = /'shape': \((\d+), (\d+), (\d+)/.exec(body.toString("latin1", 0, 128));
    if (!shape) throw new Problem(422, "Unprocessable", "this is not an .npy file of dates, rows and columns");
    const [dates, height, width] = shape.slice(1).map(Number);
    const manifest = this.models[1].versions[0].manifest;
    const colors = manifest.postprocess.colors;
    const start = body.length - dates * height * width * 4;
    const pixels = Array(manifest.labels.length).fill(0);
    const rgb = Buffer.alloc(width * height * 3);
    for (let pixel = 0; pixel < width * height; pixel += 1) {
      let sum = 0;
      for (let date = 0; date < dates; date += 1) sum += body.readFloatLE(start + (date * width * height + pixel) * 4);
      const mean = sum / dates;
      const index = mean > 0.47 ? 1 : mean > 0.32 ? 2 : mean > 0.25 ? 3 : mean > 0.2 ? 0 : 4;
      pixels[index] += 1;
      rgb.write(colors[index].slice(1), pixel * 3, "hex");
    }
    const image = png(width, height, rgb);
    this.blobs.set(digest(image), image);
    const shares = manifest.labels.map((label, index) => ({
      label,
      share: pixels[index] / (width * height),
      pixels: pixels[index],
      color: colors[index],
    }));
    return { shares, width, height, map: { blob: digest(image), media_type: "image/png" } };
  }
}

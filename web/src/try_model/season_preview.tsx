import { useSignal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { pixelSize } from "../ui/pixel_size.ts";
import type { Series } from "./npy.ts";
import { paintDate } from "./vegetation_colors.ts";

/** The input of the land-cover model as it is: one picture a date, to be leafed through. */
export function SeasonPreview({ series }: { series: Series }) {
  const date = useSignal(Math.min(series.dates - 1, Math.floor(series.dates / 3)));
  const canvas = useRef<HTMLCanvasElement>(null);
  const size = series.rows * series.columns;
  const scale = pixelSize(series.columns, series.rows, 360, 408);

  useSignalEffect(() => {
    const pixels = paintDate(series.values, date.value * size, size);
    canvas.current?.getContext("2d")?.putImageData(new ImageData(pixels, series.columns, series.rows), 0, 0);
  });

  return (
    <figure class="season">
      <canvas
        ref={canvas}
        class="pixelated"
        width={series.columns}
        height={series.rows}
        role="img"
        style={{ width: `${series.columns * scale}px` }}
        aria-label={`Vegetation on date ${date.value + 1} of ${series.dates}`}
      />
      <figcaption>
        <label for="season-date">
          Date {date.value + 1} of {series.dates}
        </label>
        <input
          id="season-date"
          type="range"
          min={0}
          max={series.dates - 1}
          value={date.value}
          onInput={(event) => {
            date.value = Number(event.currentTarget.value);
          }}
        />
        <div class="season-key" aria-hidden="true">
          <span>bare</span>
          <i />
          <span>green</span>
        </div>
      </figcaption>
    </figure>
  );
}

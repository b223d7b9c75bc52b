import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { blobs } from "../api/calls.ts";
import { isAbort } from "../api/http.ts";
import type { MapResult } from "../api/types.ts";
import { Failure } from "../ui/failure.tsx";
import { count, percent } from "../ui/format.ts";
import { pixelSize } from "../ui/pixel_size.ts";
import { classOfPixels, standOut } from "./map_classes.ts";

interface Picture {
  rgba: Uint8ClampedArray;
  classes: Int16Array;
  width: number;
  height: number;
}

/** The map of a pixel classifier with its legend; pointing at either says which class it is. */
export function LandCoverMap({ result }: { result: MapResult }) {
  const shares = useMemo(() => [...result.shares].sort((a, b) => b.share - a.share), [result]);
  const canvas = useRef<HTMLCanvasElement>(null);
  const picture = useSignal<Picture | null>(null);
  const failure = useSignal<unknown>(undefined);
  const chosen = useSignal<number | null>(null);
  const under = useSignal<{ label: string; column: number; row: number } | null>(null);

  useEffect(() => {
    const controller = new AbortController();
    blobs
      .read(result.map.blob, result.map.media_type, controller.signal)
      .then(async (blob) => {
        const image = await readPixels(blob);
        picture.value = { ...image, classes: classOfPixels(image.rgba, shares) };
      })
      .catch((error: unknown) => {
        if (!isAbort(error)) failure.value = error;
      });
    return () => controller.abort();
  }, [result]);

  useSignalEffect(() => {
    const drawn = picture.value;
    const context = canvas.current?.getContext("2d");
    if (!drawn || !canvas.current || !context) return;
    canvas.current.width = drawn.width;
    canvas.current.height = drawn.height;
    context.putImageData(
      new ImageData(standOut(drawn.rgba, drawn.classes, chosen.value), drawn.width, drawn.height),
      0,
      0,
    );
    canvas.current.dataset["drawn"] = "yes";
  });

  const point = (event: PointerEvent & { currentTarget: HTMLCanvasElement }) => {
    const drawn = picture.value;
    if (!drawn) return;
    const box = event.currentTarget.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * drawn.width);
    const row = Math.floor(((event.clientY - box.top) / box.height) * drawn.height);
    const share = shares[drawn.classes[row * drawn.width + column] ?? -1];
    under.value = share ? { label: share.label, column, row } : null;
  };

  if (failure.value) return <Failure failure={failure.value} />;
  return (
    <div class="map">
      <figure class="map-figure">
        <canvas
          ref={canvas}
          class="map-canvas pixelated"
          width={result.width}
          height={result.height}
          role="img"
          style={{ width: `${result.width * pixelSize(result.width, result.height, 420, 408)}px` }}
          aria-label={`Map of ${result.width} by ${result.height} pixels: ${shares
            .slice(0, 3)
            .map((share) => `${share.label} ${percent(share.share)}`)
            .join(", ")}`}
          onPointerMove={point}
          onPointerLeave={() => {
            under.value = null;
          }}
        />
        <figcaption>
          {under.value ? (
            <>
              {under.value.label}{" "}
              <span class="faint">
                column {under.value.column}, row {under.value.row}
              </span>
            </>
          ) : (
            <span class="faint">
              {result.width} × {result.height} pixels
            </span>
          )}
        </figcaption>
      </figure>
      <ul class="legend" aria-label="Classes and their shares">
        {shares.map((share, index) => (
          <li
            key={share.label}
            data-class={share.label}
            onPointerEnter={() => {
              chosen.value = index;
            }}
            onPointerLeave={() => {
              chosen.value = null;
            }}
          >
            <span class="legend-color" style={{ backgroundColor: share.color }} aria-hidden="true" />
            <span class="legend-label">{share.label}</span>
            <span class="legend-track" aria-hidden="true">
              {share.share > 0 && <span style={{ width: `${share.share * 100}%`, backgroundColor: share.color }} />}
            </span>
            <b class="number">{percent(share.share)}</b>
            <span class="number faint legend-pixels">{count(share.pixels)} px</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

async function readPixels(blob: Blob): Promise<{ rgba: Uint8ClampedArray; width: number; height: number }> {
  // No colour management: the legend's colours are found again by their exact values.
  const image = await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  const surface = document.createElement("canvas");
  surface.width = image.width;
  surface.height = image.height;
  const context = surface.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("This browser cannot draw the map");
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, image.width, image.height);
  return { rgba: data, width: image.width, height: image.height };
}

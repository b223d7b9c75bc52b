import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../ui/icon.tsx";
import { shrinkDrawing } from "./drawing_pixels.ts";

const size = 192;
const pen = 19;

interface DrawingPadProps {
  /** Rows and columns of the picture that the model takes. */
  rows: number;
  columns: number;
  onDrawn: (picture: Blob) => void;
}

/** White on black with the mouse, a finger or a pen; each lifted stroke asks the model again. */
export function DrawingPad({ rows, columns, onDrawn }: DrawingPadProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const last = useRef<{ x: number; y: number } | null>(null);
  const empty = useSignal(true);

  const context = () => canvas.current?.getContext("2d", { willReadFrequently: true }) ?? null;
  const clear = () => {
    const drawing = context();
    if (!drawing) return;
    drawing.fillStyle = "#000";
    drawing.fillRect(0, 0, size, size);
    empty.value = true;
  };
  useEffect(clear, []);

  const stroke = (event: PointerEvent & { currentTarget: HTMLCanvasElement }) => {
    const drawing = context();
    if (!drawing || !last.current) return;
    const box = event.currentTarget.getBoundingClientRect();
    const point = {
      x: ((event.clientX - box.left) / box.width) * size,
      y: ((event.clientY - box.top) / box.height) * size,
    };
    const from = Number.isNaN(last.current.x) ? point : last.current;
    Object.assign(drawing, { strokeStyle: "#fff", lineWidth: pen, lineCap: "round", lineJoin: "round" });
    drawing.beginPath();
    drawing.moveTo(from.x, from.y);
    drawing.lineTo(point.x, point.y);
    drawing.stroke();
    last.current = point;
    empty.value = false;
  };
  const begin = (event: PointerEvent & { currentTarget: HTMLCanvasElement }) => {
    if (event.button !== 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    last.current = { x: Number.NaN, y: Number.NaN };
    stroke(event);
  };
  const end = () => {
    if (!last.current) return;
    last.current = null;
    const { data } = context()?.getImageData(0, 0, size, size) ?? { data: new Uint8ClampedArray() };
    const ink = Uint8Array.from({ length: size * size }, (_, pixel) => data[pixel * 4] ?? 0);
    const small = shrinkDrawing(ink, size, rows, columns);
    if (small) onDrawn(picture(small, rows, columns));
  };

  return (
    <div class="drawing">
      <canvas
        ref={canvas}
        class="drawing-pad"
        width={size}
        height={size}
        role="img"
        aria-label="Drawing pad: draw with the mouse or a finger"
        onPointerDown={begin}
        onPointerMove={stroke}
        onPointerUp={end}
        onPointerCancel={end}
      />
      {empty.value ? (
        <span class="drawing-hint" aria-hidden="true">
          or draw
        </span>
      ) : (
        <button
          type="button"
          class="drawing-clear icon-button small"
          aria-label="Clear the drawing"
          title="Clear"
          onClick={clear}
        >
          <Icon name="close" />
        </button>
      )}
    </div>
  );
}

function picture(small: Uint8Array, rows: number, columns: number): Blob {
  const surface = document.createElement("canvas");
  surface.width = columns;
  surface.height = rows;
  const rgba = new Uint8ClampedArray(small.length * 4);
  small.forEach((value, pixel) => rgba.set([value, value, value, 255], pixel * 4));
  surface.getContext("2d")?.putImageData(new ImageData(rgba, columns, rows), 0, 0);
  // toBlob waits for the browser to be idle, up to a second; this picture is tiny.
  const encoded = atob(surface.toDataURL("image/png").split(",")[1] ?? "");
  return new Blob([Uint8Array.from(encoded, (character) => character.charCodeAt(0))], { type: "image/png" });
}

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { FoundObject, ObjectsResult } from "../api/types.ts";
import { percent } from "../ui/format.ts";
import { labelColors } from "./label_colors.ts";

/** What a detector found: a list, and, where the picture is at hand, boxes drawn on it. */
export function FoundObjects({ result, picture }: { result: ObjectsResult; picture?: Blob | undefined }) {
  const colors = labelColors(result.objects.map((each) => each.label));
  return (
    <>
      {picture && result.width !== undefined && result.height !== undefined && (
        <Drawing
          objects={result.objects}
          picture={picture}
          width={result.width}
          height={result.height}
          colors={colors}
        />
      )}
      {result.objects.length === 0 ? (
        <p class="muted">Nothing was found.</p>
      ) : (
        <ol class="found" aria-label="Objects found">
          {result.objects.map((each, index) => (
            <li key={index}>
              <span class="legend-color" style={{ background: colors.get(each.label) }} aria-hidden="true" />
              <span class="bar-label" data-found-label>
                {each.label}
              </span>
              <span class="bar-value number">{percent(each.confidence)}</span>
            </li>
          ))}
        </ol>
      )}
    </>
  );
}

interface DrawingProps {
  objects: FoundObject[];
  picture: Blob;
  width: number;
  height: number;
  colors: Map<string, string>;
}

function Drawing({ objects, picture, width, height, colors }: DrawingProps) {
  const url = useSignal<string | null>(null);
  useEffect(() => {
    const made = URL.createObjectURL(picture);
    url.value = made;
    return () => URL.revokeObjectURL(made);
  }, [picture]);
  const unit = Math.max(width, height) / 100; // lines and letters of the same size on any picture
  return (
    <svg
      class="found-picture"
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={`The picture with ${objects.length} boxes`}
    >
      {url.value && <image href={url.value} width={width} height={height} preserveAspectRatio="none" />}
      {[...objects].reverse().map(({ label, confidence, box: [x, y, w, h] }, index) => (
        <g key={index}>
          <rect x={x} y={y} width={w} height={h} fill="none" stroke={colors.get(label)} stroke-width={unit * 0.6} />
          <text x={x + unit * 0.5} y={Math.max(y - unit * 0.8, unit * 3)} font-size={unit * 3} fill={colors.get(label)}>
            {label} {percent(confidence, 0)}
          </text>
        </g>
      ))}
    </svg>
  );
}

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { bytes, shape } from "../ui/format.ts";
import { parseNpyHeader, readSeries, type Series } from "./npy.ts";
import { SeasonPreview } from "./season_preview.tsx";
import type { TrialInput } from "./trial.ts";

export function InputPreview({ input }: { input: TrialInput }) {
  const picture = useSignal<string | null>(null);
  const series = useSignal<Series | null>(null);
  const facts = useSignal("");
  const small = useSignal(false);

  useEffect(() => {
    let gone = false;
    picture.value = null;
    series.value = null;
    facts.value = "";
    if (input.mediaType.startsWith("image/")) {
      const url = URL.createObjectURL(input.content);
      picture.value = url;
      return () => URL.revokeObjectURL(url);
    }
    void input.content.arrayBuffer().then((file) => {
      if (gone) return;
      const header = parseNpyHeader(file);
      facts.value = header ? `${header.descr} ${shape(header.shape)}` : "";
      series.value = readSeries(file);
    });
    return () => {
      gone = true;
    };
  }, [input]);

  return (
    <div class="preview">
      {picture.value && (
        <img
          class={small.value ? "preview-image pixelated preview-small" : "preview-image"}
          src={picture.value}
          alt={`Input: ${input.name}`}
          onLoad={(event) => {
            small.value = event.currentTarget.naturalWidth <= 64;
            facts.value = `${event.currentTarget.naturalWidth} × ${event.currentTarget.naturalHeight} pixels`;
          }}
          onError={() => {
            picture.value = null;
            facts.value = "this browser cannot show it";
          }}
        />
      )}
      {series.value && <SeasonPreview series={series.value} />}
      <p class="preview-facts">
        <span class="preview-name">{input.name}</span>
        <span class="faint">{[facts.value, bytes(input.content.size)].filter(Boolean).join(", ")}</span>
      </p>
    </div>
  );
}

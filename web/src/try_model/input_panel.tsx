import { useSignal } from "@preact/signals";
import { examples as calls } from "../api/calls.ts";
import type { ModelVersion } from "../api/model_types.ts";
import type { Example } from "../api/types.ts";
import { mediaTypeOf } from "../models/media_type.ts";
import { inputText } from "../models/model_text.ts";
import { go } from "../routing/location.ts";
import { sayDone, sayFailed } from "../shell/toasts.ts";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import { Panel } from "../ui/panel.tsx";
import { DrawingPad } from "./drawing_pad.tsx";
import { DropZone } from "./drop_zone.tsx";
import { ExampleList } from "./example_list.tsx";
import { InputPreview } from "./input_preview.tsx";
import type { Trial } from "./trial.ts";

interface InputPanelProps {
  trial: Trial;
  version: ModelVersion | undefined;
  examples: Example[];
}

export function InputPanel({ trial, version, examples }: InputPanelProps) {
  const queueing = useSignal(false);
  const input = trial.input.value;
  const takesImages = version?.input?.kind === "image";
  const [rows, columns] = drawable(version);

  const take = (file: File) => void trial.run({ name: file.name, content: file, mediaType: mediaTypeOf(file) });
  const takeExample = async (example: Example) => {
    try {
      const content = await calls.read(example);
      await trial.run({ name: example.name, content, mediaType: example.media_type });
    } catch (failure) {
      sayFailed(failure);
    }
  };
  const queue = async () => {
    if (!input) return;
    queueing.value = true;
    try {
      const id = await trial.submitAsJob(input);
      sayDone("Submitted as a job");
      go(`/jobs/${id}`);
    } catch (failure) {
      sayFailed(failure);
    }
    queueing.value = false;
  };

  return (
    <Panel title="Input" actions={<span class="muted panel-aside">{inputText(version?.input)}</span>}>
      <ExampleList examples={examples} task={version?.task ?? ""} onChoose={(example) => void takeExample(example)} />
      <div class="input-sources">
        <DropZone
          accept={takesImages ? "image/png,image/jpeg" : ".npy,application/json,.json"}
          hint={takesImages ? "PNG or JPEG" : ".npy or JSON tensors"}
          onFile={take}
        />
        {rows > 0 && (
          <DrawingPad
            rows={rows}
            columns={columns}
            onDrawn={(content) => void trial.run({ name: "drawing.png", content, mediaType: "image/png" })}
          />
        )}
      </div>
      {input && (
        <>
          <InputPreview key={input.name} input={input} />
          <div class="input-actions">
            <Button busy={trial.busy.value} onClick={() => void trial.run(input)}>
              <Icon name="play" />
              Run again
            </Button>
            <Button busy={queueing.value} onClick={() => void queue()}>
              Submit as a job
            </Button>
          </div>
        </>
      )}
    </Panel>
  );
}

/** Rows and columns of a grey picture small enough to draw by hand; zeros where it is not one. */
function drawable(version: ModelVersion | undefined): [number, number] {
  const [rows, columns] = version?.input?.resize ?? [];
  const small = rows !== undefined && columns !== undefined && rows <= 32 && columns <= 32;
  return small && version?.input?.kind === "image" && version.input.color === "gray" ? [rows, columns] : [0, 0];
}

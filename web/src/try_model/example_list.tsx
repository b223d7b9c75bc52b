import type { Example } from "../api/types.ts";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";

interface ExampleListProps {
  examples: Example[];
  task: string;
  onChoose: (example: Example) => void;
}

/** What the daemon brings along to try: pictures as themselves, anything else by name. */
export function ExampleList({ examples, task, onChoose }: ExampleListProps) {
  const pictures = examples.filter((example) => example.media_type.startsWith("image/"));
  const others = examples.filter((example) => !example.media_type.startsWith("image/"));
  if (examples.length === 0) return null;
  return (
    <div class="examples">
      {others.map((example) => (
        <Button key={example.url} kind="primary" onClick={() => onChoose(example)}>
          <Icon name="play" />
          {task === "pixel_classification" ? "Run the satellite example" : `Run ${example.name}`}
        </Button>
      ))}
      {pictures.length > 0 && (
        <div class="thumbnails" role="group" aria-label="Examples">
          {pictures.map((example) => (
            <button
              key={example.url}
              type="button"
              class="thumbnail"
              data-example={example.name}
              title={example.name}
              aria-label={`Example ${example.label ?? example.name}`}
              onClick={() => onChoose(example)}
            >
              <img src={example.url} alt="" width={40} height={40} />
            </button>
          ))}
        </div>
      )}
    </div>
  );
}

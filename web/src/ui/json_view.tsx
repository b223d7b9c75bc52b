import type { ComponentChildren } from "preact";
import { CopyButton } from "./copy_button.tsx";
import { prettyJson } from "./pretty_json.ts";

const pattern = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
/** Beyond this the colours cost more than they help. */
const longestColoured = 60_000;
const longestShown = 400_000;

function coloured(text: string): ComponentChildren[] {
  const parts: ComponentChildren[] = [];
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > end) parts.push(text.slice(end, match.index));
    const [whole, quoted, colon, word] = match;
    if (quoted && colon) parts.push(<span class="json-name">{quoted}</span>, colon);
    else parts.push(<span class={quoted ? "json-text" : word ? "json-word" : "json-number"}>{whole}</span>);
    end = match.index + whole.length;
  }
  parts.push(text.slice(end));
  return parts;
}

export function JsonView({ value, label }: { value: unknown; label: string }) {
  const whole = prettyJson(value);
  const text =
    whole.length > longestShown
      ? `${whole.slice(0, longestShown)}\n… ${whole.length - longestShown} more characters`
      : whole;
  return (
    <div class="json">
      <div class="json-copy">
        <CopyButton text={whole} label={`Copy ${label}`} />
      </div>
      <pre tabIndex={0} role="region" aria-label={label}>
        {text.length > longestColoured ? text : coloured(text)}
      </pre>
    </div>
  );
}

import type { ComponentChildren } from "preact";

interface PanelProps {
  title: string;
  children: ComponentChildren;
  actions?: ComponentChildren;
  class?: string;
  flush?: boolean;
}

export function Panel({ title, children, actions, flush, class: className }: PanelProps) {
  return (
    <section class={["panel", flush && "panel-flush", className].filter(Boolean).join(" ")} aria-label={title}>
      <header class="panel-head">
        <h2>{title}</h2>
        {actions}
      </header>
      <div class="panel-body">{children}</div>
    </section>
  );
}

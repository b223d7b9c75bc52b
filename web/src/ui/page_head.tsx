import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface PageHeadProps {
  title: string;
  children?: ComponentChildren;
  above?: ComponentChildren;
  beside?: ComponentChildren;
}

let first = true;

/** The heading of a page; a change of page moves the focus to it, as a load would. */
export function PageHead({ title, children, above, beside }: PageHeadProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Millrace`;
  }, [title]);
  useEffect(() => {
    if (!first) heading.current?.focus({ preventScroll: true });
    first = false;
  }, []);
  return (
    <header class="page-head">
      <div class="page-head-text">
        {above && <div class="page-above">{above}</div>}
        <div class="page-title">
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {beside}
        </div>
      </div>
      {children && <div class="page-actions">{children}</div>}
    </header>
  );
}

import type { ComponentChildren } from "preact";
import { Link } from "../routing/link.tsx";

interface EmptyProps {
  title: string;
  children?: ComponentChildren;
  link?: { to: string; text: string };
}

export function Empty({ title, children, link }: EmptyProps) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children && <p>{children}</p>}
      {link && (
        <Link to={link.to} class="button button-plain">
          {link.text}
        </Link>
      )}
    </div>
  );
}

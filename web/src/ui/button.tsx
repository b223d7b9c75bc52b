import type { ComponentChildren } from "preact";

interface ButtonProps {
  children: ComponentChildren;
  kind?: "primary" | "plain" | "danger";
  type?: "button" | "submit";
  size?: "small";
  busy?: boolean;
  disabled?: boolean;
  wide?: boolean;
  onClick?: () => void;
}

export function Button({
  children,
  kind = "plain",
  type = "button",
  size,
  busy,
  disabled,
  wide,
  onClick,
}: ButtonProps) {
  const names = ["button", `button-${kind}`, size && "button-small", wide && "button-wide"].filter(Boolean).join(" ");
  return (
    <button type={type} class={names} disabled={disabled || busy} aria-busy={busy ? true : undefined} onClick={onClick}>
      {busy && <span class="spinner" aria-hidden="true" />}
      {children}
    </button>
  );
}

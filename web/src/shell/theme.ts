// Light or dark: the system's choice unless one was made here.
import { effect, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const storageKey = "millrace.theme";

function stored(): Theme {
  try {
    const value = window.localStorage.getItem(storageKey);
    return value === "light" || value === "dark" ? value : "system";
  } catch {
    return "system";
  }
}

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(dark.matches);
dark.addEventListener("change", (event) => {
  systemIsDark.value = event.matches;
});

export const theme = signal<Theme>(stored());

export function isDark(): boolean {
  return theme.value === "dark" || (theme.value === "system" && systemIsDark.value);
}

/** Flips what is seen; choosing what the system says anyway goes back to following it. */
export function toggleTheme(): void {
  const next = isDark() ? "light" : "dark";
  theme.value = (next === "dark") === systemIsDark.value ? "system" : next;
}

effect(() => {
  if (theme.value === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme.value;
  try {
    if (theme.value === "system") window.localStorage.removeItem(storageKey);
    else window.localStorage.setItem(storageKey, theme.value);
  } catch {
    // Storage may be forbidden; the choice then lasts as long as the page.
  }
});

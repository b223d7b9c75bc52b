import { Icon } from "../ui/icon.tsx";
import { isDark, toggleTheme } from "./theme.ts";

export function ThemeToggle() {
  const label = isDark() ? "Use the light theme" : "Use the dark theme";
  return (
    <button type="button" class="icon-button" onClick={toggleTheme} aria-label={label} title={label}>
      <Icon name={isDark() ? "sun" : "moon"} />
    </button>
  );
}

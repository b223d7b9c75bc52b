// Line icons on a 16 px grid, drawn for this page.

const drawings = {
  overview: ["M2 13.5h12", "M2 10l3.2-4 3 2.6L13.5 3"],
  jobs: ["M5.5 4h8", "M5.5 8h8", "M5.5 12h8", "M2.5 4h.01", "M2.5 8h.01", "M2.5 12h.01"],
  models: ["M8 1.8l5.5 3v6.4L8 14.2l-5.5-3V4.8z", "M2.7 4.9L8 7.8l5.3-2.9", "M8 7.8v6.2"],
  try: ["M2.5 3.5h11v9h-11z", "M2.5 10.5l3-3 2.5 2.5 2-1.8 3.5 3", "M10.3 6.2h.01"],
  key: ["M8.4 7.6l5.1-5.1", "M11 5l1.8 1.8", "M5.7 13.5a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4z"],
  sun: [
    "M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6z",
    "M8 1.5v1.3",
    "M8 13.2v1.3",
    "M1.5 8h1.3",
    "M13.2 8h1.3",
    "M3.4 3.4l.9.9",
    "M11.7 11.7l.9.9",
    "M3.4 12.6l.9-.9",
    "M11.7 4.3l.9-.9",
  ],
  moon: ["M13.3 9.6A5.6 5.6 0 0 1 6.4 2.7a5.6 5.6 0 1 0 6.9 6.9z"],
  "sign-out": ["M6 2.5H3v11h3", "M7 8h7", "M11.2 5.2L14 8l-2.8 2.8"],
  close: ["M4 4l8 8", "M12 4l-8 8"],
  check: ["M3 8.5l3.2 3.2L13 4.8"],
  warning: ["M8 2.2l6.3 11.3H1.7z", "M8 6.5v3.2", "M8 11.7h.01"],
  copy: ["M5.5 5.5h8v8h-8z", "M10.5 5.5v-3h-8v8h3"],
  plus: ["M8 3v10", "M3 8h10"],
  upload: ["M8 10.5v-8", "M4.8 5.5L8 2.3l3.2 3.2", "M2.5 10.5v3h11v-3"],
  play: ["M5 3.2l7.5 4.8L5 12.8z"],
  arrow: ["M3 8h10", "M9.2 4.2L13 8l-3.8 3.8"],
} as const;

export type IconName = keyof typeof drawings;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      {drawings[name].map((path) => (
        <path key={path} d={path} />
      ))}
    </svg>
  );
}

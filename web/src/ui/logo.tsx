// A mill wheel over its race: the water that drives it.

const paddles = [22.5, 67.5, 112.5, 157.5, 202.5, 247.5, 292.5, 337.5];

export function Logo({ size, turning }: { size: number; turning?: boolean }) {
  return (
    <svg
      class={turning ? "logo logo-turning" : "logo"}
      viewBox="0 0 32 32"
      width={size}
      height={size}
      role="img"
      aria-label="Millrace"
    >
      <g class="logo-wheel">
        <circle cx="16" cy="13" r="5.6" />
        <circle class="logo-hub" cx="16" cy="13" r="1.6" />
        {paddles.map((angle) => (
          <path key={angle} d="M16 7.4V3.4M13.9 2.9h4.2" transform={`rotate(${angle} 16 13)`} />
        ))}
      </g>
      <path class="logo-water" d="M2 24.4c2.3-1.9 4.7-1.9 7 0s4.7 1.9 7 0 4.7-1.9 7 0 4.7 1.9 7 0" />
      <path
        class="logo-water logo-water-low"
        d="M5.5 29c1.9-1.5 3.8-1.5 5.7 0s3.8 1.5 5.7 0 3.8-1.5 5.7 0 2.6 1.2 3.9.9"
      />
    </svg>
  );
}

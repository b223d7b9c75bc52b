// A mill wheel over its race: the water that drives it.

const paddles = [0, 45, 90, 135, 180, 225, 270, 315];

export function Logo({ size, turning }: { size: number; turning?: boolean }) {
  return (
    <svg class={turning ? "logo logo-turning" : "logo"} viewBox="0 0 32 32" width={size} height={size} role="img" aria-label="Millrace">
      <g class="logo-wheel">
        <circle cx="16" cy="13.5" r="8" />
        <circle class="logo-hub" cx="16" cy="13.5" r="2" />
        {paddles.map((angle) => <path key={angle} d="M16 10.2V2.2" transform={`rotate(${angle} 16 13.5)`} />)}
      </g>
      <path class="logo-water" d="M2 24.2c2.3-1.9 4.7-1.9 7 0s4.7 1.9 7 0 4.7-1.9 7 0 4.7 1.9 7 0" />
      <path class="logo-water logo-water-low" d="M5.5 28.8c1.9-1.5 3.8-1.5 5.7 0s3.8 1.5 5.7 0 3.8-1.5 5.7 0 2.6 1.2 3.9.9" />
    </svg>
  );
}

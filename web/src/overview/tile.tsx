import { Link } from "../routing/link.tsx";
import { Sparkline } from "../ui/sparkline.tsx";

interface TileProps {
  name: string;
  value: string;
  unit?: string;
  history: number[];
  tone: "accent" | "second" | "quiet";
  to?: string;
}

export function Tile({ name, value, unit, history, tone, to }: TileProps) {
  const inside = (
    <>
      <span class="tile-name">{name}</span>
      <span class="tile-value" data-tile={name}>
        {value}
        {unit && <small>{unit}</small>}
      </span>
      <Sparkline values={history} capacity={Math.max(20, Math.min(90, history.length))} tone={tone} />
    </>
  );
  return to ? (
    <Link to={to} class="tile tile-link">
      {inside}
    </Link>
  ) : (
    <div class="tile">{inside}</div>
  );
}

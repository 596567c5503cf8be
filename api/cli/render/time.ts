const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
] as const;

/** `3d 4h`, `2m 5s`, `12s`, `350ms`: the two largest units. */
export function durationText(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  if (whole < 1_000) return `${whole}ms`;
  const first = units.findIndex(([, size]) => whole >= size);
  const parts: string[] = [];
  let left = whole;
  for (const [name, size] of units.slice(first, first + 2)) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) parts.push(`${count}${name}`);
  }
  return parts.join(" ");
}

/** `2m 5s ago`, `in 12s`, `now`; `-` for null. */
export function relativeText(iso: string | null, now: number): string {
  if (iso === null) return "-";
  const distance = now - Date.parse(iso);
  if (Number.isNaN(distance)) return iso;
  if (Math.abs(distance) < 1_000) return "now";
  return distance > 0 ? `${durationText(distance)} ago` : `in ${durationText(-distance)}`;
}

/** `14:03:07.120` of today, with the date when it was another day. In UTC, as in the log. */
export function clockText(iso: string, now: number): string {
  const time = iso.slice(11, 23);
  const isToday = iso.slice(0, 10) === new Date(now).toISOString().slice(0, 10);
  return isToday ? time : `${iso.slice(0, 10)} ${time}`;
}

const durationPattern = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)?$/;
const sizes: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90`, `90s`, `15m`, `1.5h`, `2d` in ms; a bare number is seconds. Null when it is none of these. */
export function parseDuration(text: string): number | null {
  const [, amount, unit = "s"] = durationPattern.exec(text) ?? [];
  const size = sizes[unit];
  return amount === undefined || size === undefined ? null : Math.round(Number(amount) * size);
}

/** When a usage limit of Codex is over, as its session's record tells it. Pure. */

interface LimitWindow {
  used_percent: number;
  /** Epoch seconds. */
  resets_at?: number | null | undefined;
}

interface RateLimits {
  primary?: LimitWindow | null | undefined;
  secondary?: LimitWindow | null | undefined;
}

/** Epoch ms by which every window that is used up begins anew; null when none is, or it is not told. */
export function usedUpUntil(limits: RateLimits | null | undefined): number | null {
  const resets = [limits?.primary, limits?.secondary].flatMap((window) => {
    const isUsedUp = (window?.used_percent ?? 0) >= 100;
    return isUsedUp && typeof window?.resets_at === "number" ? [window.resets_at * 1_000] : [];
  });
  return resets.length === 0 ? null : Math.max(...resets);
}

const resetPattern =
  /try again at (?:([A-Z][a-z]+ \d{1,2})(?:st|nd|rd|th), (\d{4}) )?(\d{1,2}):(\d{2}) ([AP]M)/;
const dayMs = 86_400_000;

/**
 * Epoch ms that a message of Codex names as `6:27 PM` (of its day, or the next) or `Nov 23rd, 2026 5:59 PM`, in local time;
 * null when it names none. It leaves the seconds out, so a minute is added.
 */
export function resetIn(message: string, saidAt: number): number | null {
  const match = resetPattern.exec(message);
  if (match === null || Number.isNaN(saidAt)) return null;
  const [, day, year, hour = "", minute = "", half] = match;
  const at = new Date(day === undefined ? saidAt : Date.parse(`${day}, ${year}`));
  at.setHours((Number(hour) % 12) + (half === "PM" ? 12 : 0), Number(minute) + 1, 0, 0);
  const until = at.getTime();
  if (Number.isNaN(until)) return null;
  return day === undefined && until < saidAt ? until + dayMs : until;
}

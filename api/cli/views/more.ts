import type { Page } from "../payloads.ts";

export function moreText({ has_more: hasMore, next_cursor: next }: Page): string {
  return hasMore && next !== null ? `\nMore: repeat with --cursor ${next}\n` : "";
}

import type { MetricMaker } from "./metric.ts";

export interface AnsweredRequest {
  /** The route's pattern, or `unmatched`. */
  route: string;
  status: number;
  /** Error code of a refusal or failure; empty otherwise. */
  code: string;
}

/** Requests by route, also those that never became an operation: without a token, too large, malformed. */
export function requestMetrics(maker: MetricMaker): (request: AnsweredRequest) => void {
  const requests = maker.counter(
    "rouse_http_requests_total",
    "HTTP requests, by route, status and error code.",
    ["route", "status", "code"],
  );
  return ({ route, status, code }) => requests.inc({ route, status: String(status), code });
}

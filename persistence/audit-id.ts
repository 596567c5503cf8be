/** Within a bigint; anything else names no row. */
export function isAuditId(text: string): boolean {
  return /^[1-9]\d{0,17}$/u.test(text);
}

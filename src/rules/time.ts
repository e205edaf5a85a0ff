import { Temporal } from 'temporal-polyfill'

/** Milliseconds since 1970 of `2026-12-31T00:00:00Z` (RFC 3339); undefined for any other text. */
export function parseTime(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/.test(text)) {
    return undefined
  }
  try {
    return Temporal.Instant.from(text).epochMilliseconds
  } catch {
    // Well written, but no day of the calendar.
    return undefined
  }
}

import { UNIT_MS } from './rate.ts'

/** `30s`, `250ms`, `2h`. */
export const DURATION_PATTERN = `^([1-9][0-9]*)(${Object.keys(UNIT_MS).join('|')})$`
/** Longer than anybody means; still exact as a number. */
export const DURATION_MS_MAX = 366 * 86_400_000

const DURATION = new RegExp(DURATION_PATTERN)

/** Milliseconds of `30s`; undefined for any other text, and above `DURATION_MS_MAX`. */
export function parseDuration(text: string): number | undefined {
  const match = DURATION.exec(text)
  if (match === null) return undefined
  const ms = Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS]
  return ms <= DURATION_MS_MAX ? ms : undefined
}

/** As its author would write it: `5m`, `1500ms`. */
export function renderDuration(ms: number): string {
  for (const [unit, unitMs] of Object.entries(UNIT_MS).reverse()) {
    if (ms % unitMs === 0) return `${ms / unitMs}${unit}`
  }
  return `${ms}ms`
}

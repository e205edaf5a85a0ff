/**
 * Tokens that the nodes' clocks may be wrong by. They count whole milliseconds, so that between two admissions up to
 * one may pass less than they say, and R·1 ms is below a token for rules of at most 1,000 a second. Admissions are
 * whole tokens: less than one too many is none too many.
 */
const WHOLE_TOKEN = 1

/** Whether an overshoot keeps its bound, both in tokens. */
export function isWithin(overshoot: number, bound: number): boolean {
  return overshoot < bound + WHOLE_TOKEN
}

/** A whole number with separators of thousands. */
export function countText(count: number): string {
  return Math.round(count).toLocaleString('en-US')
}

/** Tokens: a whole number, or one digit after the point. */
export function tokensText(tokens: number): string {
  return tokens.toLocaleString('en-US', { maximumFractionDigits: 1 })
}

/** `450 ms`, `12 s`, `3 min 20 s`, `2 h 5 min`. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  const seconds = Math.round(ms / 1_000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60)
    return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`
  const rest = minutes % 60
  const hours = Math.floor(minutes / 60)
  return rest === 0 ? `${hours} h` : `${hours} h ${rest} min`
}

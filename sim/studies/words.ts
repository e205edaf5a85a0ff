import { numberText } from '../charts/number-text.ts'

/** A share as people write it: 0.4%, 12%, 100%. */
export function percentText(share: number): string {
  const percent = share * 100
  return `${percent >= 10 || percent === 0 ? Math.round(percent) : Number(percent.toPrecision(2))}%`
}

/** With one decimal, for shares that lie close together: 99.3%. */
export function tenthsText(share: number): string {
  return `${(share * 100).toFixed(1)}%`
}

export function msText(ms: number): string {
  return `${numberText(ms)} ms`
}

/** Rounded for a table, which writes numbers as they are. */
export function rounded(value: number, digits = 0): number {
  return Number(value.toFixed(digits))
}

/** `a`, `a and b`, `a, b and c`. */
export function listText(words: readonly string[]): string {
  const last = words.at(-1) ?? ''
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} and ${last}`
}

import { DIAGNOSTICS, type DiagnosticCode } from './diagnostic-code.ts'

/** What is wrong, and how to mend it. */
export interface Mistake {
  readonly code: DiagnosticCode
  readonly message: string
}

/** One mistake in something an operator wrote: where it is, and how to mend it. */
export interface Problem extends Mistake {
  /** Steps from the root, for values that have no text. */
  readonly path: Path
  /** From 1; 0 when the value did not come from a text. */
  readonly line: number
  readonly column: number
}

/** Property names, and indexes in decimal. */
export type Path = readonly string[]

/** What is wrong with a value, before it is known where in a text the value stands. */
export interface Finding extends Mistake {
  readonly path: Path
  /** Whether the property itself is wrong, or its value. */
  readonly at: 'key' | 'value'
}

/** A mistake, and its place as messages call it: `rules.yaml:12:11`, `rules[0].limits[1]`, `--fanout:`. */
export interface Placed extends Mistake {
  readonly place: string
}

/** Problems told at once; the first mistakes usually explain the others. */
const PROBLEMS_TOLD_MAX = 50

/** `rules.yaml:12:11 tier "gold" is not defined (known: free) [tier_unknown]` */
export function renderMistake({ place, code, message }: Placed): string {
  const severity = DIAGNOSTICS[code] === 'warning' ? 'warning: ' : ''
  return `${place} ${severity}${message} [${code}]`
}

/** One line for each. */
export function renderMistakes(mistakes: readonly Placed[]): string {
  const lines = mistakes.slice(0, PROBLEMS_TOLD_MAX).map(renderMistake)
  const rest = mistakes.length - lines.length
  if (rest > 0) lines.push(`... and ${rest} more`)
  return lines.join('\n')
}

/** `source` is what the text is called; without a text, the place is the path. */
export function placeIn(source: string, { path, line, column, code, message }: Problem): Placed {
  const place = line > 0 ? `${source}:${line}:${column}` : renderPath(path) || source
  return { place, code, message }
}

/** `rules[0].limits[1].rate` */
function renderPath(path: Path): string {
  return path
    .map((step, index) => {
      if (/^\d+$/.test(step)) return `[${step}]`
      return index === 0 ? step : `.${step}`
    })
    .join('')
}

/** How a value is named in a message: never longer than one line, never raw control characters. */
export function describeValue(value: unknown): string {
  if (value === undefined || value === null) return 'empty'
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'string') return quote(value)
  if (typeof value === 'object') return 'a mapping'
  return String(value)
}

/** Characters of a quoted value in a message. */
const QUOTED_LENGTH_MAX = 60

export function quote(text: string): string {
  const short = text.length > QUOTED_LENGTH_MAX ? `${text.slice(0, QUOTED_LENGTH_MAX)}...` : text
  return JSON.stringify(short)
}

/** One mistake in something an operator wrote: where it is, and how to mend it. */
export interface Problem {
  /** Steps from the root, for values that have no text. */
  readonly path: Path
  /** From 1; 0 when the value did not come from a text. */
  readonly line: number
  readonly column: number
  readonly message: string
}

/** Property names, and indexes in decimal. */
export type Path = readonly string[]

/** What is wrong with a value, before it is known where in a text the value stands. */
export interface Finding {
  readonly path: Path
  /** Whether the property itself is wrong, or its value. */
  readonly at: 'key' | 'value'
  readonly message: string
}

/** Problems told at once; the first mistakes usually explain the others. */
const PROBLEMS_TOLD_MAX = 50

/** `rules.yaml:12:11 unknown property …`, or `rules[0].limits[1] unknown property …` without a text. */
export function renderProblems(source: string, problems: readonly Problem[]): string {
  const lines = problems.slice(0, PROBLEMS_TOLD_MAX).map((problem) => {
    return `${placeOf(source, problem)} ${problem.message}`
  })
  const rest = problems.length - lines.length
  if (rest > 0) lines.push(`... and ${rest} more`)
  return lines.join('\n')
}

function placeOf(source: string, problem: Problem): string {
  if (problem.line > 0) return `${source}:${problem.line}:${problem.column}`
  return renderPath(problem.path) || source
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

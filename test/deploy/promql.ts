/** `metric{label="value"}[range]`, and the function it stands in. */
export interface Selector {
  readonly metric: string
  readonly matchers: readonly Matcher[]
  readonly isRange: boolean
  readonly within: string | undefined
}

export interface Matcher {
  readonly label: string
  readonly operator: string
  readonly value: string
}

/** What a query names: series, functions, and the labels it groups by. */
export interface Query {
  readonly selectors: readonly Selector[]
  readonly functions: readonly string[]
  readonly groupLabels: readonly string[]
}

const TOKEN = /"(?:[^"\\]|\\.)*"|\[[^\]]*\]|[A-Za-z_:][\w:]*|\d[\w.]*|[=!<>]=|[=!]~|\s+|./g
const GROUPING = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right'])
const OPERATOR = new Set(['and', 'or', 'unless', 'bool', 'offset'])
const isName = (token: string) => /^[A-Za-z_:]/.test(token)

/** Reads a query as far as names go; whether it makes sense otherwise is for Prometheus to say. */
export function readQuery(text: string): Query {
  const tokens = (text.match(TOKEN) ?? []).filter((token) => token.trim() !== '')
  const selectors: Selector[] = []
  const functions: string[] = []
  const groupLabels: string[] = []
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at] ?? ''
    const next = tokens[at + 1] ?? ''
    if (GROUPING.has(token)) {
      const end = tokens.indexOf(')', at)
      groupLabels.push(...tokens.slice(at, end).filter((it) => isName(it) && it !== token))
      at = end
    } else if (isName(token) && (next === '(' || GROUPING.has(next))) {
      functions.push(token)
    } else if (isName(token) && !OPERATOR.has(token)) {
      const end = next === '{' ? tokens.indexOf('}', at) : at
      const within = tokens[at - 1] === '(' ? functions.at(-1) : undefined
      const isRange = tokens[end + 1]?.startsWith('[') === true
      selectors.push({
        metric: token,
        matchers: readMatchers(tokens, at + 2, end),
        isRange,
        within,
      })
      at = end
    }
  }
  return { selectors, functions, groupLabels }
}

function readMatchers(tokens: readonly string[], start: number, end: number): Matcher[] {
  const matchers: Matcher[] = []
  for (let at = start; at < end; at += 4) {
    const [label = '', operator = '', value = '""'] = tokens.slice(at, at + 3)
    matchers.push({ label, operator, value: JSON.parse(value) as string })
  }
  return matchers
}

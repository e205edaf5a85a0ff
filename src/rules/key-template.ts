import { createHash } from 'node:crypto'
import { quote } from '../diagnostic.ts'
import { KEY_BYTES_MAX } from '../limiter/check.ts'
import { suggestion } from '../suggestion.ts'
import { canonicalAddress, type PrefixLengths } from './address.ts'
import { hostName } from './glob.ts'
import type { RequestFacts } from './request-facts.ts'

/**
 * Texts with variables, such as `{ip}:{header.x-api-key}`, that say who is limited.
 *
 * No two different tuples of values form one key. A single variable is its plain value. Of several, each
 * value but the last has the character that follows it in the template percent-encoded, and `%` itself,
 * so that the first such character always ends the value. Side by side they are put apart by a colon.
 *
 * Keys that cannot be told as they are get a form that begins with `~`, and a plain key that looks like
 * one of these is hashed: `~empty`, `~sha256:…` of what is too long or is not Unicode, and `~else:…` of the
 * template that is used when a variable of the first is missing.
 */
export interface KeyTemplate {
  readonly text: string
  readonly parts: readonly TemplatePart[]
}

export type TemplatePart = string | Variable

export type Variable =
  | { readonly type: 'method' | 'path' | 'host' | 'rule' }
  | { readonly type: 'ip'; readonly prefix?: PrefixLengths }
  | { readonly type: 'header' | 'query' | 'cookie' | 'descriptor'; readonly name: string }

export type Expansion =
  | { readonly type: 'key'; readonly key: string }
  /** The variable that has no value, as it stands in the template. */
  | { readonly type: 'missing'; readonly missing: string }

const PLAIN = ['method', 'path', 'host', 'ip', 'rule'] as const
const NAMED = ['header', 'query', 'cookie', 'descriptor'] as const
const SEPARATOR = ':'
/** Percent-encoding uses these itself: they cannot tell where a value ends. */
const NO_END = /^[%0-9A-F]/
/** Of one template; each costs a look into the request. */
const VARIABLES_MAX = 16

/** The template, or what is wrong with the text. */
export function parseKeyTemplate(text: string): KeyTemplate | string {
  if (LONE_SURROGATE.test(text)) return `${quote(text)} is not Unicode: remove half characters`
  const parts: TemplatePart[] = []
  let rest = text
  while (rest !== '') {
    const open = rest.search(/[{}]/)
    if (open < 0) {
      parts.push(rest)
      break
    }
    if (rest[open] === '}') return `${quote(text)} has a "}" without a "{" before it: remove it`
    if (open > 0) parts.push(rest.slice(0, open))
    const close = rest.indexOf('}', open)
    if (close < 0)
      return `${quote(text)} has a "{" that is not closed: write "}" after the variable`
    const variable = parseVariable(rest.slice(open + 1, close))
    if (typeof variable === 'string') return variable
    const last = parts.at(-1)
    if (typeof last === 'object') parts.push(SEPARATOR)
    else if (last !== undefined && parts.length > 1 && NO_END.test(last)) {
      parts[parts.length - 1] = `${SEPARATOR}${last}`
    }
    parts.push(variable)
    rest = rest.slice(close + 1)
  }
  const variables = parts.filter((part) => typeof part === 'object').length
  if (variables > VARIABLES_MAX) {
    return `${quote(text)} has ${variables} variables: use at most ${VARIABLES_MAX}`
  }
  return { text, parts }
}

export function hasVariables({ parts }: KeyTemplate): boolean {
  return parts.some((part) => typeof part === 'object')
}

function parseVariable(text: string): Variable | string {
  const [, head = '', tail] = /^([^./]*)(?:([./].*))?$/s.exec(text) ?? []
  const name = tail?.slice(1) ?? ''
  if (head === 'ip' && tail?.startsWith('/')) return parsePrefix(text, name)
  const plain = PLAIN.find((type) => type === head)
  if (plain !== undefined) {
    if (tail !== undefined) return `variable ${quote(text)} takes no name: write {${plain}}`
    return { type: plain }
  }
  const named = NAMED.find((type) => type === head)
  if (named === undefined) {
    const known = [...PLAIN, ...NAMED.map((type) => `${type}.…`)]
    const near = NAMED.find((type) => suggestion(head, NAMED).includes(`mean "${type}"`))
    const hint =
      near === undefined ? suggestion(head, known) : `(did you mean "${near}.${name || 'name'}"?)`
    return `unknown variable ${quote(text)} ${hint}`
  }
  if (tail === undefined || name === '' || tail.startsWith('/')) {
    return `variable ${quote(text)} has no name: write for example {${named}.${named === 'header' ? 'x-api-key' : 'user'}}`
  }
  return { type: named, name: named === 'header' ? name.toLowerCase() : name }
}

function parsePrefix(text: string, lengths: string): Variable | string {
  const match = /^(\d{1,3}),(\d{1,3})$/.exec(lengths)
  if (match === null) {
    return `variable ${quote(text)} needs a prefix length for IPv4 and one for IPv6: write {ip/24,64}`
  }
  const prefix = { v4: Number(match[1]), v6: Number(match[2]) }
  if (prefix.v4 > 32)
    return `variable ${quote(text)}: an IPv4 prefix has at most 32 bits: shorten it`
  if (prefix.v6 > 128)
    return `variable ${quote(text)}: an IPv6 prefix has at most 128 bits: shorten it`
  return { type: 'ip', prefix }
}

/** The text of the template, unsealed: for names such as a tier's. */
export function expandText({ parts }: KeyTemplate, rule: string, facts: RequestFacts): Expansion {
  let key = ''
  for (const [index, part] of parts.entries()) {
    if (typeof part === 'string') {
      key += part
      continue
    }
    const value = variableValue(part, rule, facts)
    if (value === undefined) return { type: 'missing', missing: variableText(part) }
    const next = parts[index + 1]
    const endsByNext = typeof next === 'string' && index + 2 < parts.length
    key += endsByNext ? guarded(value, next) : value
  }
  return { type: 'key', key }
}

/** The key of a request; `isFallback` for the template that is used when the first has no key. */
export function expandKey(
  template: KeyTemplate,
  rule: string,
  facts: RequestFacts,
  isFallback = false,
): Expansion {
  const expansion = expandText(template, rule, facts)
  if (expansion.type === 'missing') return expansion
  return { type: 'key', key: sealed(expansion.key, isFallback) }
}

function variableValue(variable: Variable, rule: string, facts: RequestFacts): string | undefined {
  switch (variable.type) {
    case 'method':
      return facts.method
    case 'path':
      return facts.path
    case 'host':
      return facts.host === undefined ? undefined : hostName(facts.host)
    case 'rule':
      return rule
    case 'ip':
      return facts.ip === undefined ? undefined : canonicalAddress(facts.ip, variable.prefix)
    case 'header':
      return facts.header(variable.name)
    case 'query':
      return facts.query(variable.name)
    case 'cookie':
      return facts.cookie(variable.name)
    case 'descriptor':
      return facts.descriptor(variable.name)
  }
}

export function variableText(variable: Variable): string {
  if ('name' in variable) return `${variable.type}.${variable.name}`
  if (variable.type !== 'ip' || variable.prefix === undefined) return variable.type
  return `ip/${variable.prefix.v4},${variable.prefix.v6}`
}

/** The value without the character that ends it: both it and `%` are percent-encoded. */
function guarded(value: string, next: string): string {
  const end = String.fromCodePoint(next.codePointAt(0) ?? 0)
  if (!value.includes('%') && !value.includes(end)) return value
  return value.replaceAll('%', '%25').replaceAll(end, percentEncoded(end))
}

function percentEncoded(character: string): string {
  const bytes = [...Buffer.from(character)]
  return bytes.map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
}

const SEALED = /^~(?:empty|sha256:|else:)/
const LONE_SURROGATE = /\p{Surrogate}/u

function sealed(text: string, isFallback: boolean): string {
  if (text === '' && !isFallback) return '~empty'
  const key = isFallback ? `~else:${text}` : text
  const isTaken = !isFallback && SEALED.test(text)
  if (!isTaken && Buffer.byteLength(key) <= KEY_BYTES_MAX && !LONE_SURROGATE.test(key)) return key
  // In UTF-16, because in UTF-8 all lone surrogates are the same.
  const hash = createHash('sha256').update(isFallback ? 'else' : 'key')
  return `~sha256:${hash.update(text, 'utf16le').digest('hex')}`
}

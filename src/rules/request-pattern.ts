import { hostName, matchesHost, matchesPath, pathSegments } from './glob.ts'
import type { RequestFacts } from './request-facts.ts'
import { matchesText } from './wildcard.ts'

/** What a request must be like; every condition that is there must hold. */
export interface RequestPattern {
  readonly methods?: readonly string[]
  /** Segments, see `matchesPath`; the text as written. */
  readonly path?: Pattern
  readonly host?: Pattern
  /** Values that descriptors must have; `*` is any text. */
  readonly descriptors?: ReadonlyMap<string, string>
}

export interface Pattern {
  readonly text: string
  readonly segments: readonly string[]
}

/** The condition that does not hold, and why. */
export interface Mismatch {
  readonly why: 'method' | 'path' | 'host' | 'descriptor'
  readonly detail: string
}

/** A request's path and host, cut once for all rules. */
export class MatchedFacts {
  readonly facts: RequestFacts
  #segments: readonly string[] | undefined

  constructor(facts: RequestFacts) {
    this.facts = facts
  }

  get segments(): readonly string[] {
    this.#segments ??= pathSegments(this.facts.path ?? '')
    return this.#segments
  }
}

export function pathPattern(text: string): Pattern {
  return { text, segments: text.split('/') }
}

export function hostPattern(text: string): Pattern {
  const name = hostName(text)
  return { text: name, segments: name.split('.') }
}

/** Undefined when the request is like that. */
export function mismatchOf(pattern: RequestPattern, request: MatchedFacts): Mismatch | undefined {
  const { method, path, host } = request.facts
  if (pattern.methods !== undefined && !pattern.methods.includes(method ?? '')) {
    const wanted = pattern.methods.join(' or ')
    return { why: 'method', detail: `${method ?? 'no method'} is not ${wanted}` }
  }
  if (pattern.path !== undefined) {
    if (path === undefined || !matchesPath(pattern.path.segments, request.segments)) {
      return { why: 'path', detail: `${path ?? 'no path'} does not fit ${pattern.path.text}` }
    }
  }
  if (pattern.host !== undefined) {
    if (host === undefined || !matchesHost(pattern.host.segments, hostName(host))) {
      return { why: 'host', detail: `${host ?? 'no host'} does not fit ${pattern.host.text}` }
    }
  }
  for (const [name, wanted] of pattern.descriptors ?? []) {
    const value = request.facts.descriptor(name)
    if (value === undefined || !matchesText(wanted, value)) {
      return { why: 'descriptor', detail: `${name} is ${value ?? 'missing'}, not ${wanted}` }
    }
  }
  return undefined
}

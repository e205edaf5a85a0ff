import { createHash } from 'node:crypto'

/**
 * A rule's tiers and overrides have other limits, so that each has a table of keys of its own, under a
 * name that no rule can have. An override's name stays when the order of overrides or their limits change.
 */

/** Of the hash of an override's key. */
export const OVERRIDE_HASH_DIGITS = 12

export function tierVariant(rule: string, tier: string): string {
  return `${rule}@${tier}`
}

export function overrideVariant(rule: string, key: string): string {
  const hash = createHash('sha256').update(key, 'utf16le').digest('hex')
  return `${rule}!${hash.slice(0, OVERRIDE_HASH_DIGITS)}`
}

/** Where keys of a rule are marked while they are blocked: all its tiers and overrides have one. */
export function blockVariant(rule: string): string {
  return overrideVariant('~block', rule)
}

/** The rule that a tier or an override is of; a rule's own name is its own. */
export function ownName(variant: string): string {
  const [name = variant] = variant.split(VARIANT_MARK, 1)
  return name
}

/** What no rule's name contains. */
const VARIANT_MARK = /[@!]/

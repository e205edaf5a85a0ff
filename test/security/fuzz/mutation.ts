import fc from 'fast-check'

/** One change of a structure: at the value with this number, in the order of a walk. */
export interface Mutation {
  readonly at: number
  readonly how: (typeof HOWS)[number]
  readonly value: unknown
}

const HOWS = ['replace', 'remove', 'insert', 'double', 'wrap', 'nest'] as const
/** As deep as the packer that writes it can go, four times over. */
const NEST_LEVELS = 500

/** Changes that put any of these values somewhere. */
export function mutations(values: readonly unknown[]): fc.Arbitrary<readonly Mutation[]> {
  const mutation = fc.record({
    at: fc.nat(500),
    how: fc.constantFrom(...HOWS),
    value: fc.constantFrom(...values),
  })
  return fc.array(mutation, { maxLength: 4 })
}

/** A copy with these changes, one after the other. */
export function mutated(value: unknown, changes: readonly Mutation[]): unknown {
  return changes.reduce(mutatedOnce, value)
}

function mutatedOnce(value: unknown, { at, how, value: other }: Mutation): unknown {
  let left = at % sizeOf(value)
  const walk = (field: unknown): unknown[] => {
    if (left-- === 0) return changed(field, how, other)
    if (Array.isArray(field)) return [field.flatMap(walk)]
    if (!isMapping(field)) return [field]
    const entries = Object.entries(field).flatMap(([name, item]) =>
      walk(item).map((copy, index) => [index === 0 ? name : `${name}${index}`, copy] as const),
    )
    return [Object.fromEntries(entries)]
  }
  return walk(value)[0]
}

/** What stands in a field's place: none, one or several. */
function changed(field: unknown, how: Mutation['how'], other: unknown): unknown[] {
  switch (how) {
    case 'replace':
      return [other]
    case 'remove':
      return []
    case 'insert':
      return [field, other]
    case 'double':
      return [field, field]
    case 'wrap':
      return [[field]]
    case 'nest':
      return [Array.from({ length: NEST_LEVELS }).reduce((inner) => [inner], field)]
  }
}

function sizeOf(value: unknown): number {
  if (!isMapping(value) && !Array.isArray(value)) return 1
  return Object.values(value).reduce<number>((sum, item) => sum + sizeOf(item), 1)
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === 'object' &&
    value !== null &&
    [Object.prototype, null].includes(Object.getPrototypeOf(value))
  )
}

import { describe, expect, it } from 'vitest'
import { nearestWord, suggestion } from '../src/suggestion.ts'

const known = ['name', 'limits', 'rate', 'burst']

describe('a suggestion', () => {
  it.each([
    ['limt', 'limits'],
    ['Limits', 'limits'],
    ['brust', 'burst'],
    ['nam', 'name'],
    ['rates', 'rate'],
  ])('for %s is %s', (word, meant) => {
    expect(nearestWord(word, known)).toBe(meant)
    expect(suggestion(word, known)).toBe(`(did you mean "${meant}"?)`)
  })

  it.each(['colour', 'x', '', 'limits'.repeat(1_000)])(
    'for %s is the list of known words',
    (word) => {
      expect(nearestWord(word, known)).toBeUndefined()
      expect(suggestion(word, known)).toBe('(known: name, limits, rate, burst)')
    },
  )
})

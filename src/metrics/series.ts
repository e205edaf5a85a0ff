import { Counter, type Registry } from 'prom-client'

/** A closed set of label values; the compiler sees to it that none is missing. */
export function wordsOf<Word extends string>(words: Record<Word, true>): readonly Word[] {
  return Object.keys(words) as Word[]
}

export interface CounterOptions {
  readonly name: string
  readonly help: string
  readonly registers: Registry[]
}

/** A counter's children for a closed set of words, each at 0. */
export function counters<Word extends string>(
  words: readonly Word[],
  labelName: string,
  options: CounterOptions,
): Record<Word, Counter.Internal> {
  const counter = new Counter({ ...options, labelNames: [labelName] })
  return children(words, (word) => {
    const child = counter.labels(word)
    child.inc(0)
    return child
  })
}

/** Something for each of a set of words. */
export function children<Word extends string, Child>(
  words: readonly Word[],
  make: (word: Word) => Child,
): Record<Word, Child> {
  return Object.fromEntries(words.map((word) => [word, make(word)])) as Record<Word, Child>
}

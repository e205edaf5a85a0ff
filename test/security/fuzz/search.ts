import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { BODIES } from './bodies.ts'
import { FRAMES } from './frames.ts'
import type { Target } from './target.ts'

/** All that can be fuzzed. */
export const TARGETS: readonly Target<unknown>[] = [FRAMES, BODIES]

/** An input that failed once, kept so that it never does again. */
export interface Kept {
  readonly target: string
  readonly input: unknown
  /** What was wrong with it at that time. */
  readonly found: string
}

/** Several times what `runs` that all succeed take; the rest is for making small what fails. */
const SEARCH_MS_MAX = 20_000

/** The smallest input found that the target fails on; undefined if none of `runs` does. */
export async function search(
  target: Target<unknown>,
  seed: number,
  runs: number,
): Promise<Kept | undefined> {
  const property = fc.asyncProperty(target.inputs, async (input) => {
    const complaints = await target.judge(input)
    if (complaints.length > 0) throw new Error(complaints.join('; '))
  })
  const { failed, counterexample, errorInstance } = await fc.check(property, {
    seed,
    numRuns: runs,
    // Of what fails, there is always something smaller to try.
    interruptAfterTimeLimit: SEARCH_MS_MAX,
  })
  if (!failed) return undefined
  const found = errorInstance instanceof Error ? errorInstance.message : String(errorInstance)
  return { target: target.name, input: counterexample?.[0], found }
}

/** Writes what was found into the corpus; returns the file. */
export function keep(kept: Kept, folder: string): string {
  const text = `${JSON.stringify(kept, undefined, 2)}\n`
  const name = createHash('sha256').update(JSON.stringify(kept.input)).digest('hex').slice(0, 12)
  const path = join(folder, `${kept.target}-${name}.json`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(path, text)
  return path
}

/** Everything that was ever kept, by file name. */
export function corpus(folder: string): readonly (readonly [string, Kept])[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => [name, JSON.parse(readFileSync(join(folder, name), 'utf8')) as Kept] as const)
}

import type { Violation } from '../../sim/oracle.ts'
import { examine, type Trial, trialsOf } from './examine.ts'

// Runs inside a build of the core that may have a defect, as a process of its own. It tries seed after seed
// until something is violated that is not violated in the sound build, and writes one line of JSON.

export interface Hunt {
  /** The scenarios to begin with. */
  readonly likely: readonly string[]
  readonly seeds: number
  /** A URL: the same file of a build without defects. Without it every violation counts. */
  readonly sound?: string
}

export interface Found {
  readonly trial: Trial
  readonly violation: Violation
}

export interface Hunted {
  readonly found: readonly Found[]
  readonly runs: number
  /** Violated in the sound build, too, and so proof of nothing. */
  readonly unsound: readonly Found[]
}

type Examine = typeof examine

async function examineOf(url: string | undefined): Promise<Examine | undefined> {
  if (url === undefined) return undefined
  const build: unknown = await import(url)
  return (build as { readonly examine: Examine }).examine
}

async function hunt({ likely, seeds, sound }: Hunt): Promise<Hunted> {
  const examineSound = await examineOf(sound)
  const unsound: Found[] = []
  const found: Found[] = []
  let runs = 0
  for (let seed = 1; seed <= seeds; seed++) {
    for (const trial of trialsOf(seed, likely)) {
      runs += 1
      const violations = examine(trial)
      if (violations.length === 0) continue
      const known = new Set(examineSound?.(trial).map(({ oracle }) => oracle))
      for (const violation of violations) {
        const isNew = !known.has(violation.oracle)
        ;(isNew ? found : unsound).push({ trial, violation })
        if (isNew && examineSound !== undefined) return { found, runs, unsound }
      }
    }
  }
  return { found, runs, unsound }
}

const wish: unknown = JSON.parse(process.argv[2] ?? '')
console.log(JSON.stringify(await hunt(wish as Hunt)))

import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { wishOrUsage } from '../../../bench/wish-or-usage.ts'
import { keep, search, TARGETS } from './search.ts'

const USAGE = `npm run fuzz -- [--minutes <n>] [--seed <n>] [--only <target>]

  --minutes  how long; 1 unless said
  --seed     where to begin: the same seed tries the same inputs; any unless said
  --only     ${TARGETS.map(({ name }) => name).join(' or ')}; both unless said`

/** Inputs between two looks at the clock. */
const ROUND_RUNS = 500
const CORPUS = 'test/security/corpus'
const SEED_MAX = 2 ** 31 - 1

interface Wish {
  readonly minutes: number
  readonly seed: number
  readonly only: string | undefined
}

/** @throws Error that says what is wrong. */
function wishOf(args: readonly string[]): Wish | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '1' },
      seed: { type: 'string', default: `${randomInt(SEED_MAX)}` },
      only: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return 'help'
  const [minutes, seed] = [Number(values.minutes), Number(values.seed)]
  if (!(minutes > 0)) throw new Error(`--minutes is not a number above 0: ${values.minutes}`)
  if (!Number.isInteger(seed) || seed < 0 || seed > SEED_MAX) {
    throw new Error(`--seed is not a whole number from 0 to ${SEED_MAX}: ${values.seed}`)
  }
  if (values.only !== undefined && TARGETS.every(({ name }) => name !== values.only)) {
    throw new Error(`--only: there is no target ${values.only}`)
  }
  return { minutes, seed, only: values.only }
}

async function main(args: readonly string[]): Promise<void> {
  const wish = wishOrUsage(wishOf, args, USAGE)
  if (wish === undefined) return
  const { minutes, seed, only } = wish
  const targets = TARGETS.filter(({ name }) => only === undefined || name === only)
  const endMs = performance.now() + minutes * 60_000
  let round = 0
  for (; performance.now() < endMs; round++) {
    for (const target of targets) {
      const roundSeed = (seed + round) % SEED_MAX
      const found = await search(target, roundSeed, ROUND_RUNS)
      if (found === undefined) continue
      console.log(`${target.name} fails: ${found.found}\nkept in ${keep(found, CORPUS)}`)
      console.log(`again: npm run fuzz -- --seed ${roundSeed} --only ${target.name}`)
      process.exitCode = 1
      return
    }
  }
  const tried = `${round * ROUND_RUNS} inputs each from seed ${seed}`
  console.log(`${targets.map(({ name }) => name).join(' and ')}: ${tried}, and none fails`)
}

await main(process.argv.slice(2))
process.exit()

import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os'
import { BYSTANDERS_SHARE_MAX } from './bystanders.ts'
import { cores } from './cores.ts'
import type { Scale } from './row.ts'

const GIB = 2 ** 30

/** What the figures belong to: command, machine, runtime, date, and how long was looked. */
export function heading(args: readonly string[], { rounds, roundMs }: Scale): string {
  const processors = cpus()
  const words = args.length === 0 ? '' : ` -- ${args.join(' ')}`
  const load = loadavg().map((average) => average.toFixed(2))
  return [
    `npm run bench${words}`,
    `${processors[0]?.model ?? 'unknown processor'}, ${processors.length} processors, ${Math.round(totalmem() / GIB)} GiB; ${platform()} ${release()} ${arch()}; Node ${process.version}; ${new Date().toISOString()}`,
    `${cores().description}; load average before: ${load.join(' ')}`,
    `medians of ${rounds} interleaved rounds of ${roundMs / 1_000} s`,
  ].join('\n')
}

/** In words, how far the figures are to be relied on. */
export function bystandersText(share: number | undefined): string {
  if (share === undefined) return 'what other programs did meanwhile is not known'
  const used = `other programs used ${Math.round(share * 100)} % of the machine meanwhile`
  return share <= BYSTANDERS_SHARE_MAX ? used : `${used}: measure again when it is quiet`
}

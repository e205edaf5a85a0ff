import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os'
import { BYSTANDERS_SHARE_MAX } from './bystanders.ts'
import { cores } from './cores.ts'
import type { Rounds } from './interleave.ts'

const GIB = 2 ** 30

/** What the figures belong to: command, machine, runtime, date, and how long was looked. */
export function heading(
  command: string,
  args: readonly string[],
  { rounds, roundMs }: Rounds,
): string {
  const words = args.length === 0 ? '' : ` -- ${args.join(' ')}`
  const load = loadavg().map((average) => average.toFixed(2))
  return [
    `npm run ${command}${words}`,
    `${machineText()}; kernel ${release()}; ${new Date().toISOString()}`,
    `${cores().description}; load average before: ${load.join(' ')}`,
    `medians of ${rounds} interleaved rounds of ${roundMs / 1_000} s`,
  ].join('\n')
}

/** The kind of machine and its runtime. */
export function machineText(): string {
  const processors = cpus()
  return `${processors[0]?.model ?? 'unknown processor'}, ${processors.length} processors, ${Math.round(totalmem() / GIB)} GiB; ${platform()} ${arch()}; Node ${process.version}`
}

/** In words, how far the figures are to be relied on. */
export function bystandersText(share: number | undefined): string {
  if (share === undefined) return 'it is not known what other programs did'
  const used = `other programs used ${Math.round(share * 100)} % of the machine`
  return share <= BYSTANDERS_SHARE_MAX ? used : `${used}: measure again when it is quiet`
}

import { availableParallelism } from 'node:os'
import { addressOf } from './http.ts'
import { interleave, median, ratios } from './interleave.ts'
import { checksPerCpuSecond, described, type Loaded, LoadGenerator } from './load.ts'
import {
  figure,
  numberText,
  type Reading,
  type Row,
  type Scale,
  type Subject,
  skipped,
} from './row.ts'
import { Stand } from './stand.ts'
import { CONNECTIONS, KEYS, keyTexts } from './workload.ts'

const WORKERS = 2
const WARM_UP_TURNS = 4

const TWO: Row = {
  name: 'workers-2',
  measures: `POST /v1/check, --workers ${WORKERS} on two cores, half of the keys forwarded / one worker on one core, all keys its own`,
  unit: '×',
  target: { atLeast: 1.7 },
}

/** What a host gains by using its cores. */
export const workers: Subject = {
  name: 'workers',
  rows: [TWO],
  measure: (scale) => Stand.with((stand) => measure(stand, scale)),
}

/**
 * One worker has a core, and the load generator another. Two workers have both cores, and the generator is on
 * one of them: of the two cores' time they get what it leaves, and by the clock they would be measured by its appetite. So
 * what counts is the processor time they used themselves, their parent's included:
 *
 *     ratio = workers · (checks / processor time of all) / (checks / processor time of the one)
 *
 * which is the ratio by the clock on a machine where the load comes from elsewhere and keeps all workers busy. What
 * forwarding costs is in it, and what two processes take from each other's caches.
 */
async function measure(stand: Stand, scale: Scale): Promise<Map<string, Reading>> {
  if (availableParallelism() < WORKERS) {
    return new Map([[TWO.name, skipped('there is one processor only')]])
  }
  const listen = ['--listen', '127.0.0.1:0', '--peer-listen', '127.0.0.1:0']
  const one = await stand.node('one', 'server', listen)
  const two = await stand.workers('two', 'both', WORKERS, listen)
  const generator = new LoadGenerator(stand)
  const keys = keyTexts(KEYS)
  const turn = (url: string, pids: readonly number[]) => (durationMs: number) =>
    generator.run(addressOf(url), 'check', { keys, connections: CONNECTIONS, durationMs, pids })
  // Each of two gets less than half of what one gets, and has as much to compile.
  const turns = await interleave(
    { ...scale, warmUpMs: WARM_UP_TURNS * scale.warmUpMs },
    {
      one: turn(one.url, [one.pid]),
      two: turn(two.url, [...two.workers.map(({ pid }) => pid), two.pid]),
    },
  )
  const values = ratios(checksPerCpuSecond(turns.two), checksPerCpuSecond(turns.one))
  const note = `${described('one', turns.one)}; ${describedWorkers(turns.two)}; by the clock, with the load on the same cores, ${numberText(median(ratios(turns.two.map(perSecond), turns.one.map(perSecond))))}×`
  return new Map([
    [
      TWO.name,
      figure(
        values.map((value) => WORKERS * value),
        note,
      ),
    ],
  ])
}

function perSecond({ requests, seconds }: Loaded): number {
  return requests / seconds
}

/** A core's checks, and how busy each worker was, their parent and the load. */
function describedWorkers(turns: readonly Loaded[]): string {
  const percent = (share: (turn: Loaded) => number) =>
    `${numberText(100 * median(turns.map(share)))} %`
  const shareOf = (at: number) =>
    percent(({ cpuSeconds, seconds }) => (cpuSeconds[at] ?? Number.NaN) / seconds)
  const each = Array.from({ length: WORKERS }, (_, at) => shareOf(at)).join(' and ')
  const core = numberText(median(checksPerCpuSecond(turns)))
  return `two ${core}/s of each core (workers ${each} busy, their parent ${shareOf(WORKERS)}, load ${percent(({ loadBusy }) => loadBusy)})`
}
